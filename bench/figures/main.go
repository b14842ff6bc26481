// Command figures puts what was measured into the documentation: it draws the
// figures into docs/figures and the tables into a page, between the markers
// <!-- name --> and <!-- /name -->.
//
//	go run ./bench/figures edge.json                   a report, as the programs write them with -results
//	go run ./bench/figures -benchmarks decision.txt    what go test -bench printed
//	go run ./bench/figures -page reliability.md -text torture torture.txt   what is Markdown already
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/caddy-experiments/caddy-experiments/bench/report"
)

func main() {
	docs := flag.String("docs", "docs", "directory of the documentation")
	target := flag.String("page", "performance.md", "page that the tables go into")
	benchmarks := flag.Bool("benchmarks", false, "the file is what benchmarks of decisions printed")
	text := flag.String("text", "", "the file is Markdown, for the place of this name")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "usage: figures [-page page] [-benchmarks | -text name] file")
		os.Exit(2)
	}
	if err := run(*docs, filepath.Join(*docs, *target), flag.Arg(0), *benchmarks, *text); err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		os.Exit(1)
	}
}

func run(docs, page, path string, benchmarks bool, name string) error {
	if name != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return insert(page, name, string(text))
	}
	read := report.ReadFile
	if benchmarks {
		read = readBenchmarks
	}
	r, err := read(path)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(docs, "figures"), 0o755); err != nil {
		return err
	}
	var text strings.Builder
	for _, f := range r.Figures {
		if err := os.WriteFile(filepath.Join(docs, "figures", f.Name+".svg"), []byte(draw(f)), 0o644); err != nil {
			return err
		}
		fmt.Fprintf(&text, "![%s](figures/%s.svg)\n\n", f.Title, f.Name)
	}
	text.WriteString(r.Markdown())
	return insert(page, r.Name, text.String())
}

// insert replaces what stands between the markers of a name.
func insert(page, name, text string) error {
	old, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	begin, end := "<!-- "+name+" -->\n", "<!-- /"+name+" -->"
	before, rest, found := strings.Cut(string(old), begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		return fmt.Errorf("%s has no markers %q and %q", page, strings.TrimSpace(begin), end)
	}
	return os.WriteFile(page, []byte(before+begin+"\n"+strings.TrimSpace(text)+"\n\n"+end+after), 0o644)
}
