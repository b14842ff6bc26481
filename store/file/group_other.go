//go:build !unix

package file

import "io/fs"

// groupOf returns -1 where files have no group.
func groupOf(fs.FileInfo) int { return -1 }
