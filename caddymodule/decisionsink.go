package caddymodule

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/logging"

	"github.com/caddy-experiments/caddy-experiments/results/upkeep"
)

// decisionSink is where the lines of a decision log go. It has failed as soon as
// it has not taken one: a file is opened anew then, as its disk may have been
// full, or its directory moved.
type decisionSink struct {
	io.WriteCloser
	path   string // of a file, or empty
	once   sync.Once
	failed chan struct{}
	err    error // set when failed is closed

	opened time.Time
	since  atomic.Int64 // when the line that is being written was begun, after opened; 0 for none
}

// sinkPatience is how long a sink may take for a line before it counts as trouble.
const sinkPatience = 5 * time.Second

var errSinkAbsent = errors.New("decision_log: there is nothing to write to")

// keptSink returns a sink that is kept open.
func keptSink(opener caddy.WriterOpener) *upkeep.Keeper[*decisionSink] {
	return upkeep.New(upkeep.Options[*decisionSink]{
		What: "the decision log", Absent: errSinkAbsent, Logger: lastingLog("experiments.decision_log"),
		Open: func(context.Context) (*decisionSink, error) {
			out, err := opener.OpenWriter()
			if err != nil {
				return nil, fmt.Errorf("opening %s: %w", opener, err)
			}
			s := newDecisionSink(out)
			if file, ok := opener.(*logging.FileWriter); ok {
				s.path = file.Filename
			}
			return s, nil
		},
	})
}

func newDecisionSink(out io.WriteCloser) *decisionSink {
	return &decisionSink{WriteCloser: out, opened: time.Now(), failed: make(chan struct{})}
}

// Write implements io.Writer.
func (s *decisionSink) Write(p []byte) (int, error) {
	s.since.Store(int64(time.Since(s.opened)) + 1)
	n, err := s.WriteCloser.Write(p)
	s.since.Store(0)
	if err != nil {
		s.fail(err)
	}
	return n, err
}

func (s *decisionSink) fail(err error) {
	s.once.Do(func() {
		s.err = err
		close(s.failed)
	})
}

// Ready fails the sink when its file is gone: what is still written to it could
// not be found. A rotation makes the file again within a moment. It also tells of
// one that does not take a line, which may be a disk or a pipe that stands still.
func (s *decisionSink) Ready() error {
	if since := s.since.Load(); since != 0 {
		if waited := time.Since(s.opened) - time.Duration(since); waited >= sinkPatience {
			return fmt.Errorf("it has not taken a line for %s", waited.Round(time.Second))
		}
	}
	if _, err := os.Stat(s.path); s.path != "" && errors.Is(err, fs.ErrNotExist) {
		s.fail(fmt.Errorf("%s is gone", s.path))
	}
	return s.Err()
}

// Failed is closed when a line was not taken; Err is why.
func (s *decisionSink) Failed() <-chan struct{} { return s.failed }

// Err returns nil as long as Failed is open.
func (s *decisionSink) Err() error {
	select {
	case <-s.failed:
		return s.err
	default:
		return nil
	}
}

// batch is lines on their way to a sink.
type batch struct {
	sink   *upkeep.Keeper[*decisionSink]
	buffer []byte
	torn   bool // the sink ends in the middle of a line
}

// flush writes the batch and returns the number of lines that the sink did not
// take: that of a full disk, or a pipe that has no reader any more.
func (b *batch) flush() int {
	rest := b.buffer
	if lent, err := b.sink.Take(); err == nil { // without a sink all are lost
		rest = b.writeTo(lent.Thing())
		lent.Release()
	}
	return b.lose(rest)
}

// lose empties the batch and returns the number of lines in its rest.
func (b *batch) lose(rest []byte) int {
	b.buffer = b.buffer[:0]
	return bytes.Count(rest, newline)
}

// writeTo returns what a sink did not take.
func (b *batch) writeTo(out io.Writer) (rest []byte) {
	if b.torn {
		if _, err := out.Write(newline); err != nil {
			return b.buffer
		}
		b.torn = false
	}
	n, err := out.Write(b.buffer)
	if err == nil {
		return nil
	}
	b.torn = n > 0 && b.buffer[n-1] != '\n'
	return b.buffer[n:]
}

var newline = []byte("\n")

// Interface guard
var _ io.WriteCloser = (*decisionSink)(nil)
