package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

func TestQueue(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{SegmentBytes: 300})
	var seqs []uint64
	var want []string
	for i := range 20 {
		want = append(want, strconv.Itoa(i))
		seqs = append(seqs, add(t, s, want[i]))
	}
	if n := len(segments(t, dir)); n < 5 {
		t.Fatalf("there are %d segments", n)
	}
	if entries, bytes := s.Pending(); entries != 20 || bytes != s.size {
		t.Errorf("%d entries in %d bytes are pending, there are %d", entries, bytes, s.size)
	}
	for i := range want {
		if got := ids(t, s, seqs[i]); got != strings.Join(want[i+1:], " ") {
			t.Errorf("after %d there is %q", i, got)
		}
	}
	if err := s.Forget(seqs[12]); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, s, 0); got != strings.Join(want[13:], " ") {
		t.Errorf("what is not forgotten is %q", got)
	}
	if entries, _ := s.Pending(); entries != 7 {
		t.Errorf("%d entries are pending", entries)
	}
	sender := s.Sender()
	_ = s.Close()
	s = open(t, dir, Options{})
	if got := ids(t, s, 0); got != strings.Join(want[13:], " ") || s.Sender() != sender {
		t.Errorf("opened again %s has %q", s.Sender(), got)
	}
	if err := s.Forget(1 << 63); err != nil {
		t.Fatal(err)
	}
	if entries, bytes := s.Pending(); entries != 0 || bytes != 0 || len(segments(t, dir)) != 0 {
		t.Errorf("with all forgotten %d entries in %d bytes are pending", entries, bytes)
	}
	if seq := add(t, s, "last"); seq <= seqs[19] {
		t.Errorf("the number %d is used twice", seq)
	}
	if got := ids(t, s, 0); got != "last" {
		t.Errorf("it has %q", got)
	}
}

// TestNumbersAreNotUsedTwice loses everything but the state.
func TestNumbersAreNotUsedTwice(t *testing.T) {
	dir := t.TempDir()
	last := uint64(0)
	for range 5 {
		s := open(t, dir, Options{})
		for range 3 {
			seq := add(t, s, "a")
			if seq <= last {
				t.Fatalf("%d comes after %d", seq, last)
			}
			last = seq
		}
		_ = s.Close()
		for _, path := range segments(t, dir) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestFull(t *testing.T) {
	s := open(t, t.TempDir(), Options{MaxBytes: 2000})
	last := uint64(0)
	for round := range 5 {
		appended := 0
		for {
			seq, err := s.Append("t", batch("a"))
			if errors.Is(err, ErrFull) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			last = seq
			appended++
		}
		if appended < 10 {
			t.Fatalf("in round %d there is room for %d", round, appended)
		}
		if err := s.Forget(last); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLargeBatch(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	large := &events.Batch{}
	for i := range 10_000 {
		large.Merge(batch(strconv.Itoa(i)))
	}
	last, err := s.Append("t", large)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := s.Read(0, 1000)
	if err != nil || len(entries) < 2 || entries[len(entries)-1].Seq != last {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	var lines []byte
	for _, e := range entries {
		if len(e.Lines) > maxLines {
			t.Errorf("an entry of %d bytes", len(e.Lines))
		}
		lines = append(lines, e.Lines...)
	}
	if string(lines) != string(large.AppendNDJSON(nil)) {
		t.Error("the lines differ")
	}
	if seq, err := s.Append("t", &events.Batch{}); seq != 0 || err != nil {
		t.Errorf("nothing was appended as %d, %v", seq, err)
	}
	for _, tenant := range []string{"", "a b", "a\nb", strings.Repeat("x", 300)} {
		if _, err := s.Append(tenant, batch("a")); err == nil {
			t.Errorf("the tenant %q was taken", tenant)
		}
	}
}

// TestDiskFails has the current file closed under the spool.
func TestDiskFails(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	add(t, s, "a")
	_ = s.file.Close()
	if _, err := s.Append("t", batch("b")); err == nil {
		t.Fatal("appended to a closed file")
	}
	add(t, s, "c")
	if got := ids(t, s, 0); got != "a c" {
		t.Errorf("it has %q", got)
	}
}

// TestDamagedWhileOpen damages a file that was good.
func TestDamagedWhileOpen(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	for i := range 5 {
		add(t, s, strconv.Itoa(i))
	}
	path := segments(t, dir)[0]
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, hurt(text, len(text)/2), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if got := ids(t, s, 0); got != "0 1 3 4" || s.Lost() != 1 {
			t.Errorf("it has %q, lost %d", got, s.Lost())
		}
	}
	if err := os.Truncate(path, 10); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, s, 0); got != "" {
		t.Errorf("it has %q", got)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if got := ids(t, s, 0); got != "" {
		t.Errorf("it has %q", got)
	}
}

func TestManyAtOnce(t *testing.T) {
	const appenders, each = 16, 40
	s := open(t, t.TempDir(), Options{SegmentBytes: 5000})
	var group sync.WaitGroup
	var stop atomic.Bool
	found := map[string]bool{}
	group.Go(func() {
		for after := uint64(0); !stop.Load() || len(found) < appenders*each; {
			entries, err := s.Read(after, 10)
			if err != nil {
				t.Error(err)
				return
			}
			for _, e := range entries {
				found[idOf(e)] = true
				after = e.Seq
			}
			if err := s.Forget(after); err != nil {
				t.Error(err)
			}
		}
	})
	var appending sync.WaitGroup
	for i := range appenders {
		appending.Go(func() {
			for j := range each {
				if _, err := s.Append("t", batch(fmt.Sprintf("%d-%d", i, j))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	appending.Wait()
	stop.Store(true)
	group.Wait()
	if entries, _ := s.Pending(); entries != 0 || s.Lost() != 0 {
		t.Errorf("%d entries are pending, %d lost", entries, s.Lost())
	}
}

func BenchmarkAppend(b *testing.B) {
	s := open(b, b.TempDir(), Options{MaxBytes: 1 << 40})
	b.SetParallelism(64)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Append("t", batch("a")); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkRead(b *testing.B) {
	s := open(b, b.TempDir(), Options{})
	many := &events.Batch{}
	for range 20 {
		many.Merge(batch("a"))
	}
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			for range 100 {
				_, _ = s.Append("t", many)
			}
		})
	}
	group.Wait()
	for b.Loop() {
		n := 0
		for after := uint64(0); ; {
			entries, err := s.Read(after, 64)
			if err != nil {
				b.Fatal(err)
			}
			if len(entries) == 0 {
				break
			}
			after = entries[len(entries)-1].Seq
			n += len(entries)
		}
		if n != 5000 {
			b.Fatal(n)
		}
	}
	b.ReportMetric(5000*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
}

// TestRefused has batches that no spool can take, and that say so.
func TestRefused(t *testing.T) {
	s := open(t, t.TempDir(), Options{})
	long := batch("a")
	long.Outcomes[0].UserID = strings.Repeat("x", maxLine)
	for name, err := range map[string]error{
		"long record": second(s.Append("t", long)),
		"no tenant":   second(s.Append("", batch("a"))),
		"two words":   second(s.Append("a b", batch("a"))),
		"long tenant": second(s.Append(strings.Repeat("x", maxTenant+1), batch("a"))),
	} {
		if !errors.Is(err, events.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	long.Merge(batch("b"))
	refused, err := events.Deliver(t.Context(), func(_ context.Context, tenant string, b *events.Batch) error {
		return second(s.Append(tenant, b))
	}, "t", long)
	if err != nil || refused.Records != 1 || ids(t, s, 0) != "b" {
		t.Errorf("it has %q; %d were refused, %v", ids(t, s, 0), refused.Records, err)
	}
}

func second(_ uint64, err error) error { return err }
