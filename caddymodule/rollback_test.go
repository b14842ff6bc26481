package caddymodule_test

import (
	"fmt"
	"net/http"
	"testing"
)

// Both ways in which the documentation turns everything off at once: nobody gets
// an experiment from then on, not even in a login that carries one; clients
// still cannot speak for the edge; and what was before comes back.
func TestTurningEverythingOff(t *testing.T) {
	tests := []struct {
		name    string
		off, on func(e *edge) error
	}{
		{"by an empty document", func(e *edge) error { return imported(e.put("/experiments/document", "{}\n")) }, func(e *edge) error { return imported(e.put("/experiments/document", split)) }},
		{"by a store that has nothing", func(e *edge) error { return e.Load(setup{App: "store file {dir}/nothing"}) }, func(e *edge) error { return e.Load(setup{}) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := startEdge(t, setup{Store: map[string]string{"default/production": split}})
			jar := newJar()
			e.Get("/authorize", jar)
			given := e.Provider.Last(t).Config(t)
			if given == nil {
				t.Fatal("nothing was given before")
			}
			if err := test.off(e); err != nil {
				t.Fatal(err)
			}
			for _, path := range []string{"/login", "/authorize", "/authorize?experiment_id=exp_Sp1it&variation_id=var_Base"} {
				for name, cookies := range map[string]http.CookieJar{"a login in flight": jar, "a new device": nil} {
					response := e.Get(path, cookies, "X-Experiment-Config", forgery)
					if got := e.Provider.Last(t).Header["X-Experiment-Config"]; got != nil || response.StatusCode != http.StatusOK {
						t.Errorf("%s at %s: answered %d, the provider received %q", name, path, response.StatusCode, got)
					}
				}
			}
			if err := test.on(e); err != nil {
				t.Fatal(err)
			}
			e.Get("/authorize", jar)
			if got := e.Provider.Last(t).Config(t); got == nil || got["variation_id"] != given["variation_id"] {
				t.Errorf("afterwards the device is given %v, before it was %v", got, given)
			}
		})
	}
}

// imported is the error of an import that was answered with a status.
func imported(status int, answer string) error {
	if status != http.StatusOK {
		return fmt.Errorf("importing was answered with %d %.200s", status, answer)
	}
	return nil
}
