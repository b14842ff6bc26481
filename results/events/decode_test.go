package events_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	outcome  = `{"id":"a","event":"s","unit":"u","t":1772000000000,"value":1.5}`
	exposure = `{"id":"x","experiment":"e","iteration":"1","unit":"u","variation":"v","source":"bucket","t":1772000000000,"weights_version":"w"}`
	split    = `{"experiment":"e","iteration":"1","weights_version":"w","weights":{"a":50,"b":50}}`
)

func decode(t testing.TB, text, contentType string) (*events.Batch, *events.Report) {
	t.Helper()
	batch, report, err := events.Decode(strings.NewReader(text), contentType, events.Limits{Past: 100 * 24 * time.Hour}, now)
	if err != nil {
		t.Fatalf("decoding %q: %v", text, err)
	}
	return batch, report
}

func TestDecodeForms(t *testing.T) {
	value := 1.5
	at := events.Millis(1772000000000)
	want := &events.Batch{
		Exposures: []events.Exposure{{ID: "x", Experiment: "e", Iteration: "1", Unit: "u", Variation: "v", Source: "bucket", Time: at, WeightsVersion: "w"}},
		Outcomes:  []events.Outcome{{ID: "a", Event: "s", Unit: "u", Time: at, Value: &value}},
		Splits:    []events.Split{{Experiment: "e", Iteration: "1", WeightsVersion: "w", Weights: map[string]float64{"a": 50, "b": 50}}},
	}
	spread := strings.ReplaceAll(outcome, ",", "\n ,\r\n")
	for name, test := range map[string]struct{ text, contentType string }{
		"array":                   {"[" + outcome + "," + exposure + " ,\n" + split + "]\n", "application/json"},
		"array as lines":          {"[" + outcome + "," + exposure + "," + split + "]", "application/x-ndjson"},
		"lines":                   {outcome + "\n" + exposure + "\n" + split + "\n", "application/x-ndjson; charset=utf-8"},
		"lines by looking":        {outcome + "\n\n" + exposure + "\n" + split, "application/json"},
		"crlf and mark":           {"\ufeff" + outcome + "\r\n" + exposure + "\r\n" + split + "\r\n", "application/jsonl"},
		"one after another":       {outcome + exposure + " " + split, ""},
		"objects over many lines": {spread + "\n" + exposure + "\n" + split, "application/x-ndjson"},
	} {
		batch, report := decode(t, test.text, test.contentType)
		if !reflect.DeepEqual(batch, want) || report.Accepted != 3 || report.Rejected != 0 {
			t.Errorf("%s: %+v, %+v", name, batch, report)
		}
	}
}

func TestDecodeOutcomes(t *testing.T) {
	own := events.ExposureID("unit7", "e", "1", "v")
	for _, test := range []struct{ text, want string }{
		{`{"id":"1","event":"s","unit":"u","t":"2026-03-01T12:00:00.5+01:00"}`, `{"id":"1","event":"s","unit":"u","t":1772362800500}`},
		{`{"id":"1","event":"s","unit":"u","t":"1772000000000"}`, `{"id":"1","event":"s","unit":"u","t":1772000000000}`},
		{`{"id":"1","event":"s","unit":"u","t":1.772e12}`, `{"id":"1","event":"s","unit":"u","t":1772000000000}`},
		{`{"id":"1","event":"s","unit":"u","t":1772000000000.9}`, `{"id":"1","event":"s","unit":"u","t":1772000000000}`},
		{`{"id":"1","event":"s","user_id":"auth0|1"}`, `{"id":"1","event":"s","user_id":"auth0|1","t":1772366400000}`},
		{`{"id":"1","event":"s","exposure_id":"` + own + `","t":1772000000000}`, `{"id":"1","event":"s","unit":"unit7","t":1772000000000}`},
		{`{"id":"1","event":"s","exposure_id":"` + own + `","unit":"unit7","t":1772000000000}`, `{"id":"1","event":"s","unit":"unit7","t":1772000000000}`},
		{`{"id":"1","event":"s","exposure_id":"theirs","user_id":"p","t":1772000000000}`, `{"id":"1","event":"s","exposure_id":"theirs","user_id":"p","t":1772000000000}`},
		{`{"id":"1","event":"s","unit":"u","t":1772000000000,"value":null}`, `{"id":"1","event":"s","unit":"u","t":1772000000000}`},
		{`{"id":"1","event":"s","unit":"u","t":1772000000000,"value":-0}`, `{"id":"1","event":"s","unit":"u","t":1772000000000,"value":0}`},
		{`{"id":"1","event":"s","unit":"u","t":1772000000000,"value":1e100}`, `{"id":"1","event":"s","unit":"u","t":1772000000000,"value":1e+100}`},
		{`{"\u0069d":"\u00e4\"\\\/\ud83d\ude00<&>","event":"s","unit":"u","t":1772000000000}`, `{"id":"ä\"\\/😀<&>","event":"s","unit":"u","t":1772000000000}`},
	} {
		batch, report := decode(t, test.text, "")
		if got := string(batch.AppendNDJSON(nil)); got != test.want+"\n" {
			t.Errorf("%s\nis   %s\nwant %s\n%+v", test.text, got, test.want, report)
		}
	}
}

func TestDecodeMakesIDs(t *testing.T) {
	id := func(text string) string {
		batch, report := decode(t, text, "")
		if batch.Len() != 1 {
			t.Fatalf("%s: %+v", text, report)
		}
		if len(batch.Exposures) == 1 {
			return batch.Exposures[0].ID
		}
		return batch.Outcomes[0].ID
	}
	first := id(`{"event":"s","unit":"u","t":1772000000000}`)
	if again := id(`{"t":"2026-02-25T06:13:20Z", "unit":"u","event":"s"}`); again != first || first == "" {
		t.Errorf("the same outcome has the ids %q and %q", first, again)
	}
	if other := id(`{"event":"s","unit":"u","t":1772000000001}`); other == first {
		t.Error("another outcome has the same id")
	}
	if one, other := id(`{"event":"s","unit":"u"}`), id(`{"event":"s","unit":"u"}`); one == other {
		t.Error("two outcomes without a time have the same id")
	}
	if got := id(`{"experiment":"e","iteration":"1","unit":"u","variation":"v"}`); got != events.ExposureID("u", "e", "1", "v") {
		t.Errorf("an exposure has the id %q", got)
	}
}

func TestDecodeFaults(t *testing.T) {
	long := strings.Repeat("x", 257)
	for text, want := range map[string]string{
		`{"id":"1","event":"s","unit":"u","foo":1}`:                               `the field "foo" is unknown`,
		`{"id":"1","event":"s","unit":"u","Event":"s"}`:                           `the field "Event" is unknown`,
		`{"id":"1","event":"s","unit":"u","source":"bucket"}`:                     "source: is no field of an outcome",
		`{"id":"1","event":"s"}`:                                                  "unit: is missing in an outcome, as are exposure_id and user_id; one of them is needed",
		`{"id":"1","unit":"u"}`:                                                   "event: is missing in an outcome",
		`{"id":"1","event":"s","unit":"u","unit":"u"}`:                            "unit: is there twice",
		`{"id":"1","event":"s","unit":"u","un\u0069t":"u"}`:                       "unit: is there twice",
		`{"id":"1","event":"s","unit":"u","exposure_id":"x"}`:                     "unit and exposure_id: are both there and differ; send one of them",
		`{"id":"1","event":"s","unit":""}`:                                        "unit: must not be empty",
		`{"id":"1","event":"s","unit":7}`:                                         "unit: must be a string",
		`{"id":"1","event":"s","unit":null}`:                                      "unit: must be a string",
		`{"id":"1","event":"s","unit":"` + long + `"}`:                            "unit: has 257 bytes; the limit is 256",
		`{"id":"1","event":"s","unit":"a\u0000b"}`:                                "unit: must have no control characters",
		"{\"id\":\"1\",\"event\":\"s\",\"unit\":\"a\u0085b\"}":                    "unit: must have no control characters",
		"{\"id\":\"1\",\"event\":\"s\",\"unit\":\"a\xffb\"}":                      "unit: must be valid UTF-8",
		`{"id":"1","event":"s","unit":"\ud800"}`:                                  "unit: must be valid UTF-8",
		`{"id":"1","event":"s","unit":"\ud800\u0041"}`:                            "unit: must be valid UTF-8",
		`{"id":"1","event":"s","unit":"u","value":"1"}`:                           "value: must be a number",
		`{"id":"1","event":"s","unit":"u","value":-1}`:                            "value: must be a number from 0 to 1e+100",
		`{"id":"1","event":"s","unit":"u","value":1e400}`:                         "value: must be a number from 0 to 1e+100",
		`{"id":"1","event":"s","unit":"u","value":1.1e100}`:                       "value: must be a number from 0 to 1e+100",
		`{"id":"1","event":"s","unit":"u","value":{"a":[[[]]]}}`:                  "value: must be a number",
		`{"id":"1","event":"s","unit":"u","t":"yesterday"}`:                       "t: must be a time in RFC 3339, or a number of milliseconds since 1970",
		`{"id":"1","event":"s","unit":"u","t":""}`:                                "t: must be a time in RFC 3339, or a number of milliseconds since 1970",
		`{"id":"1","event":"s","unit":"u","t":null}`:                              "t: must be a time in RFC 3339, or a number of milliseconds since 1970",
		`{"id":"1","event":"s","unit":"u","t":1e300}`:                             "t: must be a time in RFC 3339, or a number of milliseconds since 1970",
		`{"id":"1","event":"s","unit":"u","t":-1}`:                                "t: must be from 1970 to 9999",
		`{"id":"1","event":"s","unit":"u","t":"2026-03-01T15:30:00Z"}`:            "t: is 3h30m0s ahead; check the sender's clock",
		`{"id":"1","event":"s","unit":"u","t":1772000000}`:                        "t: is 20492 days ago, more than 100 days; check the sender's clock",
		`{"id":"1","variation":"v","unit":"u"}`:                                   "experiment: is missing in an exposure",
		strings.Replace(exposure, `"t"`, `"value":1,"t"`, 1):                      "value: is no field of an exposure",
		strings.Replace(exposure, `"t"`, `"bot":1,"t"`, 1):                        "bot: must be true or false",
		strings.Replace(exposure, `bucket`, `carried`, 1):                         `source: "carried" must be bucket, segment, fallback or override`,
		strings.Replace(split, `"b"`, `"a"`, 1):                                   `weights: "a" is there twice`,
		strings.Replace(split, `50}`, `101}`, 1):                                  `weights: "b" must be a number from 0 to 100`,
		strings.Replace(split, `{"a":50,"b":50}`, `{}`, 1):                        "weights: must not be empty",
		strings.Replace(split, `{"a":50,"b":50}`, `[]`, 1):                        "weights: must be an object of percentages by variation",
		strings.Replace(split, `"weights_version"`, `"t":1,"weights_version"`, 1): "weights_version: is missing in a split",
	} {
		if strings.Contains(text, `"t":1,"w`) {
			want = "t: is no field of a split"
		}
		batch, report := decode(t, outcome+"\n\n"+text+"\n"+exposure, "application/x-ndjson")
		if batch.Len() != 2 || report.Accepted != 2 || report.Rejected != 1 {
			t.Errorf("%s: %+v", text, report)
			continue
		}
		if fault := report.Faults[0]; fault.Reason != want || fault.Line != 3 || fault.Index != 1 {
			t.Errorf("%s: %+v\nwant %s", text, fault, want)
		}
	}
}

func TestDecodeFaultIDs(t *testing.T) {
	_, report := decode(t, `[`+outcome+`,
		7,
		{"foo":1,"id":"b"}]`, "")
	want := []events.Fault{{Line: 2, Index: 1, Reason: "it is no JSON object"}, {Line: 3, Index: 2, ID: "b", Reason: `the field "foo" is unknown`}}
	if !reflect.DeepEqual(report.Faults, want) {
		t.Errorf("%+v", report.Faults)
	}
	_, report = decode(t, "["+strings.Repeat("7,", 99)+"7]", "")
	if report.Rejected != 100 || len(report.Faults) != 20 {
		t.Errorf("%d rejected, %d told", report.Rejected, len(report.Faults))
	}
}

// TestDecodeBroken reads what is no JSON: with lines what is broken is rejected,
// else all of it.
func TestDecodeBroken(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100)
	for _, test := range []struct {
		text               string
		lines              bool
		accepted, rejected int
		line               int // of a SyntaxError
	}{
		{"", false, 0, 0, 1},
		{" \n ", false, 0, 0, 2},
		{"", true, 0, 0, 0},
		{" \r\n\n", true, 0, 0, 0},
		{"7", false, 0, 0, 1},
		{"hello", false, 0, 0, 1},
		{"\x00", false, 0, 0, 1},
		{"\x00\n" + outcome, true, 1, 1, 0},
		{"\xff\xfe{\x00", false, 0, 0, 1},
		{outcome[:20], false, 0, 0, 1},
		{outcome[:20], true, 0, 1, 0},
		{outcome[:20] + "\n" + outcome, true, 1, 1, 0},
		{outcome[:20] + "\n" + outcome, false, 1, 1, 0},
		{outcome + "\n" + outcome[:20], false, 1, 1, 0},
		{outcome + "\n" + outcome[:20], true, 1, 1, 0},
		{outcome + ",\n" + outcome, true, 2, 1, 0},
		{outcome + " hello\n" + outcome, true, 2, 1, 0},
		{"[", false, 0, 0, 1},
		{"[\n" + outcome + ",\n]", false, 0, 0, 3},
		{"[" + outcome + "]\n7", false, 0, 0, 2},
		{"[" + outcome + "\n" + outcome + "]", false, 0, 0, 2},
		{"[]", false, 0, 0, 0},
		{"[]", true, 0, 0, 0},
		{"[,]", false, 0, 0, 1},
		{"[[]]", false, 0, 1, 0},
		{"[\n" + outcome, true, 1, 1, 0},
		{deep, true, 0, 1, 0},
		{deep, false, 0, 0, 1},
		{"[" + deep + "," + outcome + "]", false, 1, 1, 0},
		{strings.Repeat("[", 1_000_000), false, 0, 0, 1},
		{strings.Repeat("{\"a\":\n", 100_000), true, 0, 100_000, 0},
		{strings.Repeat("{\"a\":[\n", 100_000), true, 0, 100_000, 0},
		{outcome + "\n{\"id\":\"" + strings.Repeat("x", 65<<10) + "\"}\n" + outcome, true, 2, 1, 0},
		{`{"id":"b","event":"s","unit":"u","value":NaN}`, true, 0, 1, 0},
		{`{"id":"b","event":"s","unit":"u","value":` + strings.Repeat("9", 10_000) + `}`, true, 0, 1, 0},
		{`{"id":"b","event":"s","unit":"u","t":` + strings.Repeat("9", 10_000) + `}`, true, 0, 1, 0},
	} {
		contentType := ""
		if test.lines {
			contentType = "application/x-ndjson"
		}
		batch, report, err := events.Decode(strings.NewReader(test.text), contentType, events.Limits{}, now)
		what := fmt.Sprintf("%.60q (lines %t)", test.text, test.lines)
		var syntax *events.SyntaxError
		if errors.As(err, &syntax) {
			if syntax.Line != test.line || batch != nil || report != nil {
				t.Errorf("%s: %v", what, err)
			}
			continue
		}
		if err != nil || test.line != 0 || batch.Len() != test.accepted || report.Accepted != test.accepted || report.Rejected != test.rejected {
			t.Errorf("%s: %+v, %v", what, report, err)
		}
	}
}

func TestDecodeLimits(t *testing.T) {
	two := outcome + "\n" + outcome
	for _, test := range []struct {
		limits events.Limits
		fails  bool
	}{
		{events.Limits{MaxBytes: int64(len(two))}, false},
		{events.Limits{MaxBytes: int64(len(two)) - 1}, true},
		{events.Limits{MaxRecords: 2}, false},
		{events.Limits{MaxRecords: 1}, true},
	} {
		if _, _, err := events.Decode(strings.NewReader(two), "", test.limits, now); errors.Is(err, events.ErrTooLarge) != test.fails {
			t.Errorf("%+v: %v", test.limits, err)
		}
	}
}
