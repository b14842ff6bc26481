package caddymodule_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"testing"
)

// placeByHand is the place of a subject in a ramp by other means than the engine's.
func placeByHand(subject, experiment string) int64 {
	sum := sha256.Sum256([]byte(subject + experiment + "\x00level"))
	n, _ := new(big.Int).SetString(hex.EncodeToString(sum[:])[:16], 16)
	return n.Mod(n, big.NewInt(100_000)).Int64()
}

// A ramp from its first level to its last, over the API and the wire: who is in is
// what the formula says, and who is in is never moved.
func TestRampOnTheWire(t *testing.T) {
	e := startEdge(t, setup{
		Store:  map[string]string{"default/production": replaced(t, split, `"status": "active",`+"\n\t\t"+`"allocations"`, `"status": "draft", "levels": [5, 50, 100], "allocations"`)},
		Site:   "subject {http.request.header.X-Device}",
		Before: redisAPI,
	})
	call := func(status int, method, path, body string) map[string]any {
		t.Helper()
		got, answer := e.call(method, "/experiments/exp_Sp1it"+path, "ci-secret", body)
		if got != status {
			t.Fatalf("%s %s %s was answered with %d %v", method, path, body, got, answer)
		}
		return answer
	}
	given := map[string]any{}
	look := func(level int64, assigns bool) {
		t.Helper()
		in := 0
		for i := range 200 {
			device := fmt.Sprint("device ", i)
			e.Get("/authorize", nil, "X-Device", device)
			config := e.Provider.Last(t).Config(t)
			if want := assigns && placeByHand(device, "exp_Sp1it") < level*1000; (config != nil) != want {
				t.Fatalf("level %d: %s in place %d receives %v", level, device, placeByHand(device, "exp_Sp1it"), config)
			}
			if config == nil {
				continue
			}
			in++
			want := map[bool]string{true: "var_Base", false: "var_Passkey"}[bucketByHand(device, "exp_Sp1it") < 50]
			if before, was := given[device]; config["variation_id"] != want || was && before != want {
				t.Fatalf("level %d: %s receives %v, had %v, the formula says %s", level, device, config["variation_id"], before, want)
			}
			given[device] = config["variation_id"]
		}
		if assigns && in == 0 {
			t.Errorf("level %d lets no device in", level)
		}
	}
	look(5, false) // a draft
	call(http.StatusOK, "PATCH", "", `{"status":"active"}`)
	look(5, true)

	// What a device was given it keeps, whatever the level is then.
	device := ""
	for name := range given {
		device = name
	}
	jar := newJar()
	e.Get("/authorize", jar, "X-Device", device)
	call(http.StatusBadRequest, "POST", "/advance-ramp", `{"target_level":100}`)
	call(http.StatusOK, "POST", "/advance-ramp", `{"target_level":50}`)
	look(50, true)
	if got := e.Command("", "decide", "/authorize", "--header", "X-Device: device 1"); got.code != 0 ||
		!strings.Contains(got.out, `ramp at 50 %: SHA-256("device 1exp_Sp1it\x00level") begins with `) {
		t.Errorf("decide says %d %s%s", got.code, got.out, got.log)
	}
	call(http.StatusOK, "POST", "/advance-ramp", `{"target_level":100}`)
	look(100, true)
	if got := e.Command("", "decide", "/authorize", "--header", "X-Device: device 1"); strings.Contains(got.out, "ramp at") {
		t.Errorf("decide speaks of a ramp in which everybody is: %s", got.out)
	}

	call(http.StatusOK, "PATCH", "", `{"status":"paused"}`)
	look(100, false)
	revision := e.revision()
	e.WriteDocument("default/production", replaced(t, e.stored("default/production"), `"current_level": 100`, `"current_level": 0`))
	e.Eventually(func() bool { return e.revision() != revision }, "the level should be in force")
	e.Get("/authorize", jar, "X-Device", device)
	if config := e.Provider.Last(t).Config(t); config == nil || config["variation_id"] != given[device] {
		t.Errorf("the device that carries %v receives %v", given[device], config)
	}
	e.Get("/authorize?experiment_id=exp_Sp1it", newJar(), "X-Device", "device 1")
	if config := e.Provider.Last(t).Config(t); config == nil {
		t.Error("an override does not pass the ramp")
	}
	if answer := call(http.StatusOK, "PATCH", "", `{"status":"completed"}`); answer["ended_at"] == nil || answer["current_level"] != 0.0 {
		t.Errorf("completed: %v", answer)
	}
}
