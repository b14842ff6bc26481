package caddymodule

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// journalQueue is how many log entries may wait for a slow log.
const journalQueue = 4096

// journal writes the log entries of requests away from the requests: a log that
// is slow or stands still holds up nobody's login. What does not fit into the
// queue is dropped and counted. It is safe for concurrent use.
type journal struct {
	entries chan journalEntry
	once    sync.Once
	stop    chan struct{}
	done    chan struct{}
}

type journalEntry struct {
	entry  *zapcore.CheckedEntry
	fields []zap.Field
}

func newJournal() *journal {
	return &journal{entries: make(chan journalEntry, journalQueue), stop: make(chan struct{}), done: make(chan struct{})}
}

// write queues an entry. Its fields must not change any more.
func (j *journal) write(entry *zapcore.CheckedEntry, fields ...zap.Field) {
	if entry == nil {
		return // the level is not logged
	}
	select {
	case <-j.stop: // a request that outlives its configuration
		entry.Write(fields...)
		return
	default:
	}
	select {
	case j.entries <- journalEntry{entry, fields}:
	default:
		journalDropped.Inc()
	}
}

// deliver is write for who can wait for a place in the queue until the context ends.
func (j *journal) deliver(ctx context.Context, entry *zapcore.CheckedEntry, fields ...zap.Field) {
	select {
	case <-j.stop:
		entry.Write(fields...)
	case <-ctx.Done():
		journalDropped.Inc()
	case j.entries <- journalEntry{entry, fields}:
	}
}

// start begins to write what is queued.
func (j *journal) start() {
	j.once.Do(func() { go j.run() })
}

// close writes what is queued, as long as the log takes it.
func (j *journal) close() error {
	close(j.stop)
	j.once.Do(func() { close(j.done) }) // never started
	select {
	case <-j.done:
		return nil
	case <-time.After(closingTime):
		return fmt.Errorf("the log does not take the last %d entries", len(j.entries))
	}
}

func (j *journal) run() {
	defer close(j.done)
	for {
		select {
		case e := <-j.entries:
			e.entry.Write(e.fields...)
		case <-j.stop:
			for len(j.entries) > 0 {
				e := <-j.entries
				e.entry.Write(e.fields...)
			}
			return
		}
	}
}
