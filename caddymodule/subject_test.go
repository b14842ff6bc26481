package caddymodule_test

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"math/big"
	"net/http/cookiejar"
	"testing"
)

// bucketByHand is the contract's formula by other means than the engine's:
// the first 16 hex digits of the hash, as a number, modulo 100.
func bucketByHand(subject, experiment string) int64 {
	sum := sha256.Sum256([]byte(subject + experiment))
	n, _ := new(big.Int).SetString(hex.EncodeToString(sum[:])[:16], 16)
	return n.Mod(n, big.NewInt(100)).Int64()
}

func TestBucketsCanBeRecomputed(t *testing.T) {
	devices := 2000
	if testing.Short() {
		devices = 200
	}
	e := startEdge(t, setup{Store: map[string]string{"default/production": split}, Before: "request_header X-Subject {http.experiments.subject}"})
	counts := map[any]int{}
	subjects := map[string]bool{}
	for range devices {
		e.Get("/authorize", nil)
		r := e.Provider.Last(t)
		subject := r.Header.Get("X-Subject")
		want := "var_Base"
		if bucketByHand(subject, "exp_Sp1it") >= 50 {
			want = "var_Passkey"
		}
		got := r.Config(t)["variation_id"]
		if got != want {
			t.Errorf("device %s got %v, the formula says %s", subject, got, want)
		}
		counts[got]++
		subjects[subject] = true
	}
	if len(subjects) != devices {
		t.Errorf("%d devices had %d subjects", devices, len(subjects))
	}
	// Five standard deviations: one run in two million fails by chance.
	if off := math.Abs(float64(counts["var_Base"]) - float64(devices)/2); off > 5*math.Sqrt(float64(devices)/4) {
		t.Errorf("the split is %v", counts)
	}
}

func TestConfiguredSubject(t *testing.T) {
	e := startEdge(t, setup{
		Store:  map[string]string{"default/production": split},
		Site:   "subject {http.request.header.X-Device}",
		Before: "request_header X-Subject {http.experiments.subject}",
	})
	for _, subject := range []string{"alice", "bob", "0", "{env.HOME}", "späti", "a b"} {
		response := e.Get("/authorize", nil, "X-Device", subject)
		r := e.Provider.Last(t)
		if got := r.Header.Get("X-Subject"); got != subject {
			t.Errorf("decided for %q, want %q", got, subject)
		}
		want := map[bool]string{true: "var_Base", false: "var_Passkey"}[bucketByHand(subject, "exp_Sp1it") < 50]
		if got := r.Config(t)["variation_id"]; got != want {
			t.Errorf("%q got %v, want %s", subject, got, want)
		}
		if set := setCookies(response); set["experiment_device"] != nil || set["experiment_carry"] == nil {
			t.Errorf("set %v; a device that has a name needs none of ours", set)
		}
	}
	// Without the header the device cookie stands in.
	for _, header := range [][]string{nil, {"X-Device", ""}} {
		jar, _ := cookiejar.New(nil)
		if set := setCookies(e.Get("/authorize", jar, header...)); set["experiment_device"] == nil {
			t.Errorf("set %v without a subject", set)
		}
		subject := e.Provider.Last(t).Header.Get("X-Subject")
		if len(subject) != 22 {
			t.Errorf("decided for %q", subject)
		}
		e.Get("/authorize", jar, header...)
		if again := e.Provider.Last(t).Header.Get("X-Subject"); again != subject {
			t.Errorf("then for %q", again)
		}
	}
}

// What one subject carries is not another's.
func TestCarryBelongsToItsSubject(t *testing.T) {
	e := startEdge(t, setup{
		Store: map[string]string{"default/production": split}, Site: "subject {http.request.header.X-Device}", Before: seen,
	})
	jar, _ := cookiejar.New(nil)
	for _, step := range []struct{ path, subject, want string }{
		{"/authorize", "alice", "bucket/"},
		{"/authorize", "alice", "carried/"},
		{"/login", "bob", "/"},
		{"/login", "alice", "carried/"},
		{"/authorize", "bob", "bucket/"},
		{"/login", "alice", "/"},
	} {
		e.Get(step.path, jar, "X-Device", step.subject)
		if got := e.Provider.Last(t).Header.Get("X-Seen"); got != step.want {
			t.Errorf("%s as %s: %q, want %q", step.path, step.subject, got, step.want)
		}
	}
}

// One device keeps its variation over logins, and over the end of its decision.
func TestDeviceKeepsItsVariation(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": split}, Site: "sticky 1s"})
	jar, _ := cookiejar.New(nil)
	e.Get("/authorize", jar)
	want := e.Provider.Last(t).Config(t)["variation_id"]
	for e.Provider.Count() < 20 {
		e.Get("/authorize", jar, "X-Forwarded-For", "203.0.113.9", "User-Agent", "changed")
		if got := e.Provider.Last(t).Config(t)["variation_id"]; got != want {
			t.Fatalf("got %v, before %v", got, want)
		}
		jar.SetCookies(mustURL(t, e.URL), expired("experiment_carry"))
	}
}
