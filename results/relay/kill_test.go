package relay

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/spool"
	redisstore "github.com/caddy-experiments/caddy-experiments/store/redis"
	"github.com/caddy-experiments/caddy-experiments/store/redis/redistest"
)

// child says to the test's own binary that it is to be one that is killed: what
// it is, the server's address, and where it writes.
const child = "RESULTS_RELAY_CHILD"

// TestChild is no test: it is an edge or the receiving node, until it is killed.
func TestChild(t *testing.T) {
	words := strings.Fields(os.Getenv(child))
	if len(words) != 3 {
		t.Skip("runs as a child of TestKilledAtAnyPoint only")
	}
	queue := newQueue(t, redisstore.Options{Addresses: []string{words[1]}})
	if words[0] == "receiver" {
		log := &fileLog{path: words[2]}
		log.mend()
		(&Receiver{Queue: queue, Log: log}).Run(context.Background())
	}
	s, err := spool.Open(words[2], spool.Options{SegmentBytes: 100_000})
	if err != nil {
		fmt.Println("error", err)
		return
	}
	sender := &Sender{Spool: s, Queue: queue, MessageBytes: 4000, Patience: 500 * time.Millisecond}
	go sender.Run(context.Background())
	for words[0] == "edge" {
		id := fmt.Sprint(rand.Uint64())
		if _, err := s.Append("t", &events.Batch{Outcomes: []events.Outcome{record(id)}}); err != nil {
			fmt.Println("error", err)
			return
		}
		fmt.Println("appended", id)
		time.Sleep(time.Duration(rand.IntN(4)) * time.Millisecond)
	}
	for { // only sends what is left
		if entries, _ := s.Pending(); entries == 0 {
			fmt.Println("empty")
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// fileLog appends lines to a file, which is on disk when Append returns.
type fileLog struct {
	events.Log
	path string
}

// mend cuts off half a line.
func (l *fileLog) mend() {
	text, _ := os.ReadFile(l.path)
	_ = os.Truncate(l.path, int64(bytes.LastIndexByte(text, '\n')+1))
}

func (l *fileLog) Append(_ context.Context, _ string, batch *events.Batch) error {
	f, err := os.OpenFile(l.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(batch.AppendNDJSON(nil)); err != nil {
		return err
	}
	return f.Sync()
}

// ids counts the records in the log by id.
func (l *fileLog) ids(t testing.TB) map[string]int {
	t.Helper()
	text, err := os.ReadFile(l.path)
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]int{}
	for line := range bytes.Lines(text) {
		var o events.Outcome
		if err := json.Unmarshal(line, &o); err == nil {
			ids[o.ID]++
		}
	}
	return ids
}

// victim is a child that can be killed and started again.
type victim struct {
	t       *testing.T
	what    string
	command *exec.Cmd
	done    chan struct{}

	mu       sync.Mutex
	appended map[string]bool
	empty    bool
}

func (v *victim) start() {
	v.t.Helper()
	v.command = exec.Command(os.Args[0], "-test.run=^TestChild$", "-test.timeout=10m")
	v.command.Env = append(os.Environ(), child+"="+v.what)
	out, err := v.command.StdoutPipe()
	if err != nil {
		v.t.Fatal(err)
	}
	if err := v.command.Start(); err != nil {
		v.t.Fatal(err)
	}
	v.done = make(chan struct{})
	go func() {
		defer close(v.done)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			word, rest, _ := strings.Cut(lines.Text(), " ")
			v.mu.Lock()
			switch word {
			case "appended":
				v.appended[rest] = true
			case "empty":
				v.empty = true
			case "error":
				v.t.Errorf("the child %s failed: %s", v.what, rest)
			}
			v.mu.Unlock()
		}
	}()
}

func (v *victim) kill() {
	_ = v.command.Process.Kill()
	<-v.done
	_ = v.command.Wait() // killed
}

func TestKilledAtAnyPoint(t *testing.T) {
	kills := 60
	if testing.Short() {
		kills = 15
	}
	server := redistest.Start(t) // keeps nothing
	dir := t.TempDir()
	log := &fileLog{path: filepath.Join(dir, "log")}
	var victims []*victim
	for _, what := range []string{"edge " + server.Address() + " " + filepath.Join(dir, "one"), "edge " + server.Address() + " " + filepath.Join(dir, "two"), "receiver " + server.Address() + " " + log.path} {
		v := &victim{t: t, what: what, appended: map[string]bool{}}
		v.start()
		t.Cleanup(v.kill)
		victims = append(victims, v)
	}
	for range kills {
		time.Sleep(time.Duration(100+rand.IntN(500)) * time.Millisecond)
		if which := rand.IntN(4); which < len(victims) {
			victims[which].kill()
			victims[which].start()
		} else {
			server.Restart()
		}
	}
	appended := map[string]bool{}
	for _, v := range victims[:2] {
		v.kill()
		for id := range v.appended {
			appended[id] = true
		}
		v.what = strings.Replace(v.what, "edge", "rest", 1)
		v.start()
	}
	for _, v := range victims[:2] {
		within(t, 60*time.Second, "the spool is empty", func() bool {
			v.mu.Lock()
			defer v.mu.Unlock()
			return v.empty
		})
	}
	victims[2].kill()
	found := log.ids(t)
	records, missing := 0, 0
	for id := range appended {
		if found[id] == 0 {
			missing++
		}
	}
	for _, n := range found {
		records += n
	}
	t.Logf("%d events were acknowledged, %d are in the log, which was given %d", len(appended), len(found), records)
	if missing > 0 || len(appended) < 100 {
		t.Errorf("%d of %d events are missing", missing, len(appended))
	}
	if len(found) > len(appended)+2*kills {
		t.Errorf("%d events are in the log that were not acknowledged", len(found)-len(appended))
	}
}
