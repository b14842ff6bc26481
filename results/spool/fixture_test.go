package spool

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

func open(t testing.TB, dir string, options Options) *Spool {
	t.Helper()
	s, err := Open(dir, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// batch is one that one can tell by its id.
func batch(id string) *events.Batch {
	return &events.Batch{Outcomes: []events.Outcome{{ID: id, Event: "s", Unit: "u", Time: 1}}}
}

func add(t testing.TB, s *Spool, id string) uint64 {
	t.Helper()
	seq, err := s.Append("project/environment", batch(id))
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

// idOf gives the id of the batch that an entry is.
func idOf(e Entry) string {
	_, rest, _ := strings.Cut(string(e.Lines), `"id":"`)
	id, _, _ := strings.Cut(rest, `"`)
	return id
}

// ids reads everything after a number.
func ids(t testing.TB, s *Spool, after uint64) string {
	t.Helper()
	var all []string
	for {
		entries, err := s.Read(after, 3)
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) == 0 {
			return strings.Join(all, " ")
		}
		for _, e := range entries {
			if e.Seq <= after {
				t.Fatalf("entry %d comes after %d", e.Seq, after)
			}
			after = e.Seq
			all = append(all, idOf(e))
		}
	}
}

// segments gives the paths of all segments.
func segments(t testing.TB, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func file(first uint64, ids ...string) []byte {
	var text []byte
	for i, id := range ids {
		text = appendEntry(text, Entry{Seq: first + uint64(i), Tenant: "t", Lines: batch(id).AppendNDJSON(nil)})
	}
	return text
}

// hurt is a text with another byte at a place.
func hurt(text []byte, at int) []byte {
	text = bytes.Clone(text)
	text[at] ^= 0x40
	return text
}

func TestHostileFiles(t *testing.T) {
	one := len(file(1, "a"))
	three := file(1, "a", "b", "c")
	for name, test := range map[string]struct {
		text []byte
		want string
		lost uint64
	}{
		"empty":                     {nil, "", 0},
		"whole":                     {three, "a b c", 0},
		"zeros":                     {make([]byte, 1000), "", 0},
		"cut in the head":           {three[:2*one+5], "a b", 0},
		"cut in the lines":          {three[:3*one-1], "a b", 0},
		"zeros at the end":          {append(bytes.Clone(three), make([]byte, 4096)...), "a b c", 0},
		"damaged at the end":        {hurt(three, 3*one-2), "a b", 0},
		"damaged at the beginning":  {hurt(three, 0), "b c", 1},
		"damaged in the middle":     {hurt(three, 2*one-5), "a c", 1},
		"damaged length":            {hurt(three, one+4), "a c", 1},
		"damaged length, a little":  {hurt(three, one+7), "a c", 1},
		"damaged number":            {hurt(three, one+headSize+7), "a c", 1},
		"damaged tenant":            {hurt(three, one+headSize+8), "a c", 1},
		"foreign at the beginning":  {append([]byte("hello"), three...), "a b c", 1},
		"foreign everywhere":        {bytes.ReplaceAll(three, []byte(magic), []byte("x"+magic)), "a b c", 3},
		"zeros in the middle":       {append(append(bytes.Clone(three[:one]), make([]byte, 5000)...), three[one:]...), "a b c", 1},
		"twice the same":            {append(bytes.Clone(three), three...), "a b c", 0},
		"numbers fall":              {append(file(5, "a"), file(2, "b")...), "a", 0},
		"a number before the first": {append(file(0, "a"), file(1, "b")...), "b", 1},
		"the greatest number":       {append(file(1, "a"), file(1<<64-1, "b")...), "a", 0},
		"only magics":               {bytes.Repeat([]byte(magic), 1<<18), "", 0},
		"nested heads":              {bytes.Repeat([]byte(magic+"\x00\x00\xff\xff\x00\x00\x00\x00"), 1<<16), "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(segmentPath(dir, 1), test.text, 0o600); err != nil {
				t.Fatal(err)
			}
			s := open(t, dir, Options{})
			if got := ids(t, s, 0); got != test.want || s.Lost() != test.lost {
				t.Errorf("has %q and lost %d, want %q and %d", got, s.Lost(), test.want, test.lost)
			}
			last := s.next
			if seq := add(t, s, "new"); seq != last || seq < 2 {
				t.Errorf("a new entry has the number %d", seq)
			}
			want := strings.TrimSpace(test.want + " new")
			if got := ids(t, s, 0); got != want {
				t.Errorf("with a new entry it has %q", got)
			}
			_ = s.Close()
			if again := open(t, dir, Options{}); ids(t, again, 0) != want || again.Lost() != test.lost {
				t.Errorf("opened again it has %q and lost %d", ids(t, again, 0), again.Lost())
			}
		})
	}
}

func TestHostileDirectory(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"x.spool", "00000000000000000000.spool", "99999999999999999999.spool", "1.spool", "00000000000000000001.spool.bak"} {
		if err := os.WriteFile(filepath.Join(dir, name), file(1, "a"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(segmentPath(dir, 7), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(segmentPath(dir, 8), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(segmentPath(dir, 8), largest+1); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir, Options{})
	if got := ids(t, s, 0); got != "" || s.Lost() != 1 {
		t.Errorf("it has %q and lost %d", got, s.Lost())
	}
	add(t, s, "b")
	if got := ids(t, s, 0); got != "b" {
		t.Errorf("it has %q", got)
	}
}

func TestDamagedState(t *testing.T) {
	for _, text := range []string{"", "{", "{}", `{"sender":"a b","reserved":1}`, `{"sender":"a","reserved":0}`, `{"sender":"a","reserved":18446744073709551615}`, strings.Repeat("x", 4096)} {
		dir := t.TempDir()
		var log bytes.Buffer
		s := open(t, dir, Options{})
		seq, sender := add(t, s, "a"), s.Sender()
		_ = s.Close()
		if err := os.WriteFile(filepath.Join(dir, stateFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s = open(t, dir, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
		if s.Sender() == sender || ids(t, s, 0) != "a" || add(t, s, "b") <= seq || log.Len() == 0 {
			t.Errorf("after the state was %q it is %q with %q", text, s.Sender(), ids(t, s, 0))
		}
	}
}

func TestInUse(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrInUse) {
		t.Errorf("opened twice: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Append("t", batch("a")); !errors.Is(err, ErrClosed) {
		t.Errorf("appended after closing: %v", err)
	}
	open(t, dir, Options{})
}

func FuzzSegment(f *testing.F) {
	f.Add(file(1, "a", "b", "c"), 0)
	f.Add(hurt(file(1, "a", "b", "c"), 60), 70)
	f.Add([]byte(magic+"\x00\x00\x00\x0a"), 3)
	f.Add(bytes.Repeat([]byte(magic), 20), 9)
	f.Fuzz(func(t *testing.T, text []byte, cut int) {
		read := func(r *reading) (all string) {
			for {
				last := r.at
				e, ok := r.next()
				if !ok {
					return all
				}
				if r.at <= last || r.at > len(r.text) {
					t.Fatalf("from %d on to %d of %d", last, r.at, len(r.text))
				}
				all += fmt.Sprintf("%d %q %q\n", e.Seq, e.Tenant, e.Lines)
				if !bytes.Contains(r.text, appendEntry(nil, e)) {
					t.Fatal("an entry that was never written")
				}
			}
		}
		all := read(&reading{text: text, whole: true})
		// Read up to somewhere first, it is the same.
		first := &reading{text: text[:min(max(cut, 0), len(text))]}
		some := read(first)
		some += read(&reading{text: text[first.at:], last: first.last, whole: true})
		if some != all {
			t.Errorf("in two parts it is\n%swant\n%s", some, all)
		}
	})
}
