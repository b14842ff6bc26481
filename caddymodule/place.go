package caddymodule

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// checkFilePlace refuses a path at which there can be no file, whatever becomes
// of the disk. That is a fault of the configuration; all others are waited out.
func checkFilePlace(option, path string) error {
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		return fmt.Errorf("%s: %s is a directory; name a file", option, path)
	}
	return checkPlace(option, path, err)
}

// checkDirPlace is checkFilePlace for a directory.
func checkDirPlace(option, path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		return fmt.Errorf("%s: %s is a file; name a directory", option, path)
	}
	return checkPlace(option, path, err)
}

func checkPlace(option, path string, err error) error {
	if errors.Is(err, syscall.ENOTDIR) {
		return fmt.Errorf("%s: opening %s: %s leads through a file; name another place", option, path, filepath.Dir(path))
	}
	return nil
}
