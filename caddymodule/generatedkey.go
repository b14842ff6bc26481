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
// that this process has made or read before, else a new one. A disk that cannot be
// read is no reason not to serve.
func generatedKey(dir string) (string, error) {
	path := generatedKeyPath(dir)
	text, err := os.ReadFile(path)
	if err != nil {
		random := make([]byte, shortestKey)
		_, _ = rand.Read(random) // never fails
		key, _ := generatedKeys.LoadOrStore(dir, base64.RawURLEncoding.EncodeToString(random))
		return key.(string), nil
	}
	key := strings.TrimSpace(string(text))
	if len(key) < shortestKey {
		return "", fmt.Errorf("signing_key: %s is damaged; remove it or configure a signing_key", path)
	}
	generatedKeys.Store(dir, key)
	return key, nil
}

// keepGeneratedKey writes the key of this process to its directory, whole or not
// at all, unless it is there already.
func keepGeneratedKey(dir string) error {
	made, ok := generatedKeys.Load(dir)
	if !ok {
		return nil
	}
	path := generatedKeyPath(dir)
	if kept, err := os.ReadFile(path); err == nil && strings.TrimSpace(string(kept)) == made.(string) {
		return nil
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
	if kept, err := os.ReadFile(path); err != nil || strings.TrimSpace(string(kept)) != made.(string) {
		return fmt.Errorf("another process has put its own into %s (%v); restart to use that", path, err)
	}
	return nil
}
