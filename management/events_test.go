package management

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/events/eventstest"
	"github.com/caddy-experiments/caddy-experiments/store"
)

// newEventSite is a site with a log of events and a running experiment.
func newEventSite(t testing.TB, change func(*Config)) (*site, *eventstest.Model) {
	t.Helper()
	log := eventstest.NewModel()
	s := newSite(t, func(c *Config) {
		c.Events = Events{Log: log, Retention: 400 * 24 * time.Hour, Append: func(ctx context.Context, tenant store.Tenant, batch *events.Batch) error {
			return log.Append(ctx, string(tenant), batch)
		}}
		if change != nil {
			change(c)
		}
	}).world()
	s.status("active")
	return s, log
}

// exposed is a line of NDJSON: an exposure of the experiment of the world.
func exposed(s *site, unit, variation string) string {
	experiment := s.words.Replace("{experiment}")
	return fmt.Sprintf(`{"experiment":%q,"iteration":%q,"unit":%q,"variation":%q,"source":"bucket","device_type":"mobile","t":"2026-01-31T10:00:00Z"}`,
		experiment, engine.FirstIterationID(experiment), unit, s.words.Replace(variation)) + "\n"
}

func happened(id, unit, event string) string {
	return fmt.Sprintf(`{"id":%q,"event":%q,"unit":%q,"t":"2026-01-31T10:00:05Z"}`, id, event, unit) + "\n"
}

func TestEventsToResults(t *testing.T) {
	s, _ := newEventSite(t, nil)
	var lines string
	for i := range 400 {
		unit, variation := fmt.Sprintf("unit%d", i), []string{"{control}", "{treatment}"}[i%2]
		lines += exposed(s, unit, variation)
		if i%10 == 0 || i%10 == 1 || i%4 == 1 {
			lines += happened("o"+unit, unit, "s")
		}
	}
	post := func(kind, body string) reply {
		r := s.request("POST", "events", body)
		r.Header.Set("Content-Type", kind)
		return s.send(r)
	}
	first := post("application/x-ndjson", lines)
	if first.status != http.StatusAccepted || first.field("rejected") != 0.0 {
		t.Fatalf("got %d: %s", first.status, first.text)
	}
	results := s.must(200, "GET", "experiments/{experiment}/results?series=true&slice=device_type", "")
	if again := post("application/x-ndjson", lines); again.status != http.StatusAccepted {
		t.Fatalf("sent again: %s", again.text)
	}
	// Sent again, in another form and order, the numbers are the same to the byte.
	array := "[" + strings.Join(strings.Split(strings.TrimSpace(lines), "\n"), ",") + "]"
	if got := post("application/json", array); got.status != http.StatusAccepted {
		t.Fatalf("as an array: %s", got.text)
	}
	s.clock.now = s.clock.now.Truncate(time.Second)
	same := func(r reply) string {
		var v map[string]any
		if err := json.Unmarshal(r.text, &v); err != nil {
			t.Fatal(err)
		}
		delete(v, "as_of")
		text, _ := json.Marshal(v)
		return string(text)
	}
	if again := s.must(200, "GET", "experiments/{experiment}/results?series=true&slice=device_type", ""); same(again) != same(results) {
		t.Error("the results of what was sent thrice differ")
	}
	for _, want := range []struct {
		way   []any
		value any
	}{
		{[]any{"experiment_id"}, s.words.Replace("{experiment}")},
		{[]any{"variations", 0, "units"}, 200.0},
		{[]any{"variations", 1, "is_control"}, false},
		{[]any{"srm", "status"}, "ok"},
		{[]any{"metrics", 0, "key"}, "login"},
		{[]any{"metrics", 0, "treatment_results", 0, "event_values_sum"}, 40.0},
		{[]any{"metrics", 0, "treatment_results", 1, "event_values_sum"}, 120.0},
		{[]any{"decision", "status"}, "winner"},
		{[]any{"decision", "safe_to_stop"}, true},
		{[]any{"slices", 0, "attribute_value"}, "mobile"},
		{[]any{"series", 0, "date"}, "2026-01-31"},
		{[]any{"health", "excluded", "multi"}, 0.0},
	} {
		if got := results.field(want.way...); got != want.value {
			t.Errorf("%v: got %v, want %v", want.way, got, want.value)
		}
	}
	if verdict, _ := results.field("verdict").(string); !strings.Contains(verdict, "treatment wins on login") {
		t.Errorf("verdict %q", verdict)
	}
}

// A fault rejects its record, with the line and the reason; the rest stands.
func TestEventFaults(t *testing.T) {
	s, log := newEventSite(t, nil)
	experiment := s.words.Replace("{experiment}")
	tests := map[string]struct{ line, reason string }{
		"unknown event":      {happened("1", "u", "no_such_event"), "no metric has the event key"},
		"unknown experiment": {strings.Replace(exposed(s, "u", "{control}"), experiment, "exp_nosuch", 1), "experiment: there is none"},
		"unknown variation":  {exposed(s, "u", "var_nosuch"), "has none"},
		"unknown iteration":  {strings.Replace(exposed(s, "u", "{control}"), engine.FirstIterationID(experiment), "itr_nosuch", 1), "iteration: experiment"},
		"NaN":                {`{"id":"1","event":"login_ms","unit":"u","value":NaN}`, ""},
		"infinity":           {`{"id":"1","event":"login_ms","unit":"u","value":1e999}`, "value"},
		"negative":           {`{"id":"1","event":"login_ms","unit":"u","value":-1}`, "value"},
		"no unit":            {`{"id":"1","event":"s"}`, "unit"},
		"two units":          {`{"id":"1","event":"s","unit":"u","exposure_id":"e"}`, ""},
		"years ahead":        {`{"id":"1","event":"s","unit":"u","t":"2031-01-01T00:00:00Z"}`, "ahead"},
		"years behind":       {`{"id":"1","event":"s","unit":"u","t":"2019-01-01T00:00:00Z"}`, "ago"},
		"unknown field":      {`{"id":"1","event":"s","unit":"u","colour":"red"}`, "colour"},
		"wrong type":         {`{"id":"1","event":7,"unit":"u"}`, "event"},
		"no JSON":            {`{"id":"1","event":`, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := s.request("POST", "events", strings.TrimSpace(happened("good-"+name, "u", "s"))+"\n"+strings.TrimSpace(test.line)+"\n"+happened("more-"+name, "v", "s"))
			r.Header.Set("Content-Type", "application/x-ndjson")
			got := s.send(r)
			if got.status != http.StatusAccepted || got.field("accepted") != 2.0 || got.field("rejected") != 1.0 {
				t.Fatalf("got %d: %s", got.status, got.text)
			}
			if line := got.field("faults", 0, "line"); line != 2.0 {
				t.Errorf("the fault is in line %v", line)
			}
			if reason, _ := got.field("faults", 0, "reason").(string); !strings.Contains(reason, test.reason) {
				t.Errorf("the reason is %q", reason)
			}
			s.refused(http.StatusBadRequest, map[bool]string{true: CodeInvalidBody, false: CodeEventsRejected}[name == "NaN" || name == "no JSON"], "POST", "events", strings.TrimSpace(test.line))
		})
	}
	tenants, err := log.Tenants(t.Context())
	if err != nil || len(tenants) != 1 {
		t.Errorf("tenants %v, %v", tenants, err)
	}
}

func TestEventsAreBounded(t *testing.T) {
	s, _ := newEventSite(t, nil)
	line := happened("id", "unit", "s")
	s.refused(http.StatusRequestEntityTooLarge, CodeEventsTooLarge, "POST", "events", strings.Repeat(line, 100<<20/len(line)))
}

func TestLogStream(t *testing.T) {
	s, _ := newEventSite(t, nil)
	experiment := s.words.Replace("{experiment}")
	r := s.request("POST", "events", exposed(s, "unitA", "{treatment}"))
	r.Header.Set("Content-Type", "application/x-ndjson")
	if got := s.send(r); got.status != http.StatusAccepted {
		t.Fatalf("got %s", got.text)
	}
	id := events.ExposureID("unitA", experiment, engine.FirstIterationID(experiment), s.words.Replace("{treatment}"))
	body := `[{"log_id":"l1","data":{"date":"2026-01-31T10:00:01.000Z","type":"s","user_id":"auth0|1","details":{"experiment":{"exposure_id":"` + id + `"}}}},
		{"log_id":"l2","data":{"date":"2026-01-31T10:00:02.000Z","type":"fp","user_id":"auth0|1"}},
		{"log_id":"l3","data":{"date":"2026-01-31T10:00:02.000Z","type":"sapi"}},
		{"log_id":"l4","data":{"date":"2026-01-31T10:00:02.000Z","type":"s"}}]`
	got := s.must(http.StatusAccepted, "POST", "log-stream", body)
	if got.field("accepted") != 2.0 || got.field("skipped") != 1.0 || got.field("rejected") != 1.0 {
		t.Errorf("got %s", got.text)
	}
	results := s.must(200, "GET", "experiments/{experiment}/results?metric=login,failed_login", "")
	for i, metric := range []string{"login", "failed_login"} {
		if sum := results.field("metrics", i, "treatment_results", 1, "event_values_sum"); sum != 1.0 {
			t.Errorf("%s: got %v", metric, sum)
		}
	}
	// A provider that gets anything but success would send the same rows for ever.
	s.must(http.StatusAccepted, "POST", "log-stream", `[{"data":{"type":"s","date":"2026-01-31T10:00:02.000Z"}}]`)
}

func TestResultsRefusals(t *testing.T) {
	s, _ := newEventSite(t, nil)
	for _, test := range []struct {
		query  string
		status int
		code   string
	}{
		{"?iteration_id=itr_nosuch", 404, CodeIterationNotFound},
		{"?metric=nosuch", 404, CodeMetricNotFound},
		{"?slice=shoe_size", 400, CodeInvalidQuery},
		{"?level=2", 400, CodeInvalidQuery},
		{"?level=nan", 400, CodeInvalidQuery},
		{"?prior=strong", 400, CodeInvalidQuery},
		{"?interval=wide", 400, CodeInvalidQuery},
		{"?series=perhaps", 400, CodeInvalidQuery},
		{"?from=yesterday", 400, CodeInvalidQuery},
		{"?cuped=-1h", 400, CodeInvalidQuery},
		{"?colour=red", 400, CodeInvalidQuery},
	} {
		s.refused(test.status, test.code, "GET", "experiments/{experiment}/results"+test.query, "")
	}
	s.refused(404, CodeExperimentNotFound, "GET", "experiments/exp_nosuch/results", "")
	s.must(200, "GET", "experiments/{experiment}/results?prior=control&interval=delta&level=0.95&cuped=168h&matured=true&from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z", "")
}

// brokenLog is a log that is away.
type brokenLog struct{ *eventstest.Model }

func (brokenLog) Query(context.Context, events.Query) (*events.Answer, error) {
	return nil, fmt.Errorf("asking: %w", events.ErrUnavailable)
}

func TestEventsAway(t *testing.T) {
	s, _ := newEventSite(t, func(c *Config) {
		c.Events.Log = brokenLog{eventstest.NewModel()}
		c.Events.Append = func(context.Context, store.Tenant, *events.Batch) error { return errors.New("the disk is full") }
	})
	s.refused(503, CodeEventsUnavailable, "POST", "events", strings.TrimSpace(happened("1", "u", "s")))
	s.refused(503, CodeEventsUnavailable, "GET", "experiments/{experiment}/results", "")
}

func TestEventsOff(t *testing.T) {
	s := newSite(t, nil).world()
	s.refused(404, CodeEventsOff, "POST", "events", strings.TrimSpace(happened("1", "u", "s")))
	s.refused(404, CodeEventsOff, "POST", "log-stream", `[]`)
	s.refused(404, CodeEventsOff, "GET", "experiments/{experiment}/results", "")
}

func TestEventScopes(t *testing.T) {
	s, _ := newEventSite(t, func(c *Config) {
		c.Tokens = append(c.Tokens, Token{Secret: "reader", Name: "reader", Scopes: []Scope{ScopeRead}}, Token{Secret: "writer", Name: "writer", Scopes: []Scope{ScopeCreate}})
	})
	for _, test := range []struct {
		secret, method, path, body string
		status                     int
	}{
		{"reader", "POST", "events", strings.TrimSpace(happened("1", "u", "s")), 403},
		{"reader", "POST", "log-stream", "[]", 403},
		{"reader", "GET", "experiments/{experiment}/results", "", 200},
		{"writer", "POST", "events", strings.TrimSpace(happened("1", "u", "s")), 202},
		{"writer", "GET", "experiments/{experiment}/results", "", 403},
	} {
		r := s.request(test.method, test.path, test.body)
		r.Header.Set("Authorization", "Bearer "+test.secret)
		if got := s.send(r); got.status != test.status {
			t.Errorf("%s %s with %s: got %d, want %d", test.method, test.path, test.secret, got.status, test.status)
		}
	}
}
