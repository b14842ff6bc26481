package caddymodule_test

import (
	"net/http"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/store/redis/redistest"
)

// After a key has leaked a new one takes its place as fast as can be: in front,
// each document written once, and the old one out without waiting for cookies.
func TestLeakedKeyIsReplacedAtOnce(t *testing.T) {
	const fresh = "fedcba9876543210fedcba9876543210"
	server := redistest.Start(t)
	s := onRedis(server, "")
	s.Before += "\n" + tellSubject
	e := startEdge(t, s)
	experiment := e.activate()
	jar := newJar()
	e.Get("/authorize", jar)
	device := e.Provider.Last(t).Header.Get("X-Subject")
	load := func(keys string) {
		t.Helper()
		changed := s
		changed.App += "\nsigning_key " + keys
		if err := e.Load(changed); err != nil {
			t.Fatal(err)
		}
	}
	load(fresh + " " + testKey)
	status, document := e.admin(http.MethodGet, "/experiments/document")
	if status != http.StatusOK {
		t.Fatalf("exporting is answered with %d", status)
	}
	if err := imported(e.put("/experiments/document", document)); err != nil {
		t.Fatal(err)
	}
	load(fresh)
	if response := e.Get("/authorize", jar); response.StatusCode != http.StatusOK {
		t.Errorf("a login is answered %d", response.StatusCode)
	}
	r := e.Provider.Last(t)
	if r.Header.Get("X-Subject") == device {
		t.Error("a cookie of the leaked key is believed")
	}
	if got := r.Config(t)["experiment_id"]; got != experiment {
		t.Errorf("the provider is told of %v", got)
	}
}
