package redistest

import (
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestProxy(t *testing.T) {
	s := Start(t)
	want(t, s, "OK", "SET", "key", "value")
	long := strings.Repeat("a long value ", 1000)
	want(t, s, "OK", "SET", "long", long)
	p := StartProxy(t, s.Address())
	if p.URL() != "redis://"+p.Address()+"/0" || p.Address() == s.Address() {
		t.Errorf("the URL is %s", p.URL())
	}
	d := dial(t, p.Address())
	works := func(t *testing.T) {
		t.Helper()
		if got, err := d.say(5*time.Second, "GET", "long"); err != nil || got != long {
			t.Fatalf("got %d bytes, %v; want %d", len(got), err, len(long))
		}
	}
	parent := t
	worksAnew := func(t *testing.T) {
		t.Helper()
		d = dial(parent, p.Address()) // the next part of the test may use it, too
		works(t)
	}
	works(t)

	for name, blackhole := range map[string]func(){"both ways": p.Blackhole, "requests": p.BlackholeRequests, "replies": p.BlackholeReplies} {
		t.Run("blackhole of "+name, func(t *testing.T) {
			worksAnew(t)
			blackhole()
			d.silent(t, "SET", "written", name)
			during := dial(t, p.Address())
			during.silent(t, "PING")
			written := ""
			if name == "replies" {
				written = name
			}
			want(t, s, written, "GET", "written")
			want(t, s, "OK", "SET", "written", "")
			p.Heal()
			d.broken(t, "PING")
			during.broken(t, "PING")
			worksAnew(t)
		})
	}
	t.Run("stall", func(t *testing.T) {
		worksAnew(t)
		p.Stall()
		d.silent(t, "PING")
		p.Heal()
		if got, err := readReply(d.reader); err == nil {
			t.Errorf("got %q after the deadline", got)
		}
		if err := d.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
			t.Fatal(err)
		}
		if got, err := readReply(d.reader); err != nil || got != "PONG" {
			t.Errorf("what was stalled arrives as %q, %v", got, err)
		}
		works(t)
	})
	t.Run("latency", func(t *testing.T) {
		p.Latency(time.Second, 0)
		p.Latency(200*time.Millisecond, 50*time.Millisecond) // in its place
		for _, connection := range []*dialogue{d, dial(t, p.Address())} {
			before := time.Now()
			connection.must(t, "PONG", "PING")
			if took := time.Since(before); took < 140*time.Millisecond || took > 900*time.Millisecond {
				t.Errorf("it took %s", took)
			}
		}
		p.Heal()
		before := time.Now()
		works(t)
		if took := time.Since(before); took > 140*time.Millisecond {
			t.Errorf("healed it took %s", took)
		}
	})
	t.Run("bandwidth", func(t *testing.T) {
		p.Bandwidth(26)
		before := time.Now()
		works(t)
		if took := time.Since(before); took < 400*time.Millisecond {
			t.Errorf("%d bytes took %s", len(long), took)
		}
		p.Heal()
		works(t)
	})
	t.Run("slicer", func(t *testing.T) {
		p.Slicer(100, time.Millisecond)
		before := time.Now()
		works(t)
		if took := time.Since(before); took < 50*time.Millisecond {
			t.Errorf("%d bytes took %s", len(long), took)
		}
		p.Heal()
		works(t)
	})
	t.Run("limited data", func(t *testing.T) {
		worksAnew(t)
		p.LimitData(100)
		d.broken(t, "GET", "long")
		d = dial(t, p.Address())
		d.must(t, "value", "GET", "key")
		if err := d.broken(t, "GET", "long"); !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Error(err)
		}
		p.Heal()
		worksAnew(t)
	})
	t.Run("reset", func(t *testing.T) {
		worksAnew(t)
		p.ResetPeer()
		d.broken(t, "PING")
		if err := dial(t, p.Address()).broken(t, "PING"); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("got %v, want a reset", err)
		}
		p.Heal()
		worksAnew(t)
	})
	t.Run("down", func(t *testing.T) {
		address := p.Address()
		worksAnew(t)
		p.Down()
		p.Down()
		d.broken(t, "PING")
		if _, err := (&Server{port: s.port}).Try("PING"); err != nil {
			t.Error(err)
		}
		for range 20 {
			if connection, err := dialRaw(address); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Fatalf("got %v, %v; want it refused", connection, err)
			}
			p.Up()
			p.Up()
			worksAnew(t)
			p.Down()
		}
		p.Up()
		worksAnew(t)
	})
	t.Run("server gone", func(t *testing.T) {
		s.Kill()
		d.broken(t, "PING")
		dial(t, p.Address()).broken(t, "PING")
		s.Restart()
		dial(t, p.Address()).must(t, "PONG", "PING")
	})
}
