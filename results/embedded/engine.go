package embedded

import (
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// memTableSize is that of what was written last; there may be two of it.
const memTableSize = 16 << 20

// settings are those of Pebble.
func (l *Log) settings(options Options) *pebble.Options {
	size := options.CacheSize
	if size == 0 {
		size = DefaultCacheSize
	}
	o := &pebble.Options{
		Cache:              pebble.NewCache(size),
		FormatMajorVersion: pebble.FormatNewest,
		Logger:             l.failure,
		MemTableSize:       memTableSize,
		ReadOnly:           options.ReadOnly,
		// A new log is empty only until its format is written.
		ErrorIfNotExists: options.ReadOnly,
		EventListener: &pebble.EventListener{
			BackgroundError: l.failure.background,
			DataCorruption: func(info pebble.DataCorruptionInfo) {
				l.failure.log.Error("a file of the event log is damaged", slog.String("path", info.Path), slog.Any("error", info.Details))
			},
		},
	}
	for i := range o.Levels {
		// Links are looked up that mostly do not exist.
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	o.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionBalanced })
	return o
}

// failure is Pebble's logger, and knows whether the engine has failed for good.
type failure struct {
	log   *slog.Logger
	first atomic.Pointer[error]
}

// error is nil as long as the engine works.
func (f *failure) error() error {
	if err := f.first.Load(); err != nil {
		return *err
	}
	return nil
}

// Infof implements pebble.Logger.
func (f *failure) Infof(format string, args ...any) { f.log.Debug(fmt.Sprintf(format, args...)) }

// Errorf implements pebble.Logger.
func (f *failure) Errorf(format string, args ...any) { f.log.Error(fmt.Sprintf(format, args...)) }

// Fatalf implements pebble.Logger. It returns, where Pebble expects the process
// to end: nothing is written from now on.
func (f *failure) Fatalf(format string, args ...any) {
	err := fmt.Errorf("%w: engine failed: %s", events.ErrUnavailable, fmt.Sprintf(format, args...))
	f.first.CompareAndSwap(nil, &err)
	f.log.Error(err.Error())
}

// background hears of flushes and compactions that failed; they are tried again.
func (f *failure) background(err error) {
	f.log.Error("the event log's background work failed", slog.Any("error", err))
}

// damage is an error of a file that is not as it was written.
type damage struct{ error }

func (d damage) Unwrap() error { return d.error }

// Error leaves out what Pebble adds on further lines.
func (d damage) Error() string {
	what, _, _ := strings.Cut(d.error.Error(), "\n")
	return "it is damaged: " + what
}

// explained says of an error that it is a damage, where it is.
func explained(err error) error {
	if pebble.IsCorruptionError(err) {
		return damage{err}
	}
	return err
}

// Interface guard
var _ pebble.Logger = (*failure)(nil)
