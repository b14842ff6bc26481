package caddymodule_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/caddymodule"
)

// exposureLine is the first exposure that the edge has recorded, as it is exported.
func (e *edge) exposureLine() map[string]any {
	e.t.Helper()
	var found map[string]any
	e.Eventually(func() bool {
		response, err := http.Get(e.Admin + "/experiments/events")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			var line map[string]any
			if json.Unmarshal(lines.Bytes(), &line) == nil && line["variation"] != nil {
				found = line
				return true
			}
		}
		return false
	}, "no exposure is recorded")
	return found
}

// A split is wrong once the log has units that the weights do not explain.
func TestSplitsAreWatched(t *testing.T) {
	const gauge = `caddy_experiments_split_mismatch{experiment="exp_Sp1it",tenant="default/production"}`
	e := recording(t)
	jar, _ := cookiejar.New(nil)
	e.browse("/authorize?client_id=spa", jar)
	line := e.exposureLine()
	caddymodule.CheckSplits(t.Context())
	if value, found := e.metrics()[gauge]; !found || value != 0 {
		t.Fatalf("with one unit the gauge is %v, %v", value, found)
	}
	load := func(variation string, n int) {
		t.Helper()
		var text strings.Builder
		for i := range n {
			line["id"], line["unit"], line["variation"] = fmt.Sprintf("%s-%d", variation, i), fmt.Sprintf("unit-%s-%d", variation, i), variation
			encoded, err := json.Marshal(line)
			if err != nil {
				t.Fatal(err)
			}
			text.Write(append(encoded, '\n'))
		}
		path := e.write("events.ndjson", []byte(text.String()))
		if got := e.Command("", "events", "import", path); got.code != 0 {
			t.Fatalf("importing exits with %d: %s%s", got.code, got.out, got.log)
		}
	}
	load("var_Base", 1000)
	load("var_Passkey", 1010)
	caddymodule.CheckSplits(t.Context())
	if value := e.metrics()[gauge]; value != 0 {
		t.Errorf("with a split as planned the gauge is %v", value)
	}
	load("var_Base", 3000)     // 2,000 more
	e.Eventually(func() bool { // the desk answers from its memory for a while
		caddymodule.CheckSplits(t.Context())
		return e.metrics()[gauge] == 1
	}, "with a wrong split the gauge should be 1")
	e.LogLines("caddy.log", 1, "do not follow its split", "exp_Sp1it")
}
