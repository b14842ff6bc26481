package caddymodule

import (
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
	// Directory of the files. Default: ./experiments.
	Directory string `json:"directory,omitempty"`
}

// defaultDirectory is the file store's directory where none is configured.
const defaultDirectory = "./experiments"

// CaddyModule returns the Caddy module information.
func (FileStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "experiments.stores.file", New: func() caddy.Module { return new(FileStore) }}
}

// Provision sets the default.
func (s *FileStore) Provision(caddy.Context) error {
	if s.Directory == "" {
		s.Directory = defaultDirectory
	}
	s.Directory = caddy.NewReplacer().ReplaceAll(s.Directory, "")
	return nil
}

// Open implements Source.
func (s *FileStore) Open(maxDocumentSize int64) (store.Store, error) {
	return file.New(s.Directory, maxDocumentSize), nil
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
		return d.ArgErr()
	}
	if d.NextBlock(0) {
		return d.Errf("the file store has no option %q; it takes the directory only", d.Val())
	}
	return nil
}

// Interface guards
var (
	_ Source                = (*FileStore)(nil)
	_ caddy.Provisioner     = (*FileStore)(nil)
	_ caddyfile.Unmarshaler = (*FileStore)(nil)
)
