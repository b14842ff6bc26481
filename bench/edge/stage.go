package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/caddy-experiments/caddy-experiments/bench/report"
)

// stage is everything that runs while proxies are measured.
type stage struct {
	options  *options
	sides    []*side
	proxies  map[string]*proxy
	upstream net.Listener
	attacker attacker
	visits   [newcome + 1]visits // by who asks
}

// visits are requests, and wrk's script with them.
type visits struct {
	requests []request
	script   string
}

// sample is what one side took in one round.
type sample struct {
	rate         float64 // requests a second at full speed
	cpuFull      float64 // µs a request
	cpuFixed     float64
	p50, p99     float64 // µs, at the fixed rate
	heapBytes    float64 // a request
	heapMallocs  float64
	fullRequests int
}

func newStage(ctx context.Context, o *options, dir string) (*stage, error) {
	for _, program := range []string{"wrk", "taskset"} {
		if _, err := exec.LookPath(program); err != nil {
			return nil, fmt.Errorf("it needs %s: %w", program, err)
		}
	}
	s := &stage{options: o, proxies: map[string]*proxy{}, attacker: newAttacker()}
	binary := o.binary
	if binary == "" {
		binary = filepath.Join(dir, "caddy")
		fmt.Fprintln(os.Stderr, "building Caddy with the plugin (minutes, the first time)")
		build := exec.CommandContext(ctx, "go", "build", "-o", binary, "./caddymodule/cmd/caddy")
		build.Dir = o.root
		if out, err := build.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("building Caddy: %w\n%s", err, out)
		}
	}
	var err error
	if binary, err = filepath.Abs(binary); err != nil {
		return nil, err
	}
	if s.upstream, err = startUpstream(); err != nil {
		return nil, err
	}
	if err := s.raise(binary, dir); err != nil {
		s.close()
		return nil, err
	}
	if err := s.prepare(dir); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// raise starts the proxies that are wanted.
func (s *stage) raise(binary, dir string) error {
	modules := "/"
	nginx := true
	_, err := exec.LookPath("nginx")
	if err == nil {
		modules, err = nginxModules(dir)
	}
	if err != nil {
		nginx = false
		fmt.Fprintln(os.Stderr, "without nginx:", err)
	}
	for _, one := range allSides() {
		// What others are compared with, and where cookies come from, always runs.
		if !s.options.wants(one.name) && one.name != "bare" && one.name != "ours" && !s.options.compares(one.name) {
			continue
		}
		for i := range setups {
			if setups[i].name != one.setupOf() || (setups[i].nginx && !nginx) {
				continue
			}
			if s.proxies[setups[i].name] == nil {
				started, err := setups[i].start(s.options.root, binary, modules, dir, s.upstream.Addr().String())
				if started != nil {
					s.proxies[setups[i].name] = started
				}
				if err != nil {
					return err
				}
			}
			one.proxy = s.proxies[setups[i].name]
			s.sides = append(s.sides, one)
		}
	}
	return nil
}

// prepare makes the requests and warms everything up.
func (s *stage) prepare(dir string) (err error) {
	s.visits[newcome].requests = newVisitors()
	s.visits[returning].requests, s.visits[again].requests, err = returned(s.proxies["ours"].url, s.visits[newcome].requests)
	if err != nil {
		return err
	}
	for kind := range s.visits {
		v := &s.visits[kind]
		v.script = filepath.Join(dir, fmt.Sprintf("visits%d.lua", kind))
		if err := writeScript(v.script, v.requests); err != nil {
			return err
		}
	}
	for _, one := range s.sides {
		if _, err := s.measure(context.Background(), one); err != nil {
			return fmt.Errorf("warming up %s: %w", one.name, err)
		}
	}
	return nil
}

func (s *stage) close() {
	for _, p := range s.proxies {
		p.stop()
	}
	s.upstream.Close()
}

// measure asks a side at full speed and at the fixed rate.
func (s *stage) measure(ctx context.Context, one *side) (sample, error) {
	visits := &s.visits[one.asks]
	before, err := one.proxy.heap()
	if err != nil {
		return sample{}, err
	}
	used, err := one.proxy.processorTime()
	if err != nil {
		return sample{}, err
	}
	count, rate, err := fullSpeed(ctx, one.proxy.url, visits.script, s.options.connections, 1)
	if err != nil {
		return sample{}, err
	}
	full, err := one.proxy.processorTime()
	if err != nil {
		return sample{}, err
	}
	after, err := one.proxy.heap()
	if err != nil {
		return sample{}, err
	}
	begun, err := one.proxy.processorTime()
	if err != nil {
		return sample{}, err
	}
	metrics, err := s.attacker.fixedRate(one.proxy.url, visits.requests, s.options.rate, s.options.fixed)
	if err != nil {
		return sample{}, err
	}
	ended, err := one.proxy.processorTime()
	if err != nil {
		return sample{}, err
	}
	per := func(d time.Duration, n int) float64 { return float64(d.Nanoseconds()) / 1000 / float64(n) }
	return sample{
		rate: rate, cpuFull: per(full-used, count), cpuFixed: per(ended-begun, int(metrics.Requests)), fullRequests: count,
		p50: per(metrics.Latencies.P50, 1), p99: per(metrics.Latencies.P99, 1),
		heapBytes: (after.bytes - before.bytes) / float64(count), heapMallocs: (after.mallocs - before.mallocs) / float64(count),
	}, nil
}

// eventsKept says what became of the events that the edge with them had.
func (s *stage) eventsKept() (string, error) {
	p := s.proxies["ours_events"]
	if p == nil {
		return "", nil
	}
	kept, err := p.metrics(`caddy_experiments_events_recorded_total{kind="exposure"}`, "caddy_experiments_events_dropped_total")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(" Exposures kept: %s; dropped: %s.", report.Count(int(kept[0])), report.Count(int(kept[1]))), nil
}

// takeProfile profiles a side at full speed.
func (s *stage) takeProfile(ctx context.Context, name string) error {
	for _, one := range s.sides {
		if one.name != name || one.proxy.admin == "" {
			continue
		}
		done := make(chan error, 1)
		go func() {
			_, _, err := fullSpeed(ctx, one.proxy.url, s.visits[one.asks].script, s.options.connections, 12)
			done <- err
		}()
		answer, err := http.Get(one.proxy.admin + "/debug/pprof/profile?seconds=10")
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		f, err := os.Create(name + ".pprof")
		if err != nil {
			return err
		}
		if _, err := io.Copy(f, answer.Body); err != nil {
			f.Close()
			return err
		}
		fmt.Println(f.Name())
		return errors.Join(f.Close(), <-done)
	}
	return fmt.Errorf("-profile: there is no Caddy %q among the sides", name)
}
