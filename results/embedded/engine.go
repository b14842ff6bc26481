package embedded

import (
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"golang.org/x/time/rate"
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
		Logger:             l.voice,
		FS:                 l.disk,
		MemTableSize:       memTableSize,
		ReadOnly:           options.ReadOnly,
		// A new log is empty only until its format is written.
		ErrorIfNotExists: options.ReadOnly,
		EventListener: &pebble.EventListener{
			BackgroundError: l.voice.background,
			DataCorruption:  l.voice.corruption,
		},
	}
	for i := range o.Levels {
		// Links are looked up that mostly do not exist.
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	o.ApplyCompressionSettings(func() pebble.DBCompressionSettings { return pebble.DBCompressionBalanced })
	return o
}

// voice is Pebble's logger. What repeats it says once a minute.
type voice struct {
	log     *slog.Logger
	disk    *disk
	trouble rate.Sometimes
	damage  rate.Sometimes
}

func newVoice(log *slog.Logger, disk *disk) *voice {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &voice{
		log: log, disk: disk,
		trouble: rate.Sometimes{First: 1, Interval: time.Minute},
		damage:  rate.Sometimes{First: 1, Interval: time.Minute},
	}
}

// Infof implements pebble.Logger.
func (v *voice) Infof(format string, args ...any) { v.log.Debug(fmt.Sprintf(format, args...)) }

// Errorf implements pebble.Logger.
func (v *voice) Errorf(format string, args ...any) { v.background(fmt.Errorf(format, args...)) }

// Fatalf implements pebble.Logger. It returns, where Pebble expects the process
// to end: nothing reaches the disk from then on.
func (v *voice) Fatalf(format string, args ...any) {
	v.disk.fail(fmt.Errorf("the engine gave up: %s", fmt.Sprintf(format, args...)))
}

// background is told of flushes and compactions that failed; they are tried
// again.
func (v *voice) background(err error) {
	v.trouble.Do(func() { v.log.Error("the event log's background work failed", slog.String("error", firstLine(err))) })
}

func (v *voice) corruption(info pebble.DataCorruptionInfo) {
	v.damage.Do(func() {
		v.log.Error("a file of the event log is damaged", slog.String("path", info.Path), slog.String("error", firstLine(info.Details)))
	})
}

// firstLine leaves out the stack that Pebble's errors print on further lines.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// damage is an error of a file that is not as it was written.
type damage struct{ error }

func (d damage) Unwrap() error { return d.error }

// Error leaves out what Pebble adds on further lines.
func (d damage) Error() string {
	return "it is damaged: " + firstLine(d.error)
}

// explained says of an error that it is a damage, where it is.
func explained(err error) error {
	if pebble.IsCorruptionError(err) {
		return damage{err}
	}
	return err
}

// Interface guard
var _ pebble.Logger = (*voice)(nil)
