package geo

import (
	"context"
	"errors"
	"time"
)

const (
	// DefaultInterval is how often Watch looks at the file if not told.
	DefaultInterval = 30 * time.Second

	// settleTime is how long a file must be seen unchanged to count as written.
	// It exceeds the granularity of common file systems' times.
	settleTime = time.Second
)

// Event is a change of the file that Watch has dealt with.
type Event struct {
	// Info is the state after the event: of the new data if it was applied,
	// of the data kept if it was rejected.
	Info Info
	// Err says why the file was rejected. It is nil if it was applied.
	Err error
	// Replaced is the build time of the data an applied file replaced, and
	// zero if there was none.
	Replaced time.Time
	// Older is set when an applied file was built before the data it replaced.
	// Such a file is applied all the same, since going back to a known good
	// database is a thing operators do, but it deserves a warning: more often
	// it is a failed update.
	Older bool
}

// Applied reports whether the file is now in use.
func (e Event) Applied() bool { return e.Err == nil }

// Watch follows the file until ctx ends, and then returns once a check in
// progress is done. Every interval (DefaultInterval if it is not positive) it
// compares the file's size, modification time and identity. A changed file that
// then stays as it is for a second, or for interval if that is shorter, is
// checked as by Open and replaces the data in use. A file that is no good, or
// gone, leaves that data in use and is reported once, not every time.
//
// A file whose bytes are those in use is not reported, except when that ends
// a failure reported before. report, which may be nil, is called from Watch's
// own goroutine, one call at a time.
func (d *Database) Watch(ctx context.Context, interval time.Duration, report func(Event)) {
	if interval <= 0 {
		interval = DefaultInterval
	}
	if report == nil {
		report = func(Event) {}
	}
	settle := min(interval, settleTime)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		// Both may have been ready, and select chooses at random.
		if ctx.Err() != nil {
			return
		}
		event, unsettled := d.poll(settle)
		if event != nil {
			report(*event)
		}
		if unsettled {
			timer.Reset(settle)
		} else {
			timer.Reset(interval)
		}
	}
}

// poll looks at the file once. It returns what there is to report, if
// anything, and whether the file is yet to settle.
func (d *Database) poll(settle time.Duration) (event *Event, unsettled bool) {
	d.polling.Lock()
	defer d.polling.Unlock()

	state, err := statFile(d.path)
	if err != nil {
		// Forgotten, so that the same file is judged anew when it returns.
		d.judged, d.pending = stamp{}, stamp{}
		return d.reject(err), false
	}
	if state.equal(d.judged) {
		d.pending = stamp{}
		return nil, false
	}
	if !d.settled(state, settle) {
		return nil, true
	}

	current := d.current.Load()
	loaded, state, err := readSnapshot(d.path, d.limit, current)
	switch {
	case errors.Is(err, ErrChanging):
		return nil, true
	case errors.Is(err, ErrDamaged), errors.Is(err, ErrWrongType):
		// The content is to blame and is not read again until it changes. Any
		// other error, such as a missing permission, may pass by itself.
		d.judged, d.refusal = state, ""
		return d.reject(err), false
	case err != nil:
		return d.reject(err), false
	}
	d.judged = state
	return d.apply(current, loaded), false
}

// settled reports whether the file was in the same state at least settle ago.
// The age of its modification time would not do: a writer's first step shows
// as a new size before it shows as a new time, and copying tools set the time
// to one long past.
func (d *Database) settled(state stamp, settle time.Duration) bool {
	now := time.Now()
	if !d.pending.exists() || !d.pending.equal(state) {
		d.pending, d.since = state, now
		return false
	}
	return now.Sub(d.since) >= settle
}

func (d *Database) apply(current, loaded *snapshot) *Event {
	d.pending, d.refusal = stamp{}, ""
	d.mutex.Lock()
	failed := d.failure != nil
	d.current.Store(loaded)
	d.failure = nil
	d.mutex.Unlock()

	if loaded == current && !failed {
		return nil
	}
	event := &Event{Info: d.Info()}
	if current != nil {
		event.Replaced = current.buildTime()
		event.Older = event.Info.BuildTime.Before(event.Replaced)
	}
	return event
}

// reject keeps the data in use, and returns an event unless the cause is the
// one known already.
func (d *Database) reject(cause error) *Event {
	if d.refusal == cause.Error() {
		return nil
	}
	err := d.wrap("updating", cause)
	d.refusal = cause.Error()
	d.mutex.Lock()
	d.failure = err
	d.mutex.Unlock()
	return &Event{Info: d.Info(), Err: err}
}
