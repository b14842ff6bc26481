//go:build !linux

package file

import (
	"io/fs"
	"time"
)

// statusTime is the time of modification where the standard library has no
// portable name for a better one.
func statusTime(info fs.FileInfo) time.Time { return info.ModTime() }
