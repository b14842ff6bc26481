package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results/postgres/postgrestest"
	"github.com/caddy-experiments/caddy-experiments/store/redis/redistest"
)

var deliveries = []fault{
	{"F34", "PostgreSQL becomes read-only, as after a failover", "0 failed, every event accepted and there once, heals by itself ≤ 30 s", readOnlyLog},
	{"F35", "a poisoned queue of events", "0 failed, every event accepted and there once, memory +150 MB at most", poisonedQueue},
}

// senders is how many events are on their way at a time.
const senders = 4

// postings are events that are sent to the edges that the load goes to, until
// they are stopped.
type postings struct {
	scene *scene
	done  chan struct{}
	group sync.WaitGroup

	mu       sync.Mutex
	accepted map[string]bool
	refused  int
	reason   string // of the first that was refused
}

// startPostings begins to send events. The load must have begun.
func (s *scene) startPostings() *postings {
	p := &postings{scene: s, done: make(chan struct{}), accepted: map[string]bool{}}
	for sender := range senders {
		p.group.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-p.done:
					return
				case <-time.After(50 * time.Millisecond):
					p.post(sender+i, fmt.Sprintf("posted-%d-%d", sender, i))
				}
			}
		})
	}
	return p
}

func (p *postings) post(place int, id string) {
	edges := *p.scene.load.edges.Load()
	status, text := edges[place%len(edges)].call(http.MethodPost, "/events",
		fmt.Sprintf(`{"id":%q,"event":"s","unit":%[1]q,"t":%d}`, id, time.Now().UnixMilli()))
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case status == http.StatusAccepted:
		p.accepted[id] = true
	case p.refused == 0:
		p.reason = fmt.Sprintf("%d %.200s", status, text)
		fallthrough
	default:
		p.refused++
	}
}

// number is how many events were accepted.
func (p *postings) number() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.accepted)
}

// arrive ends the sending, and waits until all that was accepted is in the log of
// an edge, once.
func (p *postings) arrive(e *edge) {
	close(p.done)
	p.group.Wait()
	s := p.scene
	if p.refused > 0 {
		s.miss("%d events were not accepted, the first: %s; the edges say: %s", p.refused, p.reason, p.reasons())
	}
	begin := time.Now()
	s.within(2*time.Minute, "all that was accepted is in the log", func() bool {
		missing, twice := p.lacks(e)
		if twice > 0 {
			s.Fatalf("%d events are in the log twice", twice)
		}
		return missing == 0
	})
	s.note("%d events accepted, all there after %s", len(p.accepted), round(time.Since(begin)))
}

// reasons are what the edges say of the first events that they did not accept.
func (p *postings) reasons() string {
	var all []string
	for _, e := range *p.scene.load.edges.Load() {
		log, err := os.ReadFile(filepath.Join(e.dir, "edge.log"))
		if err != nil {
			p.scene.Fatal(err)
		}
		for line := range strings.Lines(string(log)) {
			if strings.Contains(line, "appending events failed") {
				all = append(all, strings.TrimSpace(line))
				break
			}
		}
	}
	return strings.Join(all, " ")
}

// lacks counts what is not in the log of an edge, and what it has more than once.
func (p *postings) lacks(e *edge) (missing, twice int) {
	_, text, err := e.send(http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/experiments/events", e.admin), "")
	if err != nil {
		return len(p.accepted), 0
	}
	found := map[string]int{}
	for line := range strings.Lines(text) {
		if _, rest, ok := strings.Cut(line, `"id":"posted-`); ok {
			id, _, _ := strings.Cut(rest, `"`)
			found["posted-"+id]++
		}
	}
	for id := range p.accepted {
		switch found[id] {
		case 0:
			missing++
		case 1:
		default:
			twice++
		}
	}
	return missing, twice
}

// readOnlyLog has both edges keep their events in a PostgreSQL that answers all
// that is written with an error for a while.
func readOnlyLog(s *scene) {
	log := postgrestest.StartServer(s)
	_, a, b := s.single()
	edges := []*edge{a, b}
	for i, e := range edges {
		s.load.turnTo(edges[1-i])
		e.configure(fmt.Sprintf("events postgres %q", log.DSN()), "")
		e.signal(syscall.SIGTERM)
		e.start()
		s.inStep(10*time.Second, 1, e)
	}
	s.load.turnTo(edges...)
	s.within(20*time.Second, "all is well", func() bool { return a.well() && b.well() })
	s.accepts(edges...)
	p := s.startPostings()
	time.Sleep(time.Second)

	log.Exec("ALTER SYSTEM SET default_transaction_read_only = on")
	log.Exec("SELECT pg_reload_conf()")
	gone := time.Now()
	s.within(time.Minute, "the status says so", func() bool { return !a.well() && !b.well() })
	s.publish(b, 2)
	s.inStep(5*time.Second, 2, edges...)
	s.startAnew(edges)
	time.Sleep(s.outage - min(s.outage, time.Since(gone)))

	log.Exec("ALTER SYSTEM RESET default_transaction_read_only")
	log.Exec("SELECT pg_reload_conf()")
	healed := time.Now()
	s.within(2*time.Minute, "all is well again", func() bool { return a.well() && b.well() })
	s.limit("healed", time.Since(healed), 30*time.Second)
	p.arrive(a)
	s.load.judge(true)
}

// poisonedQueue has a stranger write to the queue that events of one edge take to
// another: what is no message, parts of messages, forgeries, and what is far too
// large.
func poisonedQueue(s *scene) {
	server, a, b := s.single()
	edges := []*edge{a, b}
	for i, e := range edges {
		s.load.turnTo(edges[1-i])
		e.configure([]string{"events ./events", "events stream"}[i], "")
		e.signal(syscall.SIGTERM)
		e.start()
		s.inStep(10*time.Second, 1, e)
	}
	s.load.turnTo(edges...)
	s.accepts(edges...)
	p := s.startPostings()
	time.Sleep(time.Second)
	memory, _ := a.use()

	// Without its reader the queue has messages to make others of.
	s.load.turnTo(b)
	a.signal(syscall.SIGTERM)
	var message string
	s.within(30*time.Second, "a message is in the queue", func() bool {
		message = firstMessage(server)
		return message != ""
	})
	head, body, _ := strings.Cut(message, "\n")
	words := strings.Split(head, " ")
	forged := func(place int, word string) string {
		changed := append([]string{}, words...)
		changed[place] = word
		return strings.Join(changed, " ") + "\n" + body
	}
	poisons := []string{
		"junk", "", message[:len(message)/2], message[:len(message)-1], message + "x", head + "\n", body,
		forged(1, "other"), forged(2, "nobody"), forged(3, strings.Repeat("0", 64)), forged(0, "experiments.queue.v2"),
		"experiments.queue.v1 experiments - -\n" + body, head + "\n" + strings.Repeat("x", 2<<20), strings.Repeat("\x00", 2<<20),
		head + "\n" + strings.Replace(body, "posted", "forged", 1),
	}
	poison := func() {
		for _, text := range poisons {
			server.Command("XADD", queueKey, "*", "m", text)
			server.Command("XADD", queueKey, "*", "other", "x")
		}
	}
	poison()
	a.start()
	s.inStep(10*time.Second, 1, a)
	s.load.turnTo(edges...)
	most, rounds := 0, 0
	for end := time.Now().Add(s.outage); time.Now().Before(end); rounds++ {
		poison()
		now, _ := a.use()
		most = max(most, now-memory)
		time.Sleep(200 * time.Millisecond)
	}
	before := p.number()
	s.within(time.Minute, "events are accepted", func() bool { return p.number() > before+20 })
	p.arrive(a)
	s.within(time.Minute, "the queue is empty", func() bool { return server.Command("XLEN", queueKey) == "0" })
	s.within(time.Minute, "all is well", func() bool { return a.well() && b.well() })
	s.load.judge(true)
	s.note("%d poisoned, memory %+d MB at most", 2*len(poisons)*(rounds+1), most>>20)
	if most > 150<<20 {
		s.miss("memory has grown by %d MB", most>>20)
	}
	if a.exports("forged-") {
		s.miss("an event that was forged is in the log")
	}
}

const queueKey = "{experiments}:events"

// firstMessage is the oldest message in the queue, empty if there is none.
func firstMessage(server *redistest.Server) string {
	return server.Command("EVAL", "local m = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1); if #m == 0 then return '' end; return m[1][2][2]", "1", queueKey)
}
