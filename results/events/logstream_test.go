package events_test

import (
	"strings"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

func decodeLog(t testing.TB, text string) (*events.Batch, *events.Report) {
	t.Helper()
	known := func(event string) bool { return event == "sapi" }
	batch, report, err := events.DecodeLogStream(strings.NewReader(text), events.Limits{}, now, known)
	if err != nil {
		t.Fatalf("decoding %q: %v", text, err)
	}
	return batch, report
}

func TestLogStreamRows(t *testing.T) {
	own := events.ExposureID("unit7", "e", "1", "v")
	const head = `"date":"2026-03-01T11:00:00.000Z","log_id":"1","ip":"::1"`
	const rest = `"t":1772362800000}` + "\n"
	for _, test := range []struct{ row, want string }{
		{`{"type":"s","user_id":"u",` + head + `}`, `{"id":"1","event":"s","user_id":"u",` + rest},
		{`{"type":"ss","user_id":"u","log_id":"9","data":{"type":"s","user_id":"u",` + head + `}}`, `{"id":"1","event":"s","user_id":"u",` + rest},
		{`{"log_id":"2","data":{"type":"ss","user_id":"u","date":"2026-03-01T12:00:00+01:00"}}`, `{"id":"2","event":"ss","user_id":"u",` + rest},
		{`{"_id":"3","type":"fp","user_id":"u","date":"2026-03-01T11:00:00Z"}`, `{"id":"3","event":"f","user_id":"u",` + rest},
		{`{"type":"fcoa","exposure_id":"` + own + `",` + head + `}`, `{"id":"1","event":"f","unit":"unit7",` + rest},
		{`{"type":"sapi","exposure_id":"theirs","user_id":"u",` + head + `}`, `{"id":"1","event":"sapi","exposure_id":"theirs","user_id":"u",` + rest},
		{`{"type":"s","unit":"u",` + head + `}`, `{"id":"1","event":"s","unit":"u",` + rest},
		{`{"type":"s","user_id":"","details":{"exposure_id":"a"},` + head + `}`, `{"id":"1","event":"s","exposure_id":"a",` + rest},
		{`{"type":"s","details":{"experiment":{"exposure_id":"a"}},` + head + `}`, `{"id":"1","event":"s","exposure_id":"a",` + rest},
		{`{"type":"s","details":{"experiment_exposure":"a"},` + head + `}`, `{"id":"1","event":"s","exposure_id":"a",` + rest},
		{`{"type":"s","details":{"request":{"headers":[{"X-Experiment-Exposure":["a"]}]}},` + head + `}`, `{"id":"1","event":"s","exposure_id":"a",` + rest},
		{`{"type":"s","details":{"x_experiment_exposure":"b","a":{"xExperimentExposure":"a"}},` + head + `}`, `{"id":"1","event":"s","exposure_id":"b",` + rest},
		{`{"type":"s","user_id":"u","details":{"a":{"a":{"a":{"a":{"a":{"a":{"xexperimentexposure":"a"}}}}}}},` + head + `}`, `{"id":"1","event":"s","user_id":"u",` + rest},
		{`{"type":"s","user_id":"u","details":{"a":{"a":{"a":{"a":{"a":{"xexperimentexposure":"a"}}}}}},` + head + `}`, `{"id":"1","event":"s","exposure_id":"a","user_id":"u",` + rest},
		{`{"type":"s","user_id":"u","details":"none",` + head + `}`, `{"id":"1","event":"s","user_id":"u",` + rest},
	} {
		for _, text := range []string{test.row, "[" + test.row + "]", test.row + "\n"} {
			batch, report := decodeLog(t, text)
			if got := string(batch.AppendNDJSON(nil)); got != test.want {
				t.Errorf("%s\nis   %s\nwant %s\n%+v", text, got, test.want, report)
			}
		}
	}
}

func TestLogStreamFaults(t *testing.T) {
	const date = `"date":"2026-03-01T11:00:00Z"`
	for row, want := range map[string]string{
		`{"type":"s",` + date + `}`:                                              "exposure_id: is nowhere in it, nor is there a unit or a user_id",
		`{"type":"s","user_id":"u"}`:                                             "date: must be a time in RFC 3339",
		`{"type":"s","user_id":"u","date":1772362800000}`:                        "date: must be a time in RFC 3339",
		`{"type":"s","user_id":"u","date":"2026-03-02T11:00:00Z"}`:               "date: is 23h0m0s ahead; check the sender's clock",
		`{"user_id":"u",` + date + `}`:                                           "type: is missing",
		`{"type":7,"user_id":"u",` + date + `}`:                                  "type: must be a string",
		`{"type":"s","user_id":{},` + date + `}`:                                 "user_id: must be a string",
		`{"type":"s","user_id":"a\u0000",` + date + `}`:                          "user_id: must have no control characters",
		"{\"type\":\"s\",\"user_id\":\"\xff\"," + date + "}":                     "it must be valid UTF-8",
		`{"type":"s","user_id":"` + strings.Repeat("u", 300) + `",` + date + `}`: "user_id: has 300 bytes; the limit is 256",
	} {
		batch, report := decodeLog(t, "["+row+"]")
		if batch.Len() != 0 || report.Rejected != 1 || report.Faults[0].Reason != want {
			t.Errorf("%s: %+v\nwant %s", row, report, want)
		}
	}
}

func TestLogStreamSkips(t *testing.T) {
	batch, report := decodeLog(t, `[{"type":"seacft"},{"type":"limit_wc","user_id":7},
		{"type":"s","log_id":"1","user_id":"u","date":"2026-03-01T11:00:00Z"},{"type":"s"}]`)
	if batch.Len() != 1 || report.Accepted != 1 || report.Skipped != 2 || report.Rejected != 1 || report.Faults[0].Index != 3 {
		t.Errorf("%+v", report)
	}
}
