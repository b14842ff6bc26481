package caddymodule_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// pages gives the documents that people read, by their path in the repository.
func pages(t testing.TB) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, pattern := range []string{"../*.md", "../docs/*.md"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			found[strings.TrimPrefix(name, "../")] = string(text)
		}
	}
	return found
}

func TestLinksLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for page, text := range pages(t) {
		for _, match := range link.FindAllStringSubmatch(text, -1) {
			target, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			file := page
			if target != "" {
				file = filepath.Join(filepath.Dir(page), target)
			}
			if _, err := os.Stat(filepath.Join("..", file)); err != nil {
				t.Errorf("%s: %s is not there", page, match[1])
			} else if anchor != "" && !slices.Contains(anchors(t, file), anchor) {
				t.Errorf("%s: %s has no section #%s", page, file, anchor)
			}
		}
	}
}

// What SECURITY.md says is held by the tests that it names.
func TestSecurityIsTested(t *testing.T) {
	declared := map[string]bool{}
	declaration := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, match := range declaration.FindAllStringSubmatch(string(text), -1) {
			declared[match[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	text := pages(t)["SECURITY.md"]
	named := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`").FindAllStringSubmatch(text, -1)
	if len(named) < 30 {
		t.Errorf("SECURITY.md names %d tests", len(named))
	}
	for _, match := range named {
		if !declared[match[1]] {
			t.Errorf("SECURITY.md names %s, which is not there", match[1])
		}
	}
	_, attacks, _ := strings.Cut(text, "## What happens to an attack")
	attacks, _, _ = strings.Cut(attacks, "\n## ")
	for line := range strings.Lines(attacks) {
		if strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| attack ") && !strings.Contains(line, "`Test") {
			t.Errorf("no test holds %.80q", line)
		}
	}
}
