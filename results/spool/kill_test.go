package spool

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// childDir says to the test's own binary that it is to be the one that is
// killed, and where it writes.
const childDir = "RESULTS_SPOOL_CHILD_DIR"

// TestChildAppends is no test: it appends as fast as it can and acknowledges
// every entry on its standard output, until it is killed.
func TestChildAppends(t *testing.T) {
	dir := os.Getenv(childDir)
	if dir == "" {
		t.Skip("runs as a child of TestKilledAtAnyPoint only")
	}
	s, err := Open(dir, Options{SegmentBytes: 64 << 10})
	if err != nil {
		fmt.Println("error", err)
		return
	}
	var group sync.WaitGroup
	var mu sync.Mutex // lines in one piece
	for i := range 4 {
		group.Go(func() {
			for j := 0; ; j++ {
				id := fmt.Sprintf("%s-%d-%d", s.Sender(), i, rand.Uint64())
				seq, err := s.Append("t", bulky(id))
				mu.Lock()
				if err != nil {
					fmt.Println("error", err)
				} else {
					fmt.Println("appended", seq, id)
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
}

// bulky is a batch whose writing takes a while.
func bulky(id string) *events.Batch {
	b := batch(id)
	for range 50 {
		b.Merge(batch(id))
	}
	return b
}

func TestKilledAtAnyPoint(t *testing.T) {
	kills := 100
	if testing.Short() {
		kills = 20
	}
	dir := t.TempDir()
	acknowledged := map[string]uint64{}
	numbers := map[uint64]string{}
	unacknowledged := 0
	for i := range kills {
		appendUntilKilled(t, dir, acknowledged)
		s := open(t, dir, Options{})
		found := map[string]bool{}
		last := uint64(0)
		for {
			entries, err := s.Read(last, 100)
			if err != nil {
				t.Fatalf("after kill %d: %v", i, err)
			}
			if len(entries) == 0 {
				break
			}
			for _, e := range entries {
				id := idOf(e)
				if string(e.Lines) != string(bulky(id).AppendNDJSON(nil)) {
					t.Fatalf("after kill %d entry %d has parts of several", i, e.Seq)
				}
				if seq := acknowledged[id]; seq == 0 {
					unacknowledged++
				} else if seq != e.Seq {
					t.Fatalf("after kill %d %s has the number %d, not %d", i, id, e.Seq, seq)
				}
				if other, used := numbers[e.Seq]; used && other != id {
					t.Fatalf("after kill %d the number %d is used twice", i, e.Seq)
				}
				numbers[e.Seq] = id
				found[id] = true
				last = e.Seq
			}
		}
		for id, seq := range acknowledged {
			if !found[id] {
				t.Fatalf("after kill %d entry %d is gone", i, seq)
			}
		}
		if s.Lost() != 0 {
			t.Fatalf("after kill %d %d are lost", i, s.Lost())
		}
		if i%10 == 9 {
			if err := s.Forget(last); err != nil {
				t.Fatal(err)
			}
			clear(acknowledged)
		}
		_ = s.Close()
	}
	t.Logf("%d entries; %d were there without having been acknowledged", len(numbers), unacknowledged)
	if len(numbers) == 0 || unacknowledged == 0 {
		t.Error("no kill was in the middle of appending")
	}
}

func appendUntilKilled(t *testing.T, dir string, acknowledged map[string]uint64) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestChildAppends$")
	child.Env = append(os.Environ(), childDir+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(10*time.Second, func() { _ = child.Process.Kill() })
	defer timer.Stop()
	lines := bufio.NewScanner(out)
	for first := true; lines.Scan(); {
		words := strings.Fields(lines.Text())
		switch {
		case len(words) == 3 && words[0] == "appended":
			seq, err := strconv.ParseUint(words[1], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			acknowledged[words[2]] = seq
			if first { // its start is not of interest
				timer.Reset(time.Duration(rand.IntN(20_000)) * time.Microsecond)
				first = false
			}
		case len(words) > 0 && words[0] == "error":
			t.Errorf("the child failed: %s", lines.Text())
		}
	}
	_ = child.Wait() // killed
}
