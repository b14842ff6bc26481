package caddymodule

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/caddy/v2"
)

// sink is where a test's decision log goes. It takes what limit lets it, and
// blocks while gate is closed.
type sink struct {
	mu      sync.Mutex
	gate    chan struct{}
	limit   int // bytes that are taken; negative: all
	content bytes.Buffer
	closed  bool
}

func openSink() *sink {
	s := &sink{gate: make(chan struct{}), limit: -1}
	close(s.gate)
	return s
}

func (s *sink) Write(p []byte) (int, error) {
	<-s.gate
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(p)
	if s.limit >= 0 {
		n = min(n, s.limit)
		s.limit -= n
	}
	s.content.Write(p[:n])
	if n < len(p) {
		return n, errors.New("no space left on device")
	}
	return n, nil
}

func (s *sink) Close() error                        { s.closed = true; return nil }
func (s *sink) String() string                      { return "a test" }
func (s *sink) WriterKey() string                   { return "test" }
func (s *sink) OpenWriter() (io.WriteCloser, error) { return s, nil }
func (s *sink) text() string                        { s.mu.Lock(); defer s.mu.Unlock(); return s.content.String() }
func (s *sink) allow(n int)                         { s.mu.Lock(); s.limit = n; s.mu.Unlock() }
func numbered(i int) func([]byte) []byte {
	return func(b []byte) []byte { return fmt.Appendf(b, "line %06d\n", i) }
}
func opened(t testing.TB, o caddy.WriterOpener) *decisionLog {
	t.Helper()
	l := newDecisionLog(o)
	l.start()
	return l
}

// A pipe that nobody reads must cost the requests nothing but their lines.
func TestBlockedSinkDelaysNobody(t *testing.T) {
	s := openSink()
	s.gate = make(chan struct{})
	l := opened(t, s)
	const writers, each = 20, 1000
	var slowest time.Duration
	var mu sync.Mutex
	var done sync.WaitGroup
	for range writers {
		done.Go(func() {
			for i := range each {
				started := time.Now()
				l.write(numbered(i))
				took := time.Since(started)
				mu.Lock()
				slowest = max(slowest, took)
				mu.Unlock()
			}
		})
	}
	done.Wait()
	if slowest > time.Second {
		t.Errorf("a request waited %s", slowest)
	}
	if l.dropped.Load() < writers*each-2*decisionQueue {
		t.Errorf("only %d lines were dropped", l.dropped.Load())
	}
	close(s.gate)
	if err := l.Destruct(); err != nil {
		t.Fatal(err)
	}
	if written := bytes.Count([]byte(s.text()), newline); uint64(written)+l.dropped.Load() != writers*each {
		t.Errorf("%d lines written and %d dropped of %d", written, l.dropped.Load(), writers*each)
	}
}

func TestBlockedSinkDoesNotHoldUpTheEnd(t *testing.T) {
	s := openSink()
	s.gate = make(chan struct{})
	defer close(s.gate)
	l := opened(t, s)
	for i := range 100 {
		l.write(numbered(i))
	}
	started := time.Now()
	if err := l.Destruct(); err == nil {
		t.Error("nobody is told that lines are left")
	}
	if took := time.Since(started); took > closingTime+time.Second {
		t.Errorf("it took %s", took)
	}
	before := l.dropped.Load()
	l.write(numbered(0)) // by a request that outlives its configuration
	if l.dropped.Load() != before+1 {
		t.Error("a line after the end is not counted")
	}
}

// TestBlockedSinkIsTrouble asks a sink that does not take a line whether it is
// ready.
func TestBlockedSinkIsTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := openSink()
		o.gate = make(chan struct{})
		out, err := o.OpenWriter()
		if err != nil {
			t.Fatal(err)
		}
		s := newDecisionSink(out)
		go s.Write([]byte("line\n"))
		time.Sleep(sinkPatience - time.Millisecond)
		if err := s.Ready(); err != nil {
			t.Errorf("before it can be known: %v", err)
		}
		time.Sleep(2 * time.Millisecond)
		if err := s.Ready(); err == nil {
			t.Error("nothing is told")
		}
		close(o.gate)
		synctest.Wait()
		if err := s.Ready(); err != nil {
			t.Errorf("after the line: %v", err)
		}
	})
}

// What a full disk does not take is counted line by line, and what comes once
// there is room again does not continue a torn line.
func TestFullDisk(t *testing.T) {
	for taken := range 3 * len("line 000000\n") {
		s := openSink()
		s.limit = taken
		var b batch
		flush := func() int { return b.lose(b.writeTo(s)) }
		for i := range 3 {
			b.buffer = numbered(i)(b.buffer)
		}
		whole := taken / len("line 000000\n")
		if lost := flush(); lost != 3-whole {
			t.Errorf("%d bytes taken: %d lines lost, want %d", taken, lost, 3-whole)
		}
		b.buffer = numbered(3)(b.buffer)
		if lost := flush(); lost != 1 {
			t.Errorf("still full: %d lines lost", lost)
		}
		s.allow(-1)
		b.buffer = numbered(4)(b.buffer)
		if lost := flush(); lost != 0 {
			t.Errorf("room again: %d lines lost", lost)
		}
		text := s.text()
		if !bytes.HasSuffix([]byte(text), []byte("line 000004\n")) || taken%12 != 0 && !bytes.HasSuffix([]byte(text), []byte("\nline 000004\n")) {
			t.Errorf("%d bytes taken: the sink has %q", taken, text)
		}
	}
}

func TestSinkErrorsAreCounted(t *testing.T) {
	s := openSink()
	s.limit = 0
	l := opened(t, s)
	const lines = 5000
	for i := range lines {
		l.write(numbered(i))
	}
	if err := l.Destruct(); err != nil {
		t.Fatal(err)
	}
	if l.dropped.Load() != lines || !s.closed {
		t.Errorf("%d of %d lines counted, closed %t", l.dropped.Load(), lines, s.closed)
	}
}

func TestDecisionLogKeepsOrder(t *testing.T) {
	s := openSink()
	l := opened(t, s)
	var want bytes.Buffer
	for i := range 8000 { // no more than fit the queue
		l.write(numbered(i))
		want.Write(numbered(i)(nil))
	}
	if err := l.Destruct(); err != nil {
		t.Fatal(err)
	}
	if s.text() != want.String() {
		t.Errorf("%d bytes written, %d dropped", len(s.text()), l.dropped.Load())
	}
}
