package caddymodule

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"
)

// transferring is a server that runs a handler over a transfer, and tells how it
// ended.
func transferring(t *testing.T, patience time.Duration, do func(*transfer) error) (*httptest.Server, chan error) {
	t.Helper()
	ended := make(chan error, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ended <- do(newTransfer(w, r, patience))
	}))
	t.Cleanup(server.Close)
	return server, ended
}

// stalled opens a connection, sends what is to be sent, and does nothing more.
func stalled(t *testing.T, server *httptest.Server, sent string) {
	t.Helper()
	connection, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	if _, err := io.WriteString(connection, sent); err != nil {
		t.Fatal(err)
	}
}

func endedByDeadline(t *testing.T, ended chan error) {
	t.Helper()
	select {
	case err := <-ended:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(time.Minute):
		t.Error("a client that stalls holds the transfer")
	}
}

func TestStalledReaderEndsTheExport(t *testing.T) {
	server, ended := transferring(t, 50*time.Millisecond, func(out *transfer) error {
		for {
			if _, err := out.Write(make([]byte, 1<<20)); err != nil {
				return err
			}
		}
	})
	stalled(t, server, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	endedByDeadline(t, ended)
}

// TestAbortEndsTheExport aborts one whose reader stands still, long before the
// patience is over.
func TestAbortEndsTheExport(t *testing.T) {
	server, ended := transferring(t, time.Hour, func(out *transfer) error {
		time.AfterFunc(50*time.Millisecond, out.abort)
		for {
			if _, err := out.Write(make([]byte, 1<<20)); err != nil {
				return err
			}
		}
	})
	stalled(t, server, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	endedByDeadline(t, ended)
}

func TestStalledSenderEndsTheImport(t *testing.T) {
	server, ended := transferring(t, 50*time.Millisecond, func(in *transfer) error {
		_, err := io.Copy(io.Discard, in)
		return err
	})
	stalled(t, server, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{")
	endedByDeadline(t, ended)
}

// A transfer that goes on may take longer than the patience is, and the connection
// serves the next request after it.
func TestTransferGoesOn(t *testing.T) {
	const patience = 8 * time.Second
	text := bytes.Repeat([]byte("0123456789abcdef"), 8<<10)
	server, ended := transferring(t, patience, func(both *transfer) error {
		in, err := io.ReadAll(both)
		both.rest()
		if err != nil || !bytes.Equal(in, text) {
			return fmt.Errorf("read %d bytes: %w", len(in), err)
		}
		if _, err := both.Write(text); err != nil {
			return err
		}
		return both.end()
	})
	for _, slow := range []bool{true, false} {
		in, out := io.Pipe()
		go func() {
			for part := range 16 { // a little longer than the patience in all
				if _, err := out.Write(text[part*len(text)/16 : (part+1)*len(text)/16]); err != nil {
					return
				}
				if slow {
					time.Sleep(patience / 15)
				}
			}
			out.Close()
		}()
		response, err := http.Post(server.URL, lines, in)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || !bytes.Equal(got, text) {
			t.Errorf("got %d bytes, %v", len(got), err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
