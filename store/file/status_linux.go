package file

import (
	"io/fs"
	"syscall"
	"time"
)

// statusTime is when the file's contents or attributes were last changed. In
// contrast to its time of modification nobody can set it, as copying programs
// do.
func statusTime(info fs.FileInfo) time.Time {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(stat.Ctim.Unix())
	}
	return info.ModTime()
}
