package geo

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// MaxSize is the largest database file that is accepted, in bytes. The whole
// file is kept in memory; the largest databases of the accepted kinds are
// about a third of it.
const MaxSize int64 = 1 << 30

var (
	// ErrTooLarge says that a file is larger than MaxSize.
	ErrTooLarge = errors.New("file is too large")
	// ErrChanging says that a file was written to while it was being read.
	ErrChanging = errors.New("file is changing")
)

// stamp identifies one state of a file. The zero stamp stands for no file.
type stamp struct {
	info fs.FileInfo
}

func statFile(path string) (stamp, error) {
	info, err := os.Stat(path)
	if err != nil {
		return stamp{}, explain(err)
	}
	return stamp{info}, nil
}

func (s stamp) exists() bool { return s.info != nil }

// equal reports whether both stamps show the same state: size, modification
// time and, so that a rename or a turned symbolic link is noticed whatever
// the times say, the identity of the file.
func (s stamp) equal(other stamp) bool {
	if s.info == nil || other.info == nil {
		return s.info == nil && other.info == nil
	}
	return s.info.Size() == other.info.Size() &&
		s.info.ModTime().Equal(other.info.ModTime()) &&
		os.SameFile(s.info, other.info)
}

// readFile returns the content of path and the stamp it had throughout. It
// opens regular files of at most limit bytes only: opening a pipe would block.
func readFile(path string, limit int64) ([]byte, stamp, error) {
	before, err := statFile(path)
	if err != nil {
		return nil, before, err
	}
	if !before.info.Mode().IsRegular() {
		return nil, before, fmt.Errorf("not a regular file but %s: name the .mmdb file itself", describeMode(before.info.Mode()))
	}
	size := before.info.Size()
	if size > limit {
		return nil, before, fmt.Errorf("%w: %d bytes, at most %d are accepted", ErrTooLarge, size, limit)
	}

	file, err := os.Open(path)
	if err != nil {
		return nil, before, explain(err)
	}
	defer file.Close()

	data := make([]byte, size)
	switch _, err = io.ReadFull(file, data); {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return nil, before, fmt.Errorf("%w: it became shorter while being read", ErrChanging)
	case err != nil:
		return nil, before, explain(err)
	}

	// The open file is compared as well as the path: a rename between the two
	// would otherwise pair the content of one file with the stamp of another.
	info, err := file.Stat()
	if err != nil {
		return nil, before, explain(err)
	}
	after, err := statFile(path)
	if err != nil {
		return nil, before, err
	}
	if !before.equal(stamp{info}) || !before.equal(after) {
		return nil, before, fmt.Errorf("%w: it was written to while being read", ErrChanging)
	}
	return data, before, nil
}

func describeMode(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	default:
		return "a device"
	}
}

// explain strips the operation and path that package os adds, because every
// error of this package names the path already, and says what would help.
func explain(err error) error {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathError.Err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: put a database there", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: let the server's user read it", err)
	default:
		return err
	}
}
