package caddymodule_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// traffic are logins at all edges of a fleet, and the outcomes that an identity
// provider would send of them, until it is stopped.
type traffic struct {
	fleet *eventFleet
	done  chan struct{}
	group sync.WaitGroup
	quiet atomic.Bool // nothing is being killed

	mu       sync.Mutex
	logins   int
	failures []error         // of edges that were up all the time
	accepted map[string]int  // outcomes that were answered with 202, by event, unit and id, and the edge
	refused  map[int]int     // others by status; 0 is no answer
	seen     map[string]bool // exposures of logins while it was quiet
}

const loginInterval = 25 * time.Millisecond // at each edge

func (f *eventFleet) startTraffic() *traffic {
	t := &traffic{fleet: f, done: make(chan struct{}), accepted: map[string]int{}, refused: map[int]int{}, seen: map[string]bool{}}
	for i := range f.edges {
		t.group.Go(func() {
			ticker := time.NewTicker(loginInterval)
			defer ticker.Stop()
			for n := 0; ; n++ {
				select {
				case <-t.done:
					return
				case <-ticker.C:
					t.group.Go(func() { t.visit(i, n) })
				}
			}
		})
	}
	return t
}

// stop ends the traffic and reports what must never be.
func (t *traffic) stop() {
	f := t.fleet
	f.t.Helper()
	close(t.done)
	t.group.Wait()
	f.t.Logf("%d logins, %d failed; %d outcomes accepted, refused by status %v", t.logins, len(t.failures), len(t.accepted), t.refused)
	if len(t.failures) > 0 {
		f.t.Errorf("%d logins failed at an edge that was up, the first: %v", len(t.failures), t.failures[0])
	}
	if t.logins < 20 || len(t.accepted) < 20 {
		f.t.Error("that proves nothing")
	}
}

// visit is a login with its outcomes.
func (t *traffic) visit(i, n int) {
	m, up, quiet := t.fleet.edges[i], t.fleet.ups[i].Load(), t.quiet.Load()
	exposure, err := t.fleet.login(m, fmt.Sprintf("device %d of edge %d", n, i))
	still := up%2 == 1 && t.fleet.ups[i].Load() == up
	t.mu.Lock()
	t.logins++
	if err != nil && still && !errors.Is(err, syscall.ECONNRESET) { // by the listener, at a reload
		t.failures = append(t.failures, err)
	}
	if err == nil && quiet && t.quiet.Load() {
		t.seen[exposure] = true
	}
	t.mu.Unlock()
	if err == nil && exposure != "" {
		t.conclude(i, n, exposure)
	}
}

// conclude sends two outcomes of a login. Now and then they are sent again, to
// another edge.
func (t *traffic) conclude(i, n int, exposure string) {
	unit, _, _ := strings.Cut(exposure, ".")
	id, now := fmt.Sprintf("log-%d-%d", i, n), time.Now().UnixMilli()
	lines := fmt.Sprintf("{\"id\":%q,\"event\":\"s\",\"unit\":%q,\"t\":%d}\n{\"id\":%q,\"event\":\"ss\",\"exposure_id\":%q,\"t\":%d}\n",
		id, unit, now, id, exposure, now)
	t.post(i, lines, "s "+unit+" "+id, "ss "+unit+" "+id)
	if n%5 == 0 {
		t.post((i+1)%len(t.fleet.edges), lines, "s "+unit+" "+id, "ss "+unit+" "+id)
	}
}

// posted is how many outcomes were accepted.
func (t *traffic) posted() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.accepted)
}

func (t *traffic) post(i int, lines string, keys ...string) {
	request, err := http.NewRequest(http.MethodPost, fmt.Sprintf("http://localhost:%d/api/v2/experimentation/events", t.fleet.edges[i].api), strings.NewReader(lines))
	if err != nil {
		panic(err) // unreachable: the address is good
	}
	request.Header.Set("Authorization", "Bearer demo-token")
	request.Header.Set("Content-Type", "application/x-ndjson")
	client := http.Client{Transport: transport, Timeout: patience}
	status := 0
	if response, err := client.Do(request); err == nil {
		_, _ = io.Copy(io.Discard, response.Body) // what was accepted is accepted
		response.Body.Close()
		status = response.StatusCode
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if status != http.StatusAccepted {
		t.refused[status]++
		return
	}
	for _, key := range keys {
		t.accepted[key] = i
	}
}

// transport is that of all clients here.
var transport = &http.Transport{MaxIdleConnsPerHost: 64}

// login begins a login as a device, which must get an experiment, and ends it. It
// gives the exposure, which is empty where there are no events.
func (f *eventFleet) login(m *member, device string) (exposure string, err error) {
	jar, _ := cookiejar.New(nil) // never fails
	client := http.Client{Jar: jar, Transport: transport, Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	ask := func(path string, want int) (string, error) {
		request, err := http.NewRequest(http.MethodGet, m.url(path), nil)
		if err != nil {
			return "", err
		}
		request.Header.Set("X-Device", device)
		request.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0")
		response, err := client.Do(request)
		if err != nil {
			return "", err
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err == nil && response.StatusCode != want {
			err = fmt.Errorf("%s is answered with %s", path, response.Status)
		}
		return strings.TrimSpace(string(text)), err
	}
	text, err := ask("/authorize?client_id=fleet", http.StatusOK)
	if err != nil {
		return "", err
	}
	config, exposure, _ := strings.Cut(text, "\n")
	if !strings.HasPrefix(config, `{"experiment_id"`) {
		return "", errors.New("there was no experiment")
	}
	_, err = ask("/finish", http.StatusFound)
	return exposure, err
}

// ledger is what a log has, each record once for each time that it is there.
type ledger struct {
	outcomes  map[string]int // by event, unit and id
	exposures map[string]int // by id
	variation map[string]string
	loggedIn  map[string]bool // units
}

// exported reads the log of an edge.
func (m *member) exported() ledger {
	m.t.Helper()
	response, err := http.Get(fmt.Sprintf("http://localhost:%d/experiments/events", m.admin))
	if err != nil {
		m.t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		m.t.Fatalf("exporting was answered with %s", response.Status)
	}
	l := ledger{outcomes: map[string]int{}, exposures: map[string]int{}, variation: map[string]string{}, loggedIn: map[string]bool{}}
	for decoder := json.NewDecoder(response.Body); decoder.More(); {
		var r record
		if err := decoder.Decode(&r); err != nil {
			m.t.Fatal(err)
		}
		switch {
		case r.Event != "":
			l.outcomes[r.Event+" "+r.Unit+" "+r.ID]++
			l.loggedIn[r.Unit] = l.loggedIn[r.Unit] || r.Event == "s"
		case r.Variation != "":
			l.exposures[r.ID]++
			l.variation[r.Unit] = r.Variation
		}
	}
	return l
}

// lacks names something that was accepted and is not there.
func (t *traffic) lacks(l ledger) string {
	for key, edge := range t.accepted {
		if l.outcomes[key] == 0 {
			return fmt.Sprintf("%s of edge %d", key, edge)
		}
	}
	for exposure := range t.seen {
		if unit, _, _ := strings.Cut(exposure, "."); l.exposures[exposure] == 0 || !l.loggedIn[unit] {
			return "the exposure " + exposure + " or its login"
		}
	}
	return ""
}

// arrive waits until everything that was accepted is in the log of an edge, once,
// and gives how long that took.
func (t *traffic) arrive(m *member) time.Duration {
	f := t.fleet
	f.t.Helper()
	begin := time.Now()
	l := m.exported()
	for missing := t.lacks(l); missing != ""; missing = t.lacks(l) {
		if time.Since(begin) > time.Minute {
			f.t.Fatalf("after a minute there is not: %s", missing)
		}
		time.Sleep(100 * time.Millisecond)
		l = m.exported()
	}
	for key, n := range l.outcomes {
		if n != 1 {
			f.t.Errorf("%s is there %d times", key, n)
		}
	}
	for id, n := range l.exposures {
		if n != 1 {
			f.t.Errorf("the exposure %s is there %d times", id, n)
		}
	}
	return time.Since(begin)
}

// loginReport is what the results of logins say, by variation.
type loginReport map[string][2]int // units, and of those who have logged in

// results asks the edge with the log.
func (f *eventFleet) results(m *member) loginReport {
	f.t.Helper()
	status, answer := m.call(http.MethodGet, "/experiments/"+f.experiment+"/results?metric=login", "")
	if status != http.StatusOK {
		f.t.Fatalf("the results were answered with %d %v", status, answer)
	}
	r := loginReport{}
	for _, v := range answer["variations"].([]any) {
		v := v.(map[string]any)
		r[v["id"].(string)] = [2]int{int(v["units"].(float64)), 0}
	}
	for _, v := range answer["metrics"].([]any)[0].(map[string]any)["treatment_results"].([]any) {
		v := v.(map[string]any)
		id := v["treatment_id"].(string)
		mean, _ := v["data_mean"].(float64)
		r[id] = [2]int{r[id][0], int(mean*float64(r[id][0]) + 0.5)}
	}
	return r
}

// reported are the results as they follow from the records themselves.
func (l ledger) reported() loginReport {
	r := loginReport{}
	for unit, variation := range l.variation {
		n := r[variation]
		n[0]++
		if l.loggedIn[unit] {
			n[1]++
		}
		r[variation] = n
	}
	return r
}

// check compares the results of an edge with its records.
func (f *eventFleet) check(t testing.TB, m *member) {
	t.Helper()
	got, want := f.results(m), m.exported().reported()
	if fmt.Sprint(got) != fmt.Sprint(want) || len(want) != 2 {
		t.Errorf("the results say %v, the records %v", got, want)
	}
	t.Logf("units and logins by variation: %v", got)
}
