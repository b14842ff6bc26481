package caddymodule

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// generatedKeys are the keys that this process has made or read, by directory: all
// configurations that it loads must share one, also before it is on disk and while
// the disk is away.
var generatedKeys sync.Map

func generatedKeyPath(dir string) string { return filepath.Join(dir, "signing.key") }

// generatedKey returns the key of a directory: the one kept there, else the one
// that this process has made or read before, else a new one. Neither a disk that
// cannot be read nor a damaged file is a reason not to serve.
func generatedKey(dir string) string {
	if key, err := keptKey(generatedKeyPath(dir)); err == nil {
		generatedKeys.Store(dir, key)
		return key
	}
	random := make([]byte, shortestKey)
	_, _ = rand.Read(random) // never fails
	key, _ := generatedKeys.LoadOrStore(dir, base64.RawURLEncoding.EncodeToString(random))
	return key.(string)
}

var errKeyDamaged = errors.New("it is damaged")

// keptKey reads a key from a disk that may stand still.
func keptKey(path string) (string, error) {
	var text []byte
	err := within(startTime, func() (err error) {
		text, err = os.ReadFile(path)
		return err
	})
	if err != nil {
		return "", err
	}
	key := strings.TrimSpace(string(text))
	if len(key) < shortestKey {
		return "", fmt.Errorf("reading %s: %w", path, errKeyDamaged)
	}
	return key, nil
}

// keepGeneratedKey writes the key of this process to its directory, whole or not
// at all, unless it is there already. A file that is too short for a key is put
// aside as signing.key.damaged.
func keepGeneratedKey(dir string) error {
	made, ok := generatedKeys.Load(dir)
	if !ok {
		return nil
	}
	path := generatedKeyPath(dir)
	switch kept, err := keptKey(path); {
	case err == nil && kept == made.(string):
		return nil
	case errors.Is(err, errKeyDamaged):
		if err := os.Rename(path, path+".damaged"); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	temp, err := os.CreateTemp(dir, ".signing.key-*") // readable by nobody else
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	_, err = temp.WriteString(made.(string) + "\n")
	if err == nil {
		err = temp.Sync()
	}
	if closeErr := temp.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", temp.Name(), err)
	}
	if err := os.Link(temp.Name(), path); !errors.Is(err, fs.ErrExist) {
		return err
	}
	if kept, err := keptKey(path); err != nil || kept != made.(string) {
		return fmt.Errorf("another process has put its own into %s (%v); restart to use that", path, err)
	}
	return nil
}
