package caddymodule

import (
	"io"
	"net/http"
	"sync"
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

	mu      sync.Mutex // of the deadline for writing
	aborted bool
}

func newTransfer(w http.ResponseWriter, r *http.Request, patience time.Duration) *transfer {
	return &transfer{ResponseWriter: w, body: r.Body, controller: http.NewResponseController(w), patience: patience}
}

// Write implements io.Writer.
func (t *transfer) Write(text []byte) (written int, err error) {
	for len(text) > 0 && err == nil {
		var n int
		t.writeBy(time.Now().Add(t.patience))
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
	t.writeBy(time.Now().Add(t.patience))
	err := t.controller.Flush()
	t.writeBy(time.Time{})
	return err
}

// abort ends writing now, also what is under way. It may be called at any time
// before the request has ended.
func (t *transfer) abort() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.aborted = true
	_ = t.controller.SetWriteDeadline(time.Unix(1, 0))
}

// writeBy sets the deadline for writing. Without one it waits.
func (t *transfer) writeBy(deadline time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.aborted {
		_ = t.controller.SetWriteDeadline(deadline)
	}
}

// Interface guard
var _ io.ReadWriter = (*transfer)(nil)
