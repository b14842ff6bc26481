package main

import (
	"fmt"
	"time"

	"github.com/caddy-experiments/caddy-experiments/store/redis/redistest"
)

// scene is what one fault is tried on.
type scene struct {
	*lab
	*bench
	load   *load
	result result
}

// note adds a figure to the result.
func (s *scene) note(format string, args ...any) {
	s.result.notes = append(s.result.notes, fmt.Sprintf(format, args...))
}

// miss enters a target that was not met.
func (s *scene) miss(format string, args ...any) {
	s.result.faults = append(s.result.faults, fmt.Sprintf(format, args...))
}

// limit holds a time against its target.
func (s *scene) limit(what string, took, most time.Duration) {
	s.note("%s %s", what, round(took))
	if s.short {
		most *= 2 // short runs are for machines that are busy with other tests
	}
	if took > most {
		s.miss("%s took %s, the limit is %s", what, round(took), most)
	}
}

func round(d time.Duration) time.Duration {
	if d > 10*time.Millisecond {
		return d.Round(time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}

// within waits for a condition and gives how long that took. Not reaching it
// ends the trial.
func (s *scene) within(most time.Duration, what string, condition func() bool) time.Duration {
	begin := time.Now()
	for !condition() {
		if time.Since(begin) > most {
			s.Fatalf("not within %s: %s", most, what)
		}
		time.Sleep(time.Millisecond)
	}
	return time.Since(begin)
}

// overRedis is the store of an edge over a server or what stands before one.
func overRedis(url string) string { return url + " {\n last_known_good ./kept\n }" }

// pair starts two edges, each over its own way to Redis, with configuration
// number 1, and logins to both.
func (s *scene) pair(first, second string) (a, b *edge) {
	a, b = s.newEdge(first), s.newEdge(second)
	a.start()
	b.start()
	s.publish(a, 1)
	s.inStep(3*time.Second, 1, a, b)
	s.startLoad(a, b)
	time.Sleep(time.Second)
	return a, b
}

// single is a pair over one server.
func (s *scene) single() (server *redistest.Server, a, b *edge) {
	server = redistest.Start(s, redistest.Persistent("everysec"))
	a, b = s.pair(overRedis(server.URL()), overRedis(server.URL()))
	return server, a, b
}

// publish makes a configuration the newest one, which may take some attempts.
func (s *scene) publish(e *edge, n int) {
	for begin := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		err := e.put("default/production", document(n, true))
		if err == nil {
			return
		}
		if time.Since(begin) > 10*time.Second {
			s.Fatalf("configuration %d is not accepted: %v", n, err)
		}
	}
}

// inStep waits until edges decide by a configuration.
func (s *scene) inStep(most time.Duration, n int, edges ...*edge) time.Duration {
	return s.within(most, fmt.Sprintf("configuration %d is in force everywhere", n), func() bool {
		for _, e := range edges {
			if e.number() != n {
				return false
			}
		}
		return true
	})
}
