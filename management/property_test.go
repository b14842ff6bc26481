package management

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// After any sequence of calls the document can be read, is_valid is what
// package engine says, and nothing refers to what does not exist.
func TestRandomSequences(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			s := newSite(t, nil).world()
			random := rand.New(rand.NewPCG(seed, 1))
			statuses := map[int]int{}
			for range 250 {
				method, path, body := randomCall(s, random)
				got := s.do(method, path, body)
				statuses[got.status]++
				if got.status >= 500 {
					t.Fatalf("%s %s %s: got %d %s", method, path, body, got.status, got.text)
				}
				s.document()
			}
			if statuses[200] < 10 || statuses[201] < 10 || statuses[400] == 0 {
				t.Errorf("the sequence is too one-sided: %v", statuses)
			}
		})
	}
}

// randomCall makes a call about entities that exist, most of the time.
func randomCall(s *site, random *rand.Rand) (method, path, body string) {
	d := s.document()
	flag, variation, other, segment, experiment := "flg_1", "var_1", "var_1", "seg_1", "exp_1"
	if n := len(d.FeatureFlags); n > 0 {
		f := d.FeatureFlags[random.IntN(n)]
		flag = f.ID
		if n := len(f.Variations); n > 0 {
			variation, other = f.Variations[random.IntN(n)].ID, f.Variations[random.IntN(n)].ID
		}
	}
	if n := len(d.Segments); n > 0 {
		segment = d.Segments[random.IntN(n)].ID
	}
	if n := len(d.Experiments); n > 0 {
		experiment = d.Experiments[random.IntN(n)].ID
	}
	pick := func(words ...string) string { return words[random.IntN(len(words))] }
	name := fmt.Sprintf("name %d", random.IntN(100))
	allocations := fmt.Sprintf(`[{"variation_id":"%s","weight":%d,"is_control":%v,"is_fallback":true},{"variation_id":"%s","weight":50,"is_control":false%s}]`,
		variation, 50-random.IntN(2), random.IntN(4) > 0, other, pick(`,"segment_id":"`+segment+`"`, ``))
	flagPath, experimentPath := "feature-flags/"+flag, "experiments/"+experiment
	calls := [][3]string{
		{"POST", "feature-flags", `{"name":"` + name + `","parameters":{"color":{"type":"string","value":"` + pick("red", "blue") + `"}}}`},
		{"PATCH", flagPath, `{"parameters":{"` + pick("color", "size") + `":{"type":"string","value":"` + pick("red", "green") + `"}}}`},
		{"POST", flagPath + "/status", `{"status":"` + pick("active", "active", "active", "archived") + `"}`},
		{"DELETE", flagPath, ""},
		{"POST", flagPath + "/variations", `{"name":"` + name + `","overrides":{}}`},
		{"POST", flagPath + "/variations", `{"name":"` + name + `","overrides":{"` + pick("color", "size") + `":{"value":"yellow"}}}`},
		{"PATCH", flagPath + "/variations/" + variation, `{"overrides":{"color":{"value":"` + pick("red", "pink") + `"}}}`},
		{"DELETE", flagPath + "/variations/" + variation, ""},
		{"POST", "segments", `{"name":"` + name + `","rules":[{"match":{"country":["US"]}}]}`},
		{"PATCH", "segments/" + segment, `{"name":"` + name + `"}`},
		{"DELETE", "segments/" + segment, ""},
		{"POST", "experiments", `{"name":"` + name + `","feature_flag_id":"` + flag + `","authentication_flow":"login","allocation_strategy":"` + pick("percentage", "segment") + `","assignment_config":{"subject":"device"},"allocations":` + allocations + `}`},
		{"PATCH", experimentPath, `{"allocations":` + allocations + `}`},
		{"PATCH", experimentPath, `{"description":` + pick("null", `"some words"`) + `}`},
		{"POST", experimentPath + "/status", `{"status":"` + pick("active", "active", "paused", "completed", "archived") + `"}`},
		{"DELETE", experimentPath, ""},
		{"GET", experimentPath, ""},
		{"POST", experimentPath + "/validate", ""},
		{"GET", pick("experiments?status=archived", "feature-flags?take=1", "segments"), ""},
	}
	c := calls[random.IntN(len(calls))]
	if c[0] == "DELETE" && random.IntN(3) > 0 {
		return "GET", "experiments", "" // so that more is made than deleted
	}
	return c[0], c[1], strings.TrimSpace(c[2])
}
