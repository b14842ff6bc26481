package pace

import (
	"runtime/metrics"
	"time"
)

const (
	// window is how long the process is watched before it counts as quiet, and
	// how often it is looked at.
	window = 25 * time.Millisecond
	// hold is how long it counts as busy after it was seen to do something.
	hold = time.Second
	// idle is how many goroutines begin within a window in a process that does
	// nothing but compute: a timer's, now and then.
	idle = 1
)

// activity says whether the process does something besides computing. Each
// request, by whatever protocol and for whatever site, begins goroutines: the
// runtime counts those for us, so that no request has to.
type activity struct {
	created func() uint64

	looked    time.Time
	seen      uint64
	expected  uint64 // goroutines of our own since then
	busyUntil time.Time
}

// begin forgets what happened while nothing was computed, such as the request
// that a computation is for.
func (a *activity) begin(now time.Time) {
	a.looked, a.seen, a.expected = now, a.created(), 0
	if quietFrom := now.Add(window); a.busyUntil.Before(quietFrom) {
		a.busyUntil = quietFrom
	}
}

// quiet reports whether the process has done nothing else for a while.
func (a *activity) quiet(now time.Time) bool {
	if now.Sub(a.looked) >= window {
		created := a.created()
		if created-a.seen > a.expected+idle {
			a.busyUntil = now.Add(hold)
		}
		a.looked, a.seen, a.expected = now, created, 0
	}
	return !now.Before(a.busyUntil)
}

// goroutines returns a counter of the goroutines that have begun in this process.
func goroutines() func() uint64 {
	sample := []metrics.Sample{{Name: "/sched/goroutines-created:goroutines"}}
	return func() uint64 {
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
}
