package reports

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// ErrBusy says that a tenant asks for more reports than may wait.
var ErrBusy = errors.New("too many reports of the tenant are waiting")

// Limits bound what a desk does. A zero is the default.
type Limits struct {
	// Running is how many reports are made at a time, one for each tenant.
	// Default: 4.
	Running int
	// Waiting is how many of a tenant's reports may wait for those. Default: 8.
	Waiting int
	// Asking is how many requests of a tenant may wait, the same report for many
	// of them: all of those are answered at once, and an answer may be large.
	// Default: 32.
	Asking int
	// Time bounds how long making one report takes. Default: one minute.
	Time time.Duration
	// Recent bounds the answers that are kept to be given again.
	Recent RecentLimits
}

func (l Limits) complete() Limits {
	setDefault(&l.Running, 4)
	setDefault(&l.Waiting, 8)
	setDefault(&l.Asking, 32)
	setDefault(&l.Time, time.Minute)
	l.Recent = l.Recent.complete()
	return l
}

func setDefault[T int | int64 | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}

// Desk is where reports are asked for. It is safe for concurrent use.
type Desk struct {
	limits Limits
	recent *recent

	mu      sync.Mutex
	flights map[question]*flight
	lines   map[string]*line
	order   []*line // those in which a report waits; the next one's turn is first
	running int
}

// New returns a desk.
func New(limits Limits) *Desk {
	limits = limits.complete()
	return &Desk{limits: limits, recent: newRecent(limits.Recent), flights: map[question]*flight{}, lines: map[string]*line{}}
}

// question is a report that is asked for.
type question struct {
	tenant string
	what   any
}

// line is the reports of one tenant.
type line struct {
	tenant  string
	waiting []*flight // in the order in which they were asked for
	running bool
	asking  int // requests that wait
}

// flight is a report that waits or is being made.
type flight struct {
	question question
	line     *line
	report   func(context.Context) ([]byte, error)
	asking   int // requests that wait for it
	cancel   context.CancelFunc
	done     chan struct{}
	// What there is when it is done.
	text []byte
	err  error
}

// Ask returns what report returns for a tenant's question, which must be
// comparable: equal ones of a tenant have equal answers. The answer may have
// been made for an earlier request (see RecentLimits), so it must say itself of
// what time it is, and callers must not change it. Nor is the context of report that of
// the request: it ends when no request waits any more, or after Limits.Time.
//
// An error is ErrBusy, that of the context, or that of report.
func (d *Desk) Ask(ctx context.Context, tenant string, what any, report func(context.Context) ([]byte, error)) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	q := question{tenant, what}
	if text, ok := d.recent.find(q, time.Now()); ok {
		return text, nil
	}
	f, err := d.join(q, report)
	if err != nil {
		return nil, err
	}
	select {
	case <-f.done:
		d.leave(f)
		return f.text, f.err
	case <-ctx.Done():
		d.leave(f)
		return nil, fmt.Errorf("waiting for a report: %w", ctx.Err())
	}
}

// Asking returns how many requests wait, of all tenants.
func (d *Desk) Asking() (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range d.lines {
		n += l.asking
	}
	return n
}

// join waits for a report together with others, or is the first to.
func (d *Desk) join(q question, report func(context.Context) ([]byte, error)) (*flight, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, l := d.flights[q], d.lines[q.tenant]
	if l != nil && (l.asking >= d.limits.Asking || f == nil && len(l.waiting) >= d.limits.Waiting) {
		return nil, ErrBusy
	}
	if l == nil {
		l = &line{tenant: q.tenant}
		d.lines[q.tenant] = l
	}
	if f == nil {
		f = &flight{question: q, line: l, report: report, cancel: func() {}, done: make(chan struct{})}
		d.flights[q] = f
		if l.waiting = append(l.waiting, f); len(l.waiting) == 1 {
			d.order = append(d.order, l)
		}
	}
	f.asking++
	l.asking++
	d.dispatch()
	return f, nil
}

// leave ends the waiting of one request. A flight that no request waits for is given up.
func (d *Desk) leave(f *flight) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f.asking--
	f.line.asking--
	if f.asking == 0 {
		f.cancel()
		d.forget(f)
		if at := slices.Index(f.line.waiting, f); at >= 0 {
			f.line.waiting = slices.Delete(f.line.waiting, at, at+1)
		}
	}
	d.tidy(f.line)
}

// forget lets the next request for the same report begin anew.
func (d *Desk) forget(f *flight) {
	if d.flights[f.question] == f {
		delete(d.flights, f.question)
	}
}

// tidy takes a line that is empty out of the order, and out of the desk.
func (d *Desk) tidy(l *line) {
	if len(l.waiting) > 0 {
		return
	}
	d.order = slices.DeleteFunc(d.order, func(other *line) bool { return other == l })
	if l.asking == 0 && !l.running {
		delete(d.lines, l.tenant)
	}
}

// dispatch begins reports, as far as there is room, the tenants in turn.
func (d *Desk) dispatch() {
	for d.running < d.limits.Running {
		at := slices.IndexFunc(d.order, func(l *line) bool { return !l.running })
		if at < 0 {
			return
		}
		l := d.order[at]
		f := l.waiting[0]
		l.waiting = slices.Delete(l.waiting, 0, 1)
		d.order = slices.Delete(d.order, at, at+1)
		if len(l.waiting) > 0 {
			d.order = append(d.order, l)
		}
		l.running = true
		d.running++
		var ctx context.Context
		ctx, f.cancel = context.WithTimeout(context.Background(), d.limits.Time)
		go d.run(ctx, f)
	}
}

// run makes one report.
func (d *Desk) run(ctx context.Context, f *flight) {
	defer f.cancel()
	began := time.Now()
	f.text, f.err = made(ctx, f.report)
	if ended := time.Now(); f.err == nil {
		d.recent.keep(f.question, f.text, ended.Sub(began), ended)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.forget(f)
	close(f.done)
	f.line.running = false
	d.running--
	d.tidy(f.line)
	d.dispatch()
}

// made does not panic: no caller could recover from that in its goroutine, and
// the process has logins to serve.
func made(ctx context.Context, report func(context.Context) ([]byte, error)) (text []byte, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			text, err = nil, fmt.Errorf("making a report: panic: %v", cause)
		}
	}()
	return report(ctx)
}
