package embedded

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/events/eventstest"
)

// childDir says to the test's own binary that it is to be the one that is
// killed, and where it writes; childFrom with which batch it begins.
const (
	childDir  = "RESULTS_EMBEDDED_CHILD_DIR"
	childFrom = "RESULTS_EMBEDDED_CHILD_FROM"
)

const tenant = "shop/production"

// numbered is a batch whose outcomes tell which it is, beside what is random.
func numbered(n int) *events.Batch {
	b := eventstest.Batch(rand.New(rand.NewPCG(11, uint64(n))), 60)
	b.Exposures = append(b.Exposures, events.Exposure{
		ID: events.ExposureID("counter", "kill", "1", "a"), Experiment: "kill", Iteration: "1", Unit: "counter",
		Variation: "a", Source: "bucket", Time: begin,
	})
	b.Outcomes = append(b.Outcomes, events.Outcome{
		ID: strconv.Itoa(n), Event: "batch", Unit: "counter", Time: begin + events.Millis(n),
	})
	return b
}

// TestChildAppends is no test: it appends as fast as it can and acknowledges
// every batch on its standard output, until it is killed.
func TestChildAppends(t *testing.T) {
	dir := os.Getenv(childDir)
	if dir == "" {
		t.Skip("runs as a child of TestKilledAtAnyPoint only")
	}
	n, err := strconv.Atoi(os.Getenv(childFrom))
	if err != nil {
		t.Fatal(err)
	}
	l := opened(t, dir)
	for ; ; n++ {
		if err := l.Append(context.Background(), tenant, numbered(n)); err != nil {
			fmt.Println("error", err)
			return
		}
		fmt.Println("batch", n)
	}
}

// counted gives the number of batches that a log has.
func counted(t *testing.T, l *Log) int64 {
	t.Helper()
	answer := eventstest.Ask(t, l, events.Query{
		Tenant: tenant, Experiment: "kill", Iteration: "1",
		Measures: []events.Measure{{Event: "batch", Aggregation: events.Count}},
	})
	if len(answer.Groups) == 0 {
		return 0
	}
	return answer.Groups[0].Cells[0].Outcomes
}

func TestKilledAtAnyPoint(t *testing.T) {
	kills := 50
	if testing.Short() {
		kills = 10
	}
	dir := t.TempDir()
	next := 0 // the first batch that is not known to be there
	for i := range kills {
		acknowledged := appendUntilKilled(t, dir, next)
		l := opened(t, dir)
		found := int(counted(t, l))
		if found != acknowledged && found != acknowledged+1 {
			t.Fatalf("after kill %d there are %d batches, %d were acknowledged", i, found, acknowledged)
		}
		closed(t, l)
		next = found
	}
	t.Logf("%d batches, %d kills", next, kills)

	// What was sent is sent again, and compared with what should be.
	l, model := opened(t, dir), eventstest.NewModel()
	defer closed(t, l)
	same := func() {
		t.Helper()
		r := rand.New(rand.NewPCG(12, 0))
		for range 20 {
			q := eventstest.AnyQuery(r, tenant)
			if d := eventstest.Difference(eventstest.Ask(t, l, q), eventstest.Ask(t, model, q), 0); d != "" {
				t.Fatal(d)
			}
		}
	}
	for n := range next {
		eventstest.Feed(t, model, tenant, numbered(n))
	}
	same()
	for n := range next {
		eventstest.Feed(t, l, tenant, numbered(n))
	}
	same()
	if found := counted(t, l); found != int64(next) {
		t.Errorf("after sending %d batches again there are %d", next, found)
	}
}

func closed(t *testing.T, l *Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Errorf("closing: %v", err)
	}
}

// appendUntilKilled lets a child append for a random time, and returns how many
// batches are acknowledged.
func appendUntilKilled(t *testing.T, dir string, from int) int {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestChildAppends$")
	child.Env = append(os.Environ(), childDir+"="+dir, childFrom+"="+strconv.Itoa(from))
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	// Some are killed while they open the log.
	first := 10 * time.Second
	if rand.IntN(5) == 0 {
		first = time.Duration(rand.IntN(60)) * time.Millisecond
	}
	timer := time.AfterFunc(first, func() { _ = child.Process.Kill() })
	defer timer.Stop()
	acknowledged := from
	set := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		word, rest, _ := strings.Cut(lines.Text(), " ")
		switch word {
		case "batch":
			n, err := strconv.Atoi(rest)
			if err != nil || n != acknowledged {
				t.Errorf("the child says batch %q after %d", rest, acknowledged)
			}
			acknowledged = n + 1
			if !set {
				timer.Reset(time.Duration(rand.IntN(40_000)) * time.Microsecond)
				set = true
			}
		case "error":
			t.Errorf("the child failed: %s", rest)
		}
	}
	_ = child.Wait() // killed
	return acknowledged
}
