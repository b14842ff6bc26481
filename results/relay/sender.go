package relay

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results/spool"
	"github.com/caddy-experiments/caddy-experiments/results/trouble"
)

// Sender brings what is in a spool to the receiver. Set its fields, then Run it.
// It may be run again, with another spool, when that has ended.
type Sender struct {
	Spool *spool.Spool
	Queue Queue
	// Logger is told of trouble. Default: no logger is.
	Logger *slog.Logger
	// Window is how many messages may be in the queue. Default: 64.
	Window int
	// MessageBytes is about how large a message may be. Default: 256 KiB, which is
	// also the most.
	MessageBytes int
	// Patience is for how long the confirmation may stand still before the
	// sender looks for its messages. Default: 5 s.
	Patience time.Duration

	sent, confirmed, resent atomic.Uint64

	// base is up to where all is confirmed, cursor up to where all is sent.
	base, cursor uint64
	// highest is up to where this sender has sent anything.
	highest uint64
	flying  []flight
	// told is what the queue said last of what is confirmed; 0: nothing.
	told uint64
	// since is when the confirmation has moved, or the messages were found.
	since    time.Time
	patience time.Duration
	// doubt says that the queue may have lost messages.
	doubt    bool
	trouble  trouble.Trouble
	stays    trouble.Trouble // what has arrived stays in the spool
	tooLarge trouble.Tally   // entries that fit into no message
}

// flight is a message that is in the queue as far as the sender knows.
type flight struct {
	id      string
	last    uint64
	entries int
}

const (
	// poll is how often the confirmation is asked for.
	poll = 100 * time.Millisecond
	// lull is how long a sender waits for more after something was appended.
	lull = 10 * time.Millisecond
	// idle is after how long it looks without having been woken.
	idle = 5 * time.Second
	// greatestPatience bounds how patience grows when sending again does not help.
	greatestPatience = time.Minute
	// messageBytes is the default of Sender.MessageBytes, and its greatest value.
	messageBytes = 256 << 10
	// atOnce is how many entries are read at once.
	atOnce = 1024
)

// Sent counts entries, each time that one is sent.
func (s *Sender) Sent() uint64 { return s.sent.Load() }

// Confirmed counts entries that are known to have arrived.
func (s *Sender) Confirmed() uint64 { return s.confirmed.Load() }

// Resent counts entries that were sent again.
func (s *Sender) Resent() uint64 { return s.resent.Load() }

// Dropped counts entries that are too large to be sent.
func (s *Sender) Dropped() uint64 { return s.tooLarge.Total() }

// Trouble returns since when events cannot be sent and why, or nil.
func (s *Sender) Trouble() (since time.Time, err error) { return s.trouble.Last() }

// Pending is about how much has not arrived.
func (s *Sender) Pending() (entries int, bytes int64) { return s.Spool.Pending() }

func (s *Sender) complete() {
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	if s.Window <= 0 {
		s.Window = 64
	}
	if s.MessageBytes <= 0 || s.MessageBytes > messageBytes {
		s.MessageBytes = messageBytes
	}
	if s.Patience <= 0 {
		s.Patience = 5 * time.Second
	}
	s.base, s.cursor, s.highest, s.told, s.flying, s.doubt = 0, 0, 0, 0, nil, false
	s.patience = s.Patience
}

// Run sends until the context ends.
func (s *Sender) Run(ctx context.Context) {
	s.complete()
	var failures backoff
	for ctx.Err() == nil {
		err := s.step(ctx)
		switch {
		case err == nil:
			s.trouble.Over(func(lasted time.Duration) { s.Logger.Info("events are sent again", "after", lasted.Round(time.Second)) })
			failures.reset()
			s.wait(ctx)
		case ctx.Err() == nil:
			s.doubt = true
			s.trouble.Happened(err, func() { s.Logger.Warn("sending events; they stay in the spool", "error", err) })
			pause(ctx, failures.next())
		}
	}
}

// wait returns when there may be something to do.
func (s *Sender) wait(ctx context.Context) {
	d := idle
	wake := s.Spool.Wake()
	if len(s.flying) > 0 {
		d = poll
	}
	if len(s.flying) >= s.Window {
		wake = nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-wake:
		pause(ctx, lull)
	}
}

func (s *Sender) step(ctx context.Context) error {
	if err := s.listen(ctx); err != nil {
		return err
	}
	if len(s.flying) > 0 && (s.doubt || time.Since(s.since) >= s.patience) {
		if err := s.search(ctx); err != nil {
			return err
		}
	}
	s.doubt = false
	return s.fill(ctx)
}

// listen asks for what is confirmed and forgets it.
func (s *Sender) listen(ctx context.Context) error {
	seq, ok, err := s.Queue.Confirmed(ctx, s.Spool.Sender())
	if err != nil {
		return err
	}
	if ok && !s.Spool.Known(seq) {
		s.Logger.Warn("events were confirmed that this edge never had: its spool is a copy of another one, or an old one; it goes on under another name", "sender", s.Spool.Sender())
		s.told, s.base = 0, 0
		s.rewind()
		return s.Spool.Rename()
	}
	if seq < s.told {
		s.doubt = true
	}
	if s.told = seq; seq <= s.base {
		return nil
	}
	if err := s.Spool.Forget(seq); err != nil { // which is no reason not to send the rest
		s.stays.Happened(err, func() { s.Logger.Warn("events that have arrived stay in the spool", "error", err) })
	} else {
		s.stays.Over(func(time.Duration) { s.Logger.Info("events that have arrived leave the spool again") })
	}
	s.land(seq)
	return nil
}

// land takes note of what has arrived.
func (s *Sender) land(seq uint64) {
	s.base, s.cursor = seq, max(s.cursor, seq)
	s.since, s.patience = time.Now(), s.Patience
	for len(s.flying) > 0 && s.flying[0].last <= seq {
		s.confirmed.Add(uint64(s.flying[0].entries))
		s.flying = s.flying[1:]
	}
}

// search begins again if messages are neither in the queue nor confirmed.
func (s *Sender) search(ctx context.Context) error {
	ids := make([]string, len(s.flying))
	for i, f := range s.flying {
		ids[i] = f.id
	}
	missing, err := s.Queue.Missing(ctx, ids...)
	if err != nil {
		return err
	}
	s.since = time.Now()
	if missing == 0 {
		return nil
	}
	if err := s.Queue.Delete(ctx, ids...); err != nil { // else they would be there twice
		return err
	}
	s.patience = min(2*s.patience, greatestPatience)
	s.rewind()
	return nil
}

func (s *Sender) rewind() { s.flying, s.cursor = nil, s.base }

// fill sends what is in the spool, as far as the window goes.
func (s *Sender) fill(ctx context.Context) error {
	for len(s.flying) < s.Window && ctx.Err() == nil {
		entries, err := s.Spool.Read(s.cursor, atOnce)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			return nil
		}
		for len(entries) > 0 && len(s.flying) < s.Window {
			all := len(entries)
			var m message
			m, entries = bundle(entries, s.MessageBytes)
			if err := s.send(ctx, m, all-len(entries)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Sender) send(ctx context.Context, m message, entries int) error {
	m.sender, m.base, m.prev = s.Spool.Sender(), s.base, s.cursor
	s.Spool.Sending(m.last)
	body := m.encode()
	size := len(body)
	if size > maxMessage {
		// No receiver would take it, however often it came. One without sections is
		// confirmed like any other.
		m.sections = nil
		body = m.encode()
	}
	ids, err := s.Queue.Add(ctx, body)
	if err != nil {
		return err
	}
	if size > maxMessage && m.last > s.highest {
		s.tooLarge.Add(entries, func(untold uint64) {
			s.Logger.Warn("leaving out events that are too large to be sent", "entries", untold, "bytes", size)
		})
	}
	if len(s.flying) == 0 {
		s.since = time.Now()
	}
	s.flying = append(s.flying, flight{ids[0], m.last, entries})
	s.cursor = m.last
	s.sent.Add(uint64(entries))
	if s.highest >= m.last {
		s.resent.Add(uint64(entries))
	}
	s.highest = max(s.highest, m.last)
	return nil
}
