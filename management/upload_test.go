package management

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/results/embedded"
	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/store"
)

// upload is a body of 15.5 MB that stops before its last line until it is let go.
type upload struct {
	text []byte // of all uploads the same
	last []byte // a line of its own
	let  chan struct{}
	sent *atomic.Int64
}

func (u *upload) Read(p []byte) (int, error) {
	if len(u.text) > 0 {
		n := copy(p, u.text[:min(len(u.text), 256<<10)])
		u.text = u.text[n:]
		u.sent.Add(int64(n))
		return n, nil
	}
	<-u.let
	n := copy(p, u.last)
	if u.last = u.last[n:]; n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// Sixty uploads that are as large as they may be, and that stall, take a bounded
// share of the memory; others are answered meanwhile, and what is accepted is in
// the log.
func TestSlowUploads(t *testing.T) {
	for kind, form := range map[string]struct{ begin, between, end string }{
		"application/x-ndjson": {"", "\n", "\n"}, "application/json": {"[", ",", "]"},
	} {
		t.Run(kind, func(t *testing.T) { slowUploads(t, kind, form.begin, form.between, form.end) })
	}
}

func slowUploads(t *testing.T, kind, begin, between, end string) {
	log, err := embedded.Open(t.TempDir(), embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	s := newSite(t, func(c *Config) {
		c.Tokens = append(c.Tokens, Token{Secret: "other", Name: "other", Tenant: "bank/production"})
		c.Events = Events{Log: log, Retention: 400 * 24 * time.Hour, Append: func(ctx context.Context, tenant store.Tenant, batch *events.Batch) error {
			return log.Append(ctx, string(tenant), batch)
		}}
	}).world()
	s.status("active")
	server := httptest.NewServer(s.api)
	defer server.Close()
	experiment := s.words.Replace("{experiment}")
	line := func(unit string) string {
		return fmt.Sprintf(`{"experiment":%q,"iteration":%q,"unit":%q,"variation":%q,"source":"bucket","device_type":"mobile","browser":"safari","country":"BR","region":"SP","t":"2026-01-31T10:00:00Z"}`,
			experiment, engine.FirstIterationID(experiment), unit, s.words.Replace("{control}"))
	}
	text := []byte(begin)
	for i := 0; len(text) < 15_500_000; i++ {
		text = append(text, line(fmt.Sprintf("t7GqDk2Zr0mPvX%08d", i))+between...)
	}
	post := func(ctx context.Context, token, kind string, body io.Reader) (int, string, error) {
		r, err := http.NewRequestWithContext(ctx, "POST", server.URL+Prefix+"events", body)
		if err != nil {
			return 0, "", err
		}
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", kind)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0, "", err
		}
		defer response.Body.Close()
		answer, err := io.ReadAll(response.Body)
		return response.StatusCode, string(answer), err
	}

	runtime.GC()
	before, stop := heap(), make(chan struct{})
	most := watch(stop)
	let := make(chan struct{})
	var sent, refused, ended atomic.Int64
	accepted := make([]bool, 60)
	var all sync.WaitGroup
	for i := range accepted {
		all.Go(func() {
			defer ended.Add(1)
			body := &upload{text: text, last: []byte(line(fmt.Sprint("last", i)) + end), let: let, sent: &sent}
			status, answer, err := post(t.Context(), secret, kind, body)
			switch {
			case err != nil: // the connection is closed once the answer has been sent
				refused.Add(1)
			case status == http.StatusAccepted && strings.Contains(answer, `"rejected":0`):
				accepted[i] = true
			case status == http.StatusServiceUnavailable && strings.Contains(answer, CodeEventsBusy):
				refused.Add(1)
			default:
				t.Errorf("answered with %d %s", status, answer)
			}
		})
	}
	// Those that are not refused have sent all but their last line.
	eventually(t, "the uploads stall or are refused", func() bool {
		return sent.Load() >= (60-refused.Load())*int64(len(text)) && refused.Load() > 0
	})
	status, answer, err := post(t.Context(), "other", "application/x-ndjson", strings.NewReader(happened("1", "u", "s")))
	if err != nil || status != http.StatusAccepted {
		t.Errorf("another tenant was answered with %d %s, %v", status, answer, err)
	}
	if ended.Load() == 60 {
		t.Error("no upload was let in")
	}
	close(let)
	all.Wait()
	close(stop)
	if held := <-most - before; held > 200<<20 { // garbage that is not collected yet too
		t.Errorf("uploads took %d MB", held>>20)
	} else {
		t.Logf("uploads took %d MB; %d were refused", held>>20, refused.Load())
	}

	kept := map[string]bool{}
	if err := log.Export(t.Context(), string(store.DefaultTenant), func(b *events.Batch) error {
		for _, e := range b.Exposures {
			if strings.HasPrefix(e.Unit, "last") {
				kept[e.Unit] = true
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	n := 0
	for i, ok := range accepted {
		if ok {
			n++
		}
		if unit := fmt.Sprint("last", i); ok != kept[unit] {
			t.Errorf("upload %d was accepted: %v, and is in the log: %v", i, ok, kept[unit])
		}
	}
	if n == 0 {
		t.Error("no upload was accepted")
	}
}

func heap() int64 {
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(samples)
	return int64(samples[0].Value.Uint64())
}

// watch returns the most that the heap had until it is stopped.
func watch(stop chan struct{}) chan int64 {
	most := make(chan int64, 1)
	go func() {
		var largest int64
		for {
			largest = max(largest, heap())
			select {
			case <-stop:
				most <- largest
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	return most
}

// A body that is let in is decoded as it always was, in whatever pieces it comes.
func TestUploadInPieces(t *testing.T) {
	s, log := newEventSite(t, nil)
	server := httptest.NewServer(s.api)
	defer server.Close()
	var lines bytes.Buffer
	for i := range 3000 {
		lines.WriteString(exposed(s, fmt.Sprintf("unit%d", i), "{control}"))
	}
	in, out := io.Pipe()
	go func() {
		for rest := lines.Bytes(); len(rest) > 0; rest = rest[min(len(rest), 7777):] {
			if _, err := out.Write(rest[:min(len(rest), 7777)]); err != nil {
				return
			}
		}
		out.Close()
	}()
	r, err := http.NewRequest("POST", server.URL+Prefix+"events", in)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+secret)
	r.Header.Set("Content-Type", "application/x-ndjson")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusAccepted || !strings.Contains(string(answer), `"accepted":3000`) {
		t.Fatalf("got %d %s, %v", response.StatusCode, answer, err)
	}
	n := 0
	if err := log.Export(t.Context(), string(store.DefaultTenant), func(b *events.Batch) error {
		n += len(b.Exposures)
		return nil
	}); err != nil || n != 3000 {
		t.Errorf("there are %d exposures, %v", n, err)
	}
}
