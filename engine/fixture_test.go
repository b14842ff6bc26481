package engine

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// decode fails the test if text is no valid document.
func decode(t testing.TB, text string) *Document {
	t.Helper()
	document, err := Decode([]byte(text))
	if err != nil {
		t.Fatalf("Decode: %v\n%.2000s", err, text)
	}
	return document
}

func compile(t testing.TB, text string) *Snapshot {
	t.Helper()
	return Compile(decode(t, text), Settings{})
}

// oneExperiment is a document with the flag flg_1 (variations var_A, the
// baseline, var_B and var_C), a second flag flg_2 (var_Z), the segments seg_1
// (country US), seg_2 (browser chrome) and seg_3 (nobody), and the experiment
// exp_1 with what is given of it.
func oneExperiment(strategy, status, allocations string) string {
	return `{"feature_flags":[
	{"id":"flg_1","name":"login","status":"active","parameters":{"color":{"type":"string","value":"blue"},"limit":{"type":"number","value":3}},
	 "variations":[{"id":"var_A","name":"a","overrides":{}},{"id":"var_B","name":"b","overrides":{"color":{"value":"red"}}},{"id":"var_C","name":"c","overrides":{"limit":{"value":9}}}]},
	{"id":"flg_2","name":"other","status":"active","parameters":{"x":{"type":"boolean","value":true}},"variations":[{"id":"var_Z","name":"z"}]}],
	"segments":[{"id":"seg_1","name":"us","rules":[{"match":{"country":["US"]}}]},
	{"id":"seg_2","name":"chrome","rules":[{"match":{"browser":["chrome"]}}]},
	{"id":"seg_3","name":"nobody","rules":[{"match":{"country":["nowhere"]}}]}],
	"experiments":[{"id":"exp_1","name":"one","feature_flag_id":"flg_1","allocation_strategy":"` + strategy + `","status":"` + status + `","allocations":` + allocations + `}]}`
}

const (
	halves = `[{"variation_id":"var_A","weight":50,"is_control":true},{"variation_id":"var_B","weight":50,"is_control":false}]`

	targeted = `[{"variation_id":"var_A","is_control":true,"is_fallback":true},
	{"variation_id":"var_B","segment_id":"seg_2","priority":2,"is_control":false},
	{"variation_id":"var_C","segment_id":"seg_1","priority":1,"is_control":false}]`
)

// largeDocument has n active percentage experiments, and n segments used by as
// many active segment experiments if segments is true. Each experiment has its
// own flag of four parameters and four variations.
func largeDocument(n int, strategy Strategy) string {
	var flags, segments, experiments []string
	for i := range n {
		id := base58Number(i)
		var variations, allocations []string
		for j, letter := range "ABCD" {
			v := fmt.Sprintf("var_%s%c", id, letter)
			variations = append(variations, fmt.Sprintf(`{"id":%q,"name":"Variation %c","description":"what changes for %c","overrides":{"headline":{"value":"Welcome back, number %d"},"steps":{"value":%d}}}`, v, letter, letter, j, j+1))
			a := fmt.Sprintf(`{"variation_id":%q,"is_control":%t,"weight":25}`, v, j == 0)
			if strategy == StrategySegment {
				a = fmt.Sprintf(`{"variation_id":%q,"is_control":%t,"is_fallback":%t,"segment_id":"seg_%s","priority":%d}`, v, j == 0, j == 3, id, j+1)
			}
			allocations = append(allocations, a)
		}
		flags = append(flags, fmt.Sprintf(`{"id":"flg_%s","name":"Flag %d","status":"active","parameters":{
			"headline":{"type":"string","value":"Log in","description":"the first line of the page"},
			"steps":{"type":"number","value":0},
			"passkeys":{"type":"boolean","value":false},
			"theme":{"type":"object","value":{"colors":{"primary":"#0059d6","error":"#d00e17"},"radius":3}}},
			"variations":[%s]}`, id, i, strings.Join(variations, ",\n")))
		segments = append(segments, fmt.Sprintf(`{"id":"seg_%s","name":"Segment %d","rules":[{"match":{"country":["DE","AT","CH"],"browser":["chrome"]},"not_match":{"device_type":["bot"]}},{"match":{"user_agent":{"contains":["Special"]}}}]}`, id, i))
		experiments = append(experiments, fmt.Sprintf(`{"id":"exp_%s","name":"Experiment %d","feature_flag_id":"flg_%s","authentication_flow":"pre_authentication","allocation_strategy":%q,"assignment_config":{"subject":"device"},"status":"active","allocations":[%s],"started_at":"2026-01-31T12:00:00Z"}`,
			id, i, id, strategy, strings.Join(allocations, ",")))
	}
	return `{"feature_flags":[` + strings.Join(flags, ",\n") + `],"segments":[` + strings.Join(segments, ",\n") + `],"experiments":[` + strings.Join(experiments, ",\n") + `]}`
}

// base58Number writes a number with characters that ids may have.
func base58Number(i int) string {
	return strings.NewReplacer("0", "z").Replace(fmt.Sprintf("%022d", i))
}

func marshal(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
