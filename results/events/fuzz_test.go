package events_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// sound reports whether a batch is written and read again as it is.
func sound(t *testing.T, batch *events.Batch) {
	t.Helper()
	lines := batch.AppendNDJSON(nil)
	again, report, err := events.Decode(bytes.NewReader(lines), "application/x-ndjson", events.Limits{Future: 1 << 62}, now)
	if err != nil {
		t.Fatalf("what was written cannot be read: %v\n%s", err, lines)
	}
	if !reflect.DeepEqual(again, batch) || report.Rejected != 0 {
		t.Errorf("written and read again it is %+v\nnot %+v\n%s\n%+v", again, batch, lines, report)
	}
	for line := range bytes.Lines(lines) {
		if !json.Valid(line) {
			t.Errorf("it is no JSON: %q", line)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, lines := range []bool{true, false} {
		f.Add([]byte(outcome+"\n"+exposure+"\n"+split), lines)
		f.Add([]byte("["+outcome+","+exposure+","+split+"]"), lines)
		f.Add([]byte("\ufeff{\"event\":\"\\ud83d\\ude00\\\"\ufffd<\",\"user_id\":\"\\u00e4\",\r\n\"t\":\"2026-02-01T00:00:00.5Z\"}{}7"), lines)
		f.Add([]byte(`[{"event":"s","exposure_id":"u.12345678901","t":"5"},{"event":"s","unit":"u","value":1e-320,"t":1.5}]`), lines)
		f.Add([]byte(`{"experiment":"e","iteration":"1","unit":"a.b","variation":"v","bot":true,"segment":""}`), lines)
	}
	f.Fuzz(func(t *testing.T, text []byte, lines bool) {
		contentType := "application/json"
		if lines {
			contentType = "application/x-ndjson"
		}
		batch, report, err := events.Decode(bytes.NewReader(text), contentType, events.Limits{}, now)
		if err != nil {
			if lines || err.Error() == "" {
				t.Errorf("%v", err)
			}
			if json.Valid(text) && len(text) > 0 && strings.ContainsRune("[{", rune(bytes.TrimSpace(text)[0])) {
				t.Errorf("it is JSON: %v", err)
			}
			return
		}
		if report.Accepted != batch.Len() || len(report.Faults) != min(report.Rejected, 20) {
			t.Errorf("%d records, %+v", batch.Len(), report)
		}
		sound(t, batch)
	})
}

func FuzzLogStream(f *testing.F) {
	f.Add([]byte(`[{"log_id":"1","data":{"date":"2026-02-01T00:00:00Z","type":"s","user_id":"auth0|1","details":{"a":{"X-Experiment-Exposure":"u.12345678901"}}}}]`))
	f.Add([]byte("{\"_id\":\"1\",\"date\":\"2026-02-01T00:00:00.123+09:00\",\"type\":\"fp\",\"unit\":\"u\"}\n{\"type\":\"x\"}\n7\n{"))
	f.Add([]byte(`[{"date":"2026-02-01T00:00:00Z","type":"other","exposure_id":["a"]},[]]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		batch, report, err := events.DecodeLogStream(bytes.NewReader(text), events.Limits{}, now, func(event string) bool { return event == "other" })
		if err != nil {
			return
		}
		if report.Accepted != batch.Len() || batch.Len() != len(batch.Outcomes) {
			t.Errorf("%d records, %+v", batch.Len(), report)
		}
		sound(t, batch)
	})
}

func BenchmarkDecode(b *testing.B) {
	var text []byte
	const records = 10_000
	for i := range records {
		value := float64(i) * 1.01
		batch := events.Batch{Outcomes: []events.Outcome{{
			ID: "9002024030112000000000000000000000001223372036854775" + string(rune('a'+i%26)), Event: "login_ms",
			Unit: "m0Cz2k1Yw8fQpR5tXb7L9A", Time: events.MillisOf(now.Add(-time.Duration(i) * time.Second)), Value: &value,
		}}}
		text = batch.AppendNDJSON(text)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		batch, _, err := events.Decode(bytes.NewReader(text), "application/x-ndjson", events.Limits{}, now)
		if err != nil || batch.Len() != records {
			b.Fatal(err, batch.Len())
		}
	}
	b.ReportMetric(float64(records)*float64(b.N)/b.Elapsed().Seconds(), "outcomes/s")
}
