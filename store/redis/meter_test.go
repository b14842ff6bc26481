package redis

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"strings"
	"testing"
)

// replied is a connection that has a reply.
type replied struct {
	net.Conn
	io.Reader
	written bytes.Buffer
	closed  bool
}

func (r *replied) Read(b []byte) (int, error)  { return r.Reader.Read(b) }
func (r *replied) Write(b []byte) (int, error) { return r.written.Write(b) }
func (r *replied) Close() error                { r.closed = true; return nil }

func meterOver(t testing.TB, reader io.Reader, limit int64) (net.Conn, *replied) {
	t.Helper()
	conn := &replied{Reader: reader}
	m, err := metered(func(context.Context, string, string) (net.Conn, error) { return conn, nil }, func(err error) error { return err }, limit)(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	return m, conn
}

func TestMeter(t *testing.T) {
	const limit = 100
	for _, test := range []struct {
		reply string
		over  bool
	}{
		{"+OK\r\n", false},
		{"$3\r\nabc\r\n", false},
		{"$-1\r\n", false},
		{"*2\r\n$1\r\na\r\n$90\r\n", true},
		{"$95\r\n", false},
		{"$101\r\n", true},
		{"$524288000\r\n", true},
		{"=101\r\ntxt:", true},
		{"!101\r\n", true},
		{"$" + fmt.Sprint(int64(math.MaxInt64)) + "\r\n", true},
		{"$99999999999999999999\r\n", false}, // the client library refuses it
		{"$10\r\n$999999\r\n\r\n\r\n", false},
		{"+" + strings.Repeat("x", limit), true},
		{"*1000000\r\n" + strings.Repeat(":1\r\n", 30), true},
	} {
		t.Run(test.reply, func(t *testing.T) {
			m, conn := meterOver(t, strings.NewReader(test.reply), limit)
			_, _ = m.Write([]byte("PING"))
			read, err := io.ReadAll(m)
			if over := errors.Is(err, errReplyTooLarge); over != test.over || over != conn.closed {
				t.Fatalf("read %d bytes, %v, closed %t", len(read), err, conn.closed)
			}
			if !test.over && string(read) != test.reply {
				t.Errorf("read %q", read)
			}
			if _, again := m.Read(make([]byte, 1)); test.over && !errors.Is(again, errReplyTooLarge) {
				t.Errorf("read again: %v", again)
			}
		})
	}
}

// Each reply may have as much as the one before.
func TestMeterBeginsAnew(t *testing.T) {
	m, _ := meterOver(t, strings.NewReader(strings.Repeat("$80\r\n"+strings.Repeat("x", 80)+"\r\n", 50)), 100)
	b := make([]byte, 87)
	for range 50 {
		_, _ = m.Write([]byte("GET x"))
		if _, err := io.ReadFull(m, b); err != nil {
			t.Fatal(err)
		}
	}
}

func FuzzMeter(f *testing.F) {
	f.Add([]byte("*1\r\n*2\r\n$6\r\nevents\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\nm\r\n$1000\r\n"), uint16(7))
	f.Add([]byte("%1\r\n$1\r\na\r\n=8\r\ntxt:abcd\r\n$-1\r\n_\r\n"), uint16(1))
	f.Add([]byte("$0\r\n\r\n$\r\n!5\r\n"), uint16(2))
	f.Fuzz(func(t *testing.T, reply []byte, size uint16) {
		const limit = 200
		whole, _ := meterOver(t, bytes.NewReader(reply), limit)
		read, err := io.ReadAll(whole)
		// How a reply is cut makes no difference.
		cut, _ := meterOver(t, bytes.NewReader(reply), limit)
		var pieces []byte
		var cutErr error
		for b := make([]byte, 1+int(size)%50); cutErr == nil; {
			var n int
			n, cutErr = cut.Read(b)
			pieces = append(pieces, b[:n]...)
		}
		if errors.Is(err, errReplyTooLarge) != errors.Is(cutErr, errReplyTooLarge) || len(read) > limit || len(pieces) > limit {
			t.Errorf("%q: at once %v, %d bytes; in pieces %v, %d bytes", reply, err, len(read), cutErr, len(pieces))
		}
		if err == nil && (!bytes.Equal(read, reply) || !bytes.Equal(pieces, reply)) {
			t.Errorf("%q was changed", reply)
		}
	})
}
