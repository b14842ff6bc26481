package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// outageTime is for how long Redis is away. OUTAGE=30s makes it longer.
func outageTime(t *testing.T) time.Duration {
	text := os.Getenv("OUTAGE")
	if text == "" {
		return 5 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("OUTAGE: %v", err)
	}
	return d
}

// load sends logins of ever new devices to all edges at a fixed rate, whatever
// becomes of them, and writes down what each was given.
type load struct {
	edges  atomic.Pointer[[]*member] // that it goes to
	client http.Client
	done   chan struct{}
	group  sync.WaitGroup

	sent, failed atomic.Int64

	mu     sync.Mutex
	given  []string // lines of device, experiment and variation
	reason error    // of the first failure
}

const loadInterval = 2 * time.Millisecond

func (f *fleet) startLoad() *load {
	l := &load{done: make(chan struct{}), client: http.Client{
		Timeout: 5 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64},
	}}
	l.edges.Store(&f.edges)
	l.group.Go(func() {
		ticker := time.NewTicker(loadInterval)
		defer ticker.Stop()
		for i := 0; ; i++ {
			select {
			case <-l.done:
				return
			case <-ticker.C:
				edges := *l.edges.Load()
				l.group.Go(func() { l.send(edges[i%len(edges)], fmt.Sprint("device", i/2)) })
			}
		}
	})
	return l
}

// turnTo has the load go to these edges only, and waits for what is on its way
// to others.
func (l *load) turnTo(edges ...*member) {
	l.edges.Store(&edges)
	time.Sleep(200 * time.Millisecond)
}

func (l *load) send(m *member, device string) {
	l.sent.Add(1)
	d, err := m.authorize(&l.client, device)
	if err == nil && d.VariationID == "" {
		err = fmt.Errorf("%s got no experiment", device)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.failed.Add(1)
		if l.reason == nil {
			l.reason = err
		}
		return
	}
	l.given = append(l.given, device+"\t"+d.ExperimentID+"\t"+d.VariationID)
}

// stop ends the load and has Python, which knows nothing of this code, compute
// again what each device should have been given by the document.
func (l *load) stop(t *testing.T, experiment, control, treatment string) {
	t.Helper()
	close(l.done)
	l.group.Wait()
	t.Logf("%d logins, %d failed", l.sent.Load(), l.failed.Load())
	if l.failed.Load() > 0 {
		t.Errorf("%d of %d logins failed, the first: %v", l.failed.Load(), l.sent.Load(), l.reason)
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Log("without python3 (./test.sh installs it) the assignments are not computed again")
		return
	}
	dir := t.TempDir()
	document, err := json.Marshal(map[string]any{"experiments": []any{map[string]any{"id": experiment, "allocations": []any{
		map[string]any{"variation_id": control, "weight": 50}, map[string]any{"variation_id": treatment, "weight": 50},
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"document.json": string(document), "given.tsv": strings.Join(l.given, "\n") + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command(python, "../bench/recompute.py", filepath.Join(dir, "document.json"), filepath.Join(dir, "given.tsv")).CombinedOutput()
	if err != nil || !strings.Contains(string(out), fmt.Sprintf("%d of %d agree", len(l.given), len(l.given))) {
		t.Errorf("computing again (%v) says %.1000s", err, out)
	}
}

// Redis is killed, and killed again, while people log in.
func TestLoginsWhileRedisIsAway(t *testing.T) {
	f := startFleet(t, 2, "subject {header.X-Device}")
	first, second := f.edges[0], f.edges[1]
	experiment, control, treatment := first.halves()
	f.within(time.Second, "the other edge decides", func() bool { return second.decided("a device") != "" })
	l := f.startLoad()
	time.Sleep(time.Second)

	f.redis.Kill()
	ends := time.Now().Add(outageTime(t))
	f.within(4*time.Second, "the status says so", func() bool { return second.status()["status"] == "degraded" })
	for refused := 0; time.Now().Before(ends); refused++ {
		status, answer := first.call(http.MethodPost, "/segments", fmt.Sprintf(`{"name": "written in the dark %d", "rules": [{"match": {"country": ["US"]}}]}`, refused))
		if status != http.StatusServiceUnavailable || answer["errorCode"] != "experiment_store_unavailable" {
			t.Errorf("a write without redis is answered %d %v", status, answer)
		}
		time.Sleep(200 * time.Millisecond)
	}
	// An edge that is killed now, with nobody's login on it, starts with what it
	// has on disk.
	l.turnTo(first)
	second.kill()
	begin := time.Now()
	second.start()
	if given := second.decided("a device"); given != first.decided("a device") {
		t.Errorf("after a cold start the edge decides %q", given)
	}
	t.Logf("a cold edge served the right variation %s after its start", time.Since(begin))
	if took := time.Since(begin); took > 3*time.Second { // a third of that where nothing else runs
		t.Errorf("a cold start took %s", took)
	}

	f.within(4*time.Second, "the cold edge says that this may be out of date", func() bool {
		return strings.Contains(second.log(), `"code":"experiment_config_stale"`)
	})

	f.redis.Restart()
	begin = time.Now()
	var segment string
	f.within(6*time.Second, "a write is accepted", func() bool {
		status, answer := first.call(http.MethodPost, "/segments", `{"name": "after the outage", "rules": [{"match": {"country": ["US"]}}]}`)
		segment, _ = answer["id"].(string)
		return status == http.StatusCreated
	})
	f.within(6*time.Second, "the other edge has it", func() bool {
		status, _ := second.call(http.MethodGet, "/segments/"+segment, "")
		return status == http.StatusOK && second.status()["status"] == "healthy" && first.status()["status"] == "healthy"
	})
	t.Logf("in step %s after the restart", time.Since(begin))
	l.turnTo(first, second)
	time.Sleep(500 * time.Millisecond)
	l.stop(t, experiment, control, treatment)
	for _, want := range []struct {
		m    *member
		code string
		n    int
	}{
		{first, "experiment_circuit_open", 1}, {first, "experiment_config_stale", 0}, {first, "experiment_config_rejected", 0},
		{second, "experiment_circuit_open", 2}, {second, "experiment_config_stale", 1}, {second, "experiment_config_rejected", 0},
	} {
		if n := strings.Count(want.m.log(), `"code":"`+want.code+`"`); n != want.n && outageTime(t) < time.Minute {
			t.Errorf("the log has %s %d times, want %d", want.code, n, want.n)
		}
	}
}
