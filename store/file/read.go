package file

import (
	"crypto/sha256"
	"errors"
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
	tooLarge := fmt.Errorf("reading %s: %w: more than %d bytes", path, store.ErrTooLarge, limit)
	if info.Size() > limit {
		return contents{}, tooLarge
	}
	text := make([]byte, info.Size()+1) // one more, to see the end of the file
	n, err := io.ReadFull(f, text)
	if err == nil { // it has grown
		var rest []byte
		rest, err = io.ReadAll(io.LimitReader(f, limit-int64(n)+1))
		text = append(text, rest...)
		n = len(text)
	}
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return contents{}, err
	}
	if int64(n) > limit {
		return contents{}, tooLarge
	}
	text = text[:n]
	return contents{text: text, sum: sha256.Sum256(text), info: info}, nil
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
