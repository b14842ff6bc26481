package caddymodule

import (
	"io"
	"net/http"
	"time"
)

const (
	// transferPatience is how long a transfer of events waits for the other end to
	// go on. The transfer as a whole may take as long as it likes.
	transferPatience = 30 * time.Second
	// transferStep is how many bytes the other end has to take in that time.
	transferStep = 32 << 10
)

// transfer writes an answer of any length, and reads a body of any length, as long
// as the other end goes on: one that stalls must not hold what the events come
// from or go to. Where the connection has no deadlines it waits for ever.
type transfer struct {
	http.ResponseWriter
	body       io.Reader
	controller *http.ResponseController
	patience   time.Duration
}

func newTransfer(w http.ResponseWriter, r *http.Request, patience time.Duration) *transfer {
	return &transfer{ResponseWriter: w, body: r.Body, controller: http.NewResponseController(w), patience: patience}
}

// Write implements io.Writer.
func (t *transfer) Write(text []byte) (written int, err error) {
	for len(text) > 0 && err == nil {
		var n int
		_ = t.controller.SetWriteDeadline(time.Now().Add(t.patience)) // without one it waits
		n, err = t.ResponseWriter.Write(text[:min(len(text), transferStep)])
		written, text = written+n, text[n:]
	}
	return written, err
}

// Read implements io.Reader. It also lifts the bound that Caddy sets to the whole
// of a request, which a long import does not keep.
func (t *transfer) Read(p []byte) (int, error) {
	_ = t.controller.SetReadDeadline(time.Now().Add(t.patience)) // without one it waits
	return t.body.Read(p)
}

// rest lifts the deadline of a body that has been read, or is given up.
func (t *transfer) rest() { _ = t.controller.SetReadDeadline(time.Time{}) }

// end sends what is still held back, and frees the connection for the next
// request.
func (t *transfer) end() error {
	_ = t.controller.SetWriteDeadline(time.Now().Add(t.patience))
	err := t.controller.Flush()
	_ = t.controller.SetWriteDeadline(time.Time{})
	return err
}

// Interface guard
var _ io.ReadWriter = (*transfer)(nil)
