package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/caddy-experiments/caddy-experiments/store/stall"
)

// within runs work on a disk for no longer than a time; see stall.Guard. What the
// work has set must not be read after an error.
func within(patience time.Duration, work func() error) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return new(stall.Guard).Do(ctx, work)
}

// checkFilePlace refuses a path at which there can be no file, whatever becomes
// of the disk. That is a fault of the configuration; all others are waited out.
func checkFilePlace(option, path string) error {
	isDir, err := isDirectory(path)
	if err == nil && isDir {
		return fmt.Errorf("%s: %s is a directory; name a file", option, path)
	}
	return checkPlace(option, path, err)
}

// checkDirPlace is checkFilePlace for a directory.
func checkDirPlace(option, path string) error {
	isDir, err := isDirectory(path)
	if err == nil && !isDir {
		return fmt.Errorf("%s: %s is a file; name a directory", option, path)
	}
	return checkPlace(option, path, err)
}

// isDirectory looks at a path on a disk that may stand still.
func isDirectory(path string) (is bool, err error) {
	err = within(startTime, func() error {
		info, err := os.Stat(path)
		is = err == nil && info.IsDir()
		return err
	})
	if err != nil {
		return false, err
	}
	return is, nil
}

func checkPlace(option, path string, err error) error {
	if errors.Is(err, syscall.ENOTDIR) {
		return fmt.Errorf("%s: opening %s: %s leads through a file; name another place", option, path, filepath.Dir(path))
	}
	return nil
}
