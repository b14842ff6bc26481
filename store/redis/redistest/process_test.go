package redistest

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// childOrder says to the test's own binary that it is to be the one that dies.
const childOrder = "REDISTEST_CHILD"

// TestChildDies is no test: it starts servers, tells where, and waits for its
// end.
func TestChildDies(t *testing.T) {
	if os.Getenv(childOrder) == "" {
		t.Skip("runs as a child of TestServersEndWithTheProcess only")
	}
	paused := Start(t)
	paused.Pause()
	fmt.Println("server", paused.port)
	for range 3 {
		fmt.Println("server", Start(t).port)
	}
	fmt.Println("ready 0")
	select {}
}

func TestServersEndWithTheProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux ends a child with its parent")
	}
	child := exec.Command(os.Args[0], "-test.run=^TestChildDies$")
	child.Env = append(os.Environ(), childOrder+"=yes", "TMPDIR="+t.TempDir())
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = child.Process.Kill() }()
	var servers []*Server
	for lines := bufio.NewScanner(out); lines.Scan() && lines.Text() != "ready 0"; {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		port, err := strconv.Atoi(rest)
		if word != "server" || err != nil {
			t.Skipf("the child says %q", lines.Text())
		}
		servers = append(servers, &Server{t: t, port: port})
	}
	if len(servers) != 4 {
		t.Fatalf("the child has %d servers", len(servers))
	}
	want(t, servers[1], "PONG", "PING")
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // killed
	for _, s := range servers {
		gone(t, s)
	}
}

func TestServersEndWithTheTest(t *testing.T) {
	var s *Server
	var p *Proxy
	t.Run("test", func(t *testing.T) {
		s = Start(t)
		p = StartProxy(t, s.Address())
		want(t, s, "PONG", "PING")
		dial(t, p.Address()).must(t, "PONG", "PING")
		p.Stall()
		dial(t, p.Address()).silent(t, "PING")
		s.Pause()
	})
	gone(t, s)
	if _, err := dialRaw(p.Address()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("the proxy is still there: %v", err)
	}
	if _, err := os.Stat(s.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("its files are still there: %v", err)
	}
}

func gone(t *testing.T, s *Server) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		_, err := s.Try("PING")
		if errors.Is(err, syscall.ECONNREFUSED) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server at %s is still there: %v", s.Address(), err)
		}
	}
}

// Connections through a proxy leave nothing behind, however they are disturbed.
// settled is the number of goroutines once those that have been begun run: it has
// been the same for half a second.
func settled() int {
	n, same := runtime.NumGoroutine(), 0
	for same < 50 {
		time.Sleep(10 * time.Millisecond)
		if now := runtime.NumGoroutine(); now == n {
			same++
		} else {
			n, same = now, 0
		}
	}
	return n
}

func TestProxyLeavesNothing(t *testing.T) {
	s := Start(t)
	p := StartProxy(t, s.Address())
	base := settled()
	for i := range 50 {
		connections := []*dialogue{dial(t, p.Address()), dial(t, p.Address())}
		connections[0].must(t, "PONG", "PING")
		switch i % 6 {
		case 0:
			p.Blackhole()
		case 1:
			p.Stall()
		case 2:
			p.Latency(20*time.Millisecond, 10*time.Millisecond)
		case 3:
			p.ResetPeer()
		case 4:
			p.Slicer(2, time.Millisecond)
		case 5:
			p.Down()
		}
		_, _ = connections[0].say(50*time.Millisecond, "PING") // whatever it answers
		p.Heal()
		p.Up()
		for _, c := range connections {
			_ = c.Close()
		}
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		left := runtime.NumGoroutine()
		if left <= base {
			return
		}
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("there were %d goroutines and are %d\n%s", base, left, stacks[:runtime.Stack(stacks, true)])
		}
	}
}
