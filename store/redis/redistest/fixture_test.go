package redistest

import (
	"bufio"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// dialogue is a connection that a test holds on to.
type dialogue struct {
	net.Conn
	reader *bufio.Reader
}

func dial(t *testing.T, address string) *dialogue {
	t.Helper()
	connection, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return converse(t, connection)
}

func converse(t *testing.T, connection net.Conn) *dialogue {
	t.Cleanup(func() { _ = connection.Close() })
	return &dialogue{connection, bufio.NewReader(connection)}
}

// say gives a command that has to be answered in time.
func (d *dialogue) say(within time.Duration, args ...string) (string, error) {
	if err := d.SetDeadline(time.Now().Add(within)); err != nil {
		return "", err
	}
	return exchange(d, d.reader, args...)
}

func (d *dialogue) must(t *testing.T, want string, args ...string) {
	t.Helper()
	got, err := d.say(5*time.Second, args...)
	if err != nil || got != want {
		t.Fatalf("%v: got %q, %v; want %q", args, got, err, want)
	}
}

// silent gives a command that nobody answers, on a connection that stays open.
func (d *dialogue) silent(t *testing.T, args ...string) {
	t.Helper()
	if got, err := d.say(300*time.Millisecond, args...); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("%v: got %q, %v; want silence", args, got, err)
	}
}

// broken gives a command on a connection that ends.
func (d *dialogue) broken(t *testing.T, args ...string) error {
	t.Helper()
	got, err := d.say(5*time.Second, args...)
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("%v: got %q, %v; want the connection to end", args, got, err)
	}
	return err
}

func want(t *testing.T, s *Server, answer string, args ...string) {
	t.Helper()
	if got := s.Command(args...); got != answer {
		t.Fatalf("%v: got %q, want %q", args, got, answer)
	}
}

func wantRefusal(t *testing.T, err error, word string) {
	t.Helper()
	var refusal replyError
	if !errors.As(err, &refusal) || !strings.HasPrefix(string(refusal), word) {
		t.Fatalf("got %v, want the refusal %s", err, word)
	}
}

func dialRaw(address string) (net.Conn, error) { return net.DialTimeout("tcp", address, time.Second) }
