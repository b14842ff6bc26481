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

// generatedKeys are the keys that were made in this process, by directory: all
// configurations that it loads must share one even before it is on disk.
var generatedKeys sync.Map

func generatedKeyPath(dir string) string { return filepath.Join(dir, "signing.key") }

// generatedKey gives the key of a directory: the one kept there, else the one
// made before in this process, else a new one.
func generatedKey(dir string) (string, error) {
	path := generatedKeyPath(dir)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		random := make([]byte, shortestKey)
		_, _ = rand.Read(random) // never fails
		key, _ := generatedKeys.LoadOrStore(dir, base64.RawURLEncoding.EncodeToString(random))
		return key.(string), nil
	}
	if err != nil {
		return "", fmt.Errorf("signing_key: reading the generated one: %w", err)
	}
	key := strings.TrimSpace(string(text))
	if len(key) < shortestKey {
		return "", fmt.Errorf("signing_key: %s is damaged; remove it or configure a signing_key", path)
	}
	return key, nil
}

// keepGeneratedKey writes the key made in this process to its directory, whole
// or not at all, unless there is one already.
func keepGeneratedKey(dir string) error {
	made, ok := generatedKeys.Load(dir)
	if !ok {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	path := generatedKeyPath(dir)
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
