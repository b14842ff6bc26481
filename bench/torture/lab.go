package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// lab is what all faults share: the binary, the provider, the oracle.
type lab struct {
	dir      string
	binary   string
	provider net.Listener
	rate     int
	outage   time.Duration
	soak     time.Duration
	short    bool
}

// newLab builds the edge and starts the identity provider, which answers with
// the header that it receives.
func newLab(rate int, outage time.Duration, short bool) (*lab, error) {
	if _, err := os.Stat("bench/torture/oracle.py"); err != nil {
		return nil, errors.New("run it in the repository's root")
	}
	if _, err := exec.LookPath("python3"); err != nil {
		return nil, fmt.Errorf("the oracle needs python3: %w", err)
	}
	l := &lab{rate: rate, outage: outage, short: short}
	if short {
		l.outage = 3 * time.Second
	}
	var err error
	if l.dir, err = os.MkdirTemp("", "torture-*"); err != nil {
		return nil, err
	}
	l.binary = filepath.Join(l.dir, "edge")
	fmt.Fprintln(os.Stderr, "building the edge (minutes, the first time)")
	if out, err := exec.Command("go", "build", "-tags", "experiments_clock", "-o", l.binary, "./caddymodule/cmd/caddy").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("building the edge: %w\n%s", err, out)
	}
	if l.provider, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	go func() { _ = http.Serve(l.provider, http.HandlerFunc(provide)) }()
	return l, nil
}

// provide is the identity provider. A path that begins with /slow takes two
// seconds.
func provide(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/slow") {
		time.Sleep(2 * time.Second)
	}
	fmt.Fprintln(w, r.Header.Get("X-Experiment-Config"))
}

func (l *lab) close() {
	_ = l.provider.Close()
	_ = os.RemoveAll(l.dir)
}

// run tries a fault on a scene of its own.
func (l *lab) run(f fault) (r result) {
	s := &scene{lab: l, bench: &bench{}, result: result{fault: f}}
	defer func() {
		switch p := recover().(type) {
		case nil:
		case failure:
			s.result.faults = append(s.result.faults, string(p))
		case skip:
			s.result.skipped = string(p)
		default:
			panic(p)
		}
		if s.load != nil {
			s.load.end()
		}
		s.clean()
		r = s.result
	}()
	f.run(s)
	return r
}
