package caddymodule_test

import (
	"net/http/cookiejar"
	"testing"
)

func TestLoginGetsAVariation(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": split}})
	jar, _ := cookiejar.New(nil)
	e.Get("/authorize?client_id=spa&state=s3cret", jar)
	first := e.Provider.Last(t).Config(t)
	if first["experiment_id"] != "exp_Sp1it" {
		t.Fatalf("the provider received %v", first)
	}
	e.Get("/login", jar)
	if carried := e.Provider.Last(t).Config(t); carried["variation_id"] != first["variation_id"] {
		t.Errorf("the next page of the login received %v, the first %v", carried, first)
	}
	line := e.LogLines("access.log", 1, "/authorize")[0]
	experiment := line["details"].(map[string]any)["experiment"].(map[string]any)
	if experiment["variation_id"] != first["variation_id"] || experiment["source"] != "bucket" {
		t.Errorf("the access log has %v", experiment)
	}
	e.LogLines("caddy.log", 1, "experiment_assignment_succeeded", "subject_hash")
}
