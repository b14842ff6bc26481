//go:build unix

package file

import (
	"io/fs"
	"syscall"
)

// groupOf returns the id of the group that a file belongs to.
func groupOf(info fs.FileInfo) int {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(stat.Gid)
	}
	return -1
}
