package caddymodule

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/logging"

	"github.com/caddy-experiments/caddy-experiments/results/upkeep"
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
	if file, ok := c.opener.(*logging.FileWriter); ok {
		return checkFilePlace("decision_log", file.Filename)
	}
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
// the sink cannot take, or what comes while there is none, is dropped and
// counted. It is safe for concurrent use.
type decisionLog struct {
	sink    *upkeep.Keeper[*decisionSink]
	lines   chan *[]byte
	spare   sync.Pool
	dropped atomic.Uint64
	begin   sync.Once
	stop    chan struct{}
	done    chan struct{}
}

// newDecisionLog returns a log that opens its sink when it is started.
func newDecisionLog(opener caddy.WriterOpener) *decisionLog {
	return &decisionLog{
		sink:  keptSink(opener),
		lines: make(chan *[]byte, decisionQueue),
		spare: sync.Pool{New: func() any { return new([]byte) }},
		stop:  make(chan struct{}),
		done:  make(chan struct{}),
	}
}

// start opens the sink, in the background if that takes longer, and begins to
// write.
func (l *decisionLog) start() {
	l.sink.Start(startTime)
	l.begin.Do(func() { go l.run() })
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

// deliver is write for who can wait for a place in the queue until the context ends.
func (l *decisionLog) deliver(ctx context.Context, encode func([]byte) []byte) {
	line := l.spare.Get().(*[]byte)
	*line = encode((*line)[:0])
	select {
	case <-l.stop:
	case <-ctx.Done():
	case l.lines <- line:
		return
	}
	l.drop(1)
	l.spare.Put(line)
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

func (l *decisionLog) run() {
	defer close(l.done)
	batch := batch{sink: l.sink}
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
	l.begin.Do(func() { close(l.done) }) // it was never started
	select {
	case <-l.done:
		return l.sink.Close()
	case <-time.After(closingTime):
		go l.sink.Close() // which waits for the line that is stuck
		return fmt.Errorf("decision_log: the sink does not take the last %d lines", len(l.lines))
	}
}

// Interface guard
var _ caddy.Destructor = (*decisionLog)(nil)
