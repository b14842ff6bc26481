package file

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/caddy-experiments/caddy-experiments/store"
)

// contents is a file as it was read. The zero value stands for no file.
type contents struct {
	text []byte
	sum  [sha256.Size]byte
	info fs.FileInfo // from before the text was read
}

// readFile reads a file of at most limit bytes.
func readFile(path string, limit int64) (contents, error) {
	// Opening something else first, a pipe for instance, could take forever.
	if info, err := os.Stat(path); err != nil {
		return contents{}, err // says the path itself
	} else if !info.Mode().IsRegular() {
		return contents{}, fmt.Errorf("reading %s: it is a %s; put a regular file there", path, kind(info))
	}
	f, err := os.Open(path)
	if err != nil {
		return contents{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return contents{}, err
	}
	if info.Size() > limit {
		return contents{}, tooLarge(path, limit)
	}
	var text bytes.Buffer
	text.Grow(int(info.Size()) + bytes.MinRead)
	if _, err := text.ReadFrom(io.LimitReader(f, limit+1)); err != nil {
		return contents{}, err
	}
	if int64(text.Len()) > limit {
		return contents{}, tooLarge(path, limit) // it has grown
	}
	return contents{text: text.Bytes(), sum: sha256.Sum256(text.Bytes()), info: info}, nil
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

// unchanged reports whether a file looks like it did before. It may have
// changed all the same if both times are in one tick of the file system's clock.
func unchanged(info, before fs.FileInfo) bool {
	return info.Size() == before.Size() && info.ModTime().Equal(before.ModTime()) &&
		statusTime(info).Equal(statusTime(before)) && os.SameFile(info, before)
}

// changedAt is when a file was last changed or put in its place.
func changedAt(info fs.FileInfo) time.Time {
	if changed := statusTime(info); changed.After(info.ModTime()) {
		return changed
	}
	return info.ModTime()
}
