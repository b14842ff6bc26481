package file

import (
	"crypto/sha256"
	"io/fs"
	"os"
	"time"

	"github.com/caddy-experiments/caddy-experiments/store/durable"
)

// contents is a file as it was read. The zero value stands for no file.
type contents struct {
	text []byte
	sum  [sha256.Size]byte
	info fs.FileInfo // from before the text was read
}

// readFile reads a file of at most limit bytes.
func readFile(path string, limit int64) (contents, error) {
	text, info, err := durable.Read(path, limit)
	if err != nil {
		return contents{}, err
	}
	return contents{text: text, sum: sha256.Sum256(text), info: info}, nil
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
