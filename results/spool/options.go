package spool

import (
	"errors"
	"log/slog"
)

// Options say how large a spool may become. A zero is the default.
type Options struct {
	// MaxBytes on disk. Default: 1 GiB.
	MaxBytes int64
	// SegmentBytes is how large one file becomes. Default: 8 MiB.
	SegmentBytes int64
	// Log is told what was damaged. Default: nobody is.
	Log *slog.Logger
}

// The defaults of Options.
const (
	DefaultMaxBytes     = 1 << 30
	DefaultSegmentBytes = 8 << 20
)

// The errors of a spool.
var (
	// ErrFull says that there is no room for what is to be appended.
	ErrFull = errors.New("the spool is full")
	// ErrInUse says that another process has the directory.
	ErrInUse = errors.New("another process uses the spool; give each one a directory of its own")
	// ErrClosed says that the spool was closed.
	ErrClosed = errors.New("the spool is closed")
)

func (o Options) complete() Options {
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = DefaultSegmentBytes
	}
	// Only whole files are forgotten: one must not fill the spool.
	o.SegmentBytes = max(min(o.SegmentBytes, o.MaxBytes/4), 1)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}
