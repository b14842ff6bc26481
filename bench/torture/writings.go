package main

import (
	"encoding/json"
	"fmt"
	"sync"
	"syscall"
	"time"

	"github.com/caddy-experiments/caddy-experiments/store/redis/redistest"
)

var writings = []fault{
	{"F12", "16 writers over 3 nodes, one killed midway", "0 acknowledged writes lost, 0 twice, all edges equal ≤ 3 s", manyWriters},
	{"F14", "1,000 tenants, one publishes all the time", "the others' p99 at most twice, and 10 ms", manyTenants},
}

func manyWriters(s *scene) {
	const writers = 16
	changes := 250
	if s.short {
		changes = 15
	}
	server := redistest.Start(s)
	store := overRedis(server.URL())
	a, b := s.pair(store, store)
	c := s.newEdge(store)
	c.start()
	nodes := []*edge{a, b, c}
	var mu sync.Mutex
	acknowledged, unknown := map[string]bool{}, map[string]bool{}
	var group sync.WaitGroup
	begin := time.Now()
	for w := range writers {
		group.Go(func() {
			for i := range changes {
				name := fmt.Sprintf("writer %d change %d", w, i)
				status, text := nodes[(w+i)%3].call("POST", "/segments", fmt.Sprintf(`{"name": %q, "rules": [{"match": {"country": ["US"]}}]}`, name))
				mu.Lock()
				switch status {
				case 201:
					acknowledged[name] = true
				case 0, 503: // the node is gone, or it cannot tell
					unknown[name] = true
				default:
					s.miss("a write is answered %d %.80s", status, text)
				}
				mu.Unlock()
			}
		})
	}
	time.Sleep(time.Second)
	c.signal(syscall.SIGKILL)
	group.Wait()
	took := time.Since(begin)
	time.Sleep(3 * time.Second)
	_, first, err := a.send("GET", fmt.Sprintf("http://127.0.0.1:%d/experiments/document?tenant=default/production", a.admin), "")
	_, second, err2 := b.send("GET", fmt.Sprintf("http://127.0.0.1:%d/experiments/document?tenant=default/production", b.admin), "")
	if err != nil || err2 != nil || first != second {
		s.miss("the edges do not have the same document (%v, %v)", err, err2)
	}
	var got struct {
		Segments []struct{ Name string }
	}
	if err := json.Unmarshal([]byte(first), &got); err != nil {
		s.Fatal(err)
	}
	seen := map[string]int{}
	for _, segment := range got.Segments {
		seen[segment.Name]++
	}
	lost, twice := 0, 0
	for name := range acknowledged {
		if seen[name] == 0 {
			lost++
		}
	}
	for _, n := range seen {
		if n > 1 {
			twice++
		}
	}
	if lost+twice > 0 {
		s.miss("%d acknowledged writes are lost, %d there twice", lost, twice)
	}
	s.load.judge(true)
	s.note("%d acknowledged, %d without an answer, %.0f/s", len(acknowledged), len(unknown), float64(len(acknowledged))/took.Seconds())
}

func manyTenants(s *scene) {
	tenants := 1000
	if s.short {
		tenants = 100
	}
	server := redistest.Start(s)
	a := s.newEdge(overRedis(server.URL()))
	// Tenants are followed that a token is for.
	var tokens string
	for i := range tenants {
		tokens += fmt.Sprintf("token t%d {\n tenant tenant%d/production\n }\n", i, i)
	}
	a.configure("", tokens)
	took := a.start()
	s.publish(a, 1)
	s.inStep(5*time.Second, 1, a)
	for i := range tenants {
		if err := a.put(fmt.Sprintf("tenant%d/production", i), document(1, false)); err != nil {
			s.Fatal(err)
		}
	}
	s.startLoad(a)
	time.Sleep(time.Second) // for connections to be made
	warm := time.Since(begun(s))
	time.Sleep(s.outage / 2)
	quiet := time.Since(begun(s))
	for end := time.Now().Add(s.outage / 2); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if err := a.put("tenant7/production", document(1, false)); err != nil {
			s.miss("publishing: %v", err)
			break
		}
	}
	busy := time.Since(begun(s))
	s.load.judge(true)
	before, meanwhile := s.load.p99(warm, quiet), s.load.p99(quiet, busy)
	if meanwhile > 2*before+10*time.Millisecond {
		s.miss("the p99 has risen")
	}
	s.note("%d tenants, started in %s, p99 %s before, %s meanwhile", tenants, round(took), round(before), round(meanwhile))
}
