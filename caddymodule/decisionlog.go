package caddymodule

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
)

// DecisionLog says where decisions are written: one compact line of JSON for
// each authorization request, cheaper than an access log with the same fields.
type DecisionLog struct {
	// Writer is one of Caddy's log writers, such as stdout, stderr or file,
	// which rotates by itself.
	WriterRaw json.RawMessage `json:"writer,omitempty" caddy:"namespace=caddy.logging.writers inline_key=output"`

	opener caddy.WriterOpener
	key    string // tells whether two configurations mean the same log
}

func (c *DecisionLog) provision(ctx caddy.Context) error {
	if c.WriterRaw == nil {
		return fmt.Errorf("decision_log: has no writer; name a file, stdout or stderr")
	}
	raw := string(c.WriterRaw) // loading clears it
	module, err := ctx.LoadModule(c, "WriterRaw")
	if err != nil {
		return fmt.Errorf("decision_log: loading the writer: %w", err)
	}
	c.opener = module.(caddy.WriterOpener)
	c.key = c.opener.WriterKey() + " " + raw
	return nil
}

const (
	// decisionQueue is how many lines may wait for a slow disk or pipe. A line
	// is about 400 bytes.
	decisionQueue = 8192
	// decisionBuffer is how many bytes are written at a time under load; in
	// quiet times every line is written at once.
	decisionBuffer = 64 << 10
	// closingTime bounds how long a blocked sink can hold up a shutdown.
	closingTime = 2 * time.Second
)

// decisionLog hands lines to a goroutine that writes them. It never blocks: what
// the sink cannot take is dropped and counted. It is safe for concurrent use.
type decisionLog struct {
	lines   chan *[]byte
	spare   sync.Pool
	dropped atomic.Uint64
	stop    chan struct{}
	done    chan struct{}
}

func openDecisionLog(opener caddy.WriterOpener) (*decisionLog, error) {
	out, err := opener.OpenWriter()
	if err != nil {
		return nil, fmt.Errorf("decision_log: opening %s: %w", opener, err)
	}
	l := &decisionLog{
		lines: make(chan *[]byte, decisionQueue),
		spare: sync.Pool{New: func() any { return new([]byte) }},
		stop:  make(chan struct{}),
		done:  make(chan struct{}),
	}
	go l.run(out)
	return l, nil
}

// write queues the line that encode appends to an empty buffer.
func (l *decisionLog) write(encode func([]byte) []byte) {
	line := l.spare.Get().(*[]byte)
	*line = encode((*line)[:0])
	if !l.queue(line) {
		l.drop(1)
		l.spare.Put(line)
	}
}

func (l *decisionLog) queue(line *[]byte) bool {
	select {
	case <-l.stop: // a request that outlives its configuration
		return false
	default:
	}
	select {
	case l.lines <- line:
		return true
	default:
		return false
	}
}

func (l *decisionLog) run(out io.WriteCloser) {
	defer close(l.done)
	defer out.Close()
	batch := batch{out: out}
	put := func(line *[]byte) {
		batch.buffer = append(batch.buffer, *line...)
		l.spare.Put(line)
		if len(l.lines) == 0 || len(batch.buffer) >= decisionBuffer {
			l.drop(batch.flush())
		}
	}
	for {
		select {
		case line := <-l.lines:
			put(line)
		case <-l.stop:
			for len(l.lines) > 0 {
				put(<-l.lines)
			}
			return
		}
	}
}

func (l *decisionLog) drop(lines int) {
	l.dropped.Add(uint64(lines))
	decisionsDropped.Add(float64(lines))
}

// Destruct writes what is queued.
func (l *decisionLog) Destruct() error {
	close(l.stop)
	select {
	case <-l.done:
		return nil
	case <-time.After(closingTime):
		return fmt.Errorf("decision_log: the sink does not take the last %d lines", len(l.lines))
	}
}

// batch is lines on their way to a sink.
type batch struct {
	out    io.Writer
	buffer []byte
	torn   bool // the sink ends in the middle of a line
}

// flush writes the batch and gives the number of lines that the sink did not
// take: that of a full disk, or a pipe that nobody reads any more.
func (b *batch) flush() (lost int) {
	if b.torn {
		if _, err := b.out.Write(newline); err == nil {
			b.torn = false
		}
	}
	rest := b.buffer
	if !b.torn {
		n, err := b.out.Write(b.buffer)
		if err == nil {
			n = len(b.buffer)
		}
		rest = b.buffer[n:]
		b.torn = n > 0 && b.buffer[n-1] != '\n'
	}
	lost = bytes.Count(rest, newline)
	b.buffer = b.buffer[:0]
	return lost
}

var newline = []byte("\n")

// Interface guard
var _ caddy.Destructor = (*decisionLog)(nil)
