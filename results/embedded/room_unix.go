//go:build linux || darwin || freebsd

package embedded

import "golang.org/x/sys/unix"

// spaceOf asks for the space of the disk that has a directory, as far as it is
// for this user.
func spaceOf(dir string) (space, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return space{}, err
	}
	block := uint64(s.Bsize)
	return space{
		bytes: uint64(s.Blocks) * block, freeBytes: uint64(max(s.Bavail, 0)) * block,
		inodes: uint64(s.Files), freeInodes: uint64(max(s.Ffree, 0)),
	}, nil
}
