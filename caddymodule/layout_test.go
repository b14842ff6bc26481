package caddymodule_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const modulePath = "github.com/caddy-experiments/caddy-experiments"

// layout says which of our packages each package may import. What knows Caddy
// is at the top, the engine at the bottom. Programs in bench may use anything.
var layout = map[string][]string{
	"engine":                        {},
	"device":                        {},
	"geo":                           {},
	"geo/demo":                      {"geo/demo/networks"},
	"geo/demo/networks":             {},
	"store":                         {"engine"},
	"store/durable":                 {"store"},
	"store/stall":                   {},
	"store/file":                    {"engine", "store", "store/durable", "store/stall"},
	"store/redis":                   {"engine", "store", "store/durable"},
	"store/redis/redistest":         {},
	"management":                    {"engine", "store", "results", "results/events", "results/intake", "results/pace", "results/report", "results/reports", "management/launchdarkly"},
	"management/launchdarkly":       {"engine", "store", "results", "results/pace", "results/report"},
	"results":                       {},
	"results/events":                {"results"},
	"results/events/eventstest":     {"results", "results/events"},
	"results/embedded":              {"results", "results/events", "results/pace", "store/stall", "store/durable"},
	"results/postgres":              {"results", "results/events"},
	"results/postgres/postgrestest": {},
	"results/pace":                  {},
	"results/intake":                {"results/events"},
	"results/trouble":               {},
	"results/reports":               {"engine", "results", "results/events", "results/pace", "results/report"},
	"results/report":                {"engine", "results", "results/events", "results/pace"},
	"results/spool":                 {"results/events", "store", "store/durable"},
	"results/relay":                 {"results/events", "results/spool", "results/trouble"},
	"results/upkeep":                {"results/events", "store/stall"},
	"caddymodule": {"device", "engine", "geo", "management", "store", "store/file", "store/redis",
		"results", "results/events", "results/embedded", "results/intake", "results/postgres", "results/relay", "results/report", "results/reports", "results/spool", "store/stall", "results/upkeep"},
	"caddymodule/cmd/caddy": {"caddymodule"},
}

// homes are the libraries that one package and those below it are made of; no
// other may know them. Every other library is a utility, free for all but the
// engine.
var homes = map[string]string{
	"github.com/caddyserver/": "caddymodule",
	"github.com/mssola/":      "device",
	"github.com/oschwald/":    "geo",
	"github.com/maxmind/":     "geo",
	"github.com/redis/":       "store",
	"github.com/Shopify/":     "store/redis/redistest",
	"gonum.org/":              "results",
	"github.com/cockroachdb/": "results",
	"github.com/jackc/":       "results",
	"github.com/prometheus/":  "caddymodule",
	"go.opentelemetry.io/":    "caddymodule",
	"github.com/spf13/cobra":  "caddymodule",
}

// Names that say nothing of what is inside attract everything.
var emptyNames = []string{"base", "common", "helper", "helpers", "lib", "manager", "misc", "shared", "types", "util", "utils"}

func TestLayout(t *testing.T) {
	packages := parsePackages(t)
	for dir, files := range packages {
		t.Run(dir, func(t *testing.T) {
			allowed, known := layout[dir]
			if !known {
				t.Fatalf("the layout does not have this package; say in its table what it may import")
			}
			for file, parsed := range files {
				if slices.Contains(emptyNames, parsed.Name.Name) {
					t.Errorf("%s: the package's name %s says nothing", file, parsed.Name.Name)
				}
				for _, spec := range parsed.Imports {
					imported, err := strconv.Unquote(spec.Path.Value)
					if err != nil {
						t.Fatal(err)
					}
					if !mayImport(dir, imported, allowed) {
						t.Errorf("%s must not import %s", file, imported)
					}
				}
			}
			checkComment(t, files)
		})
	}
	for dir := range layout {
		if packages[dir] == nil {
			t.Errorf("the layout has the package %s, which does not exist", dir)
		}
	}
}

func mayImport(dir, imported string, ours []string) bool {
	if own, ok := strings.CutPrefix(imported, modulePath+"/"); ok {
		return slices.Contains(ours, own)
	}
	first, _, _ := strings.Cut(imported, "/")
	if standard := !strings.Contains(first, "."); standard {
		return imported != "C" && imported != "unsafe"
	}
	for library, home := range homes {
		if strings.HasPrefix(imported, library) {
			return dir == home || strings.HasPrefix(dir, home+"/")
		}
	}
	return dir != "engine"
}

// checkComment wants the package's comment once: in doc.go, or where a package
// has a single file, there.
func checkComment(t *testing.T, files map[string]*ast.File) {
	t.Helper()
	for file, parsed := range files {
		if wanted := path.Base(file) == "doc.go" || len(files) == 1; wanted != (parsed.Doc != nil) {
			t.Errorf("%s: has a package comment: %v; it belongs into doc.go", file, !wanted)
		}
	}
	if len(files) > 1 && !slices.ContainsFunc(fileNames(files), func(file string) bool { return path.Base(file) == "doc.go" }) {
		t.Error("there is no doc.go")
	}
}

func fileNames(files map[string]*ast.File) []string {
	var names []string
	for name := range files {
		names = append(names, name)
	}
	return names
}

// Arrows point down only: no package is above itself.
func TestLayoutHasNoCircle(t *testing.T) {
	var visit func(dir string, above []string)
	visit = func(dir string, above []string) {
		if slices.Contains(above, dir) {
			t.Fatalf("%s is above itself: %v", dir, above)
		}
		for _, below := range layout[dir] {
			visit(below, append(above, dir))
		}
	}
	for dir := range layout {
		visit(dir, nil)
	}
}

// parsePackages reads every Go file of the module but the tests, by directory.
func parsePackages(t *testing.T) map[string]map[string]*ast.File {
	t.Helper()
	packages := map[string]map[string]*ast.File{}
	root := os.DirFS("..")
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata" || name == "bench" || isModule(root, name)) {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", filepath.FromSlash(name)), nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			return err
		}
		dir := path.Dir(name)
		if packages[dir] == nil {
			packages[dir] = map[string]*ast.File{}
		}
		packages[dir][name] = parsed
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return packages
}

// isModule reports whether a directory is a module of its own.
func isModule(root fs.FS, dir string) bool {
	_, err := fs.Stat(root, path.Join(dir, "go.mod"))
	return err == nil
}
