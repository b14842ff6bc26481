package caddymodule

import (
	"fmt"
	"path/filepath"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-experiments/caddy-experiments/store"
	"github.com/caddy-experiments/caddy-experiments/store/file"
)

func init() {
	caddy.RegisterModule(FileStore{})
}

// FileStore keeps each tenant's configuration in a JSON file,
// <directory>/<project>/<environment>.json, that people may edit: a change is
// in force within a second.
type FileStore struct {
	// Directory of the files. Placeholders are replaced. Default: ./experiments.
	Directory string `json:"directory,omitempty"`
}

// defaultDirectory is the file store's directory where none is configured.
const defaultDirectory = "./experiments"

// CaddyModule returns the Caddy module information.
func (FileStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "experiments.stores.file", New: func() caddy.Module { return new(FileStore) }}
}

// Provision sets the default. A directory that comes out empty, of a variable
// that is not set, would be the one that Caddy happens to run in.
func (s *FileStore) Provision(caddy.Context) error {
	if s.Directory == "" {
		s.Directory = defaultDirectory
	}
	directory := caddy.NewReplacer().ReplaceAll(s.Directory, "")
	if directory == "" {
		return fmt.Errorf("store file: the directory %s is empty; set what it refers to, or write for example: store file %s", s.Directory, defaultDirectory)
	}
	s.Directory = filepath.Clean(directory)
	return nil
}

// Open implements Source.
func (s *FileStore) Open(settings StoreSettings) (store.Store, error) {
	return file.New(s.Directory, settings.MaxDocumentSize), nil
}

// Dir implements Source.
func (s *FileStore) Dir() string { return s.Directory }

// UnmarshalCaddyfile reads
//
//	store file [<directory>]
func (s *FileStore) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the module's name
	if d.NextArg() {
		s.Directory = d.Val()
	}
	if d.NextArg() {
		return d.Errf("store file: takes one directory, got %q besides; write for example: store file %s", d.Val(), defaultDirectory)
	}
	if d.NextBlock(0) {
		return d.Errf("store file: has no option %q; write only the directory: store file %s", d.Val(), defaultDirectory)
	}
	return nil
}

// Interface guards
var (
	_ Source                = (*FileStore)(nil)
	_ caddy.Provisioner     = (*FileStore)(nil)
	_ caddyfile.Unmarshaler = (*FileStore)(nil)
)
