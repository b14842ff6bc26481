// Command demo writes a small geo database of the documentation networks.
//
//	go run ./geo/demo demo.mmdb
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/caddy-experiments/caddy-experiments/geo/demo/networks"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) != 1 {
		return errors.New("usage: demo <out.mmdb>")
	}
	var content bytes.Buffer
	if err := networks.Write(&content); err != nil {
		return err
	}
	// Written beside and renamed: a running server may be following the file.
	path := arguments[0]
	if err := os.WriteFile(path+".new", content.Bytes(), 0o644); err != nil {
		return fmt.Errorf("demo database: writing: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("demo database: putting it in place: %w", err)
	}
	return nil
}
