package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/caddy-experiments/caddy-experiments/store/redis/redistest"
)

var outages = []fault{
	{"F1", "kill -9 of Redis, restart", "0 failed, 0 wrong, in step ≤ 3 s", killRedis},
	{"F2", "Redis never there, nothing on disk", "answers < 1 s, 0 failed, no header", neverThere},
	{"F3", "start without Redis, from disk", "right variation < 1 s, 0 wrong", startFromDisk},
	{"F4", "Redis hangs (SIGSTOP)", "0 failed, 0 wrong, in step ≤ 3 s", hangRedis},
	{"F5", "silent blackhole, each way and both", "noticed ≤ 2 s, in step ≤ 3 s without a new write", blackhole},
	{"F6", "latency, 1 kB/s, slices, resets, broken replies", "0 failed, 0 wrong, in step ≤ 5 s", badNetwork},
	{"F7", "Redis connections cut again and again", "memory and descriptors as before", cutConnections},
}

func killRedis(s *scene) {
	server, a, b := s.single()
	time.Sleep(s.outage / 4)
	healthy := time.Since(begun(s))
	server.Kill()
	s.limit("noticed", s.within(5*time.Second, "the status is degraded", func() bool { return a.status().Status == "degraded" }), 2*time.Second)
	refused := 0
	for end := time.Now().Add(s.outage); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if status, text := a.call("POST", "/segments", `{"name": "never", "rules": [{"match": {"country": ["US"]}}]}`); status != 503 || !strings.Contains(text, "experiment_store_unavailable") {
			s.miss("a write meanwhile is answered %d", status)
			break
		}
		refused++
	}
	away := time.Since(begun(s))
	server.Restart()
	begin := time.Now()
	s.publish(a, 2)
	s.inStep(5*time.Second, 2, a, b)
	s.limit("in step", time.Since(begin), 3*time.Second)
	s.load.judge(true)
	s.note("%d writes refused with 503", refused)
	s.note("p99 %s before, %s meanwhile", round(s.load.p99(0, healthy)), round(s.load.p99(healthy, away)))
}

// begun is when the load began, as far as its first answer tells.
func begun(s *scene) time.Time {
	s.load.mu.Lock()
	defer s.load.mu.Unlock()
	if len(s.load.latency) == 0 {
		return time.Now()
	}
	last := s.load.latency[len(s.load.latency)-1]
	return time.Now().Add(-last.at)
}

func neverThere(s *scene) {
	for name, store := range map[string]string{"nobody listens": "redis://127.0.0.1:1", "blackhole": "redis://192.0.2.1:6379"} {
		e := s.newEdge(overRedis(store))
		s.limit("answers, "+name, e.start(), time.Second)
		s.startLoad(e)
		time.Sleep(2 * time.Second)
		s.load.judge(false)
	}
}

func startFromDisk(s *scene) {
	server, a, b := s.single()
	s.load.turnTo(a)
	server.Kill()
	b.signal(syscall.SIGKILL)
	begin := time.Now()
	b.start()
	s.inStep(5*time.Second, 1, b)
	s.limit("right variation", time.Since(begin), time.Second)
	s.load.turnTo(a, b)
	time.Sleep(2 * time.Second)
	s.load.judge(true)
}

func hangRedis(s *scene) {
	server, a, b := s.single()
	server.Pause()
	s.limit("noticed", s.within(5*time.Second, "the status is degraded", func() bool { return b.status().Status == "degraded" }), 2*time.Second)
	time.Sleep(s.outage / 2)
	server.Continue()
	begin := time.Now()
	s.publish(a, 2)
	s.inStep(5*time.Second, 2, a, b)
	s.limit("in step", time.Since(begin), 3*time.Second)
	s.load.judge(true)
}

func blackhole(s *scene) {
	server := redistest.Start(s)
	proxy := redistest.StartProxy(s, server.Address())
	a, b := s.pair(overRedis(server.URL()), overRedis(proxy.URL()))
	n := 1
	for name, cut := range map[string]func(){"both ways": proxy.Blackhole, "requests": proxy.BlackholeRequests, "replies": proxy.BlackholeReplies} {
		cut()
		n++
		s.publish(a, n)
		s.limit("noticed, "+name, s.within(5*time.Second, "the status is degraded", func() bool { return b.status().Status == "degraded" }), 2*time.Second)
		time.Sleep(s.outage / 3)
		proxy.Heal()
		s.limit("in step", s.inStep(5*time.Second, n, a, b), 3*time.Second)
		s.within(5*time.Second, "all is well", func() bool { return b.status().Status == "healthy" })
	}
	s.load.judge(true)
}

func badNetwork(s *scene) {
	server := redistest.Start(s)
	proxy := redistest.StartProxy(s, server.Address())
	a, b := s.pair(overRedis(server.URL()), overRedis(proxy.URL()))
	n := 1
	for name, disturb := range map[string]func(){
		"latency":        func() { proxy.Latency(500*time.Millisecond, 400*time.Millisecond) },
		"1 kB/s":         func() { proxy.Bandwidth(1) },
		"slices":         func() { proxy.Slicer(64, time.Millisecond) },
		"resets":         proxy.ResetPeer,
		"broken replies": func() { proxy.LimitData(9000) },
	} {
		disturb()
		for end := time.Now().Add(s.outage / 4); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
			n++
			s.publish(a, n)
		}
		proxy.Heal()
		s.limit("after "+name, s.inStep(10*time.Second, n, a, b), 5*time.Second)
	}
	if refused := b.log("experiment_config_rejected"); refused > 0 {
		s.miss("%d documents were rejected, which a network must not cause", refused)
	}
	s.load.judge(true)
}

func cutConnections(s *scene) {
	server := redistest.Start(s)
	proxy := redistest.StartProxy(s, server.Address())
	a, b := s.pair(overRedis(server.URL()), overRedis(proxy.URL()))
	time.Sleep(2 * time.Second)
	memory, files := b.use()
	cuts := 1000
	if s.short {
		cuts = 50
	}
	for range cuts {
		proxy.Down()
		time.Sleep(5 * time.Millisecond)
		proxy.Up()
		time.Sleep(15 * time.Millisecond)
	}
	s.publish(a, 2)
	s.inStep(5*time.Second, 2, a, b)
	s.load.judge(true)
	time.Sleep(time.Second)
	moreMemory, moreFiles := b.use()
	s.note("%d cuts, memory %+d MB, descriptors %+d", cuts, (moreMemory-memory)>>20, moreFiles-files)
	if moreMemory-memory > 20<<20 || moreFiles-files > 10 {
		s.miss("memory or descriptors have grown")
	}
}

// use is the memory in bytes and the number of open files of the edge, as Linux
// tells.
func (e *edge) use() (memory, files int) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", e.process.Process.Pid))
	if err != nil {
		e.scene.Skipf("only Linux tells what a process uses")
	}
	var total, resident int
	if _, err := fmt.Sscan(string(text), &total, &resident); err != nil {
		e.scene.Fatal(err)
	}
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", e.process.Process.Pid))
	if err != nil {
		e.scene.Fatal(err)
	}
	return resident * os.Getpagesize(), len(open)
}
