package durable

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/caddy-experiments/caddy-experiments/store"
)

// Read reads a regular file of at most limit bytes, and gives what it looked
// like before its text was read. A larger one is store.ErrTooLarge.
func Read(path string, limit int64) ([]byte, fs.FileInfo, error) {
	// Opening something else first, a pipe for instance, could take forever.
	if info, err := os.Stat(path); err != nil {
		return nil, nil, err // says the path itself
	} else if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("reading %s: it is a %s; put a regular file there", path, kind(info))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if info.Size() > limit {
		return nil, nil, tooLarge(path, limit)
	}
	var text bytes.Buffer
	text.Grow(int(info.Size()) + bytes.MinRead)
	if _, err := text.ReadFrom(io.LimitReader(f, limit+1)); err != nil {
		return nil, nil, err
	}
	if int64(text.Len()) > limit {
		return nil, nil, tooLarge(path, limit) // it has grown
	}
	return text.Bytes(), info, nil
}

func tooLarge(path string, limit int64) error {
	return fmt.Errorf("reading %s: %w: more than %d bytes", path, store.ErrTooLarge, limit)
}

func kind(info fs.FileInfo) string {
	if info.IsDir() {
		return "directory"
	}
	return "device, pipe or socket"
}
