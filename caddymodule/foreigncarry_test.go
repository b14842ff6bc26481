package caddymodule_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/caddymodule"
	"github.com/caddy-experiments/caddy-experiments/engine"
)

// What one site of a tenant lets everybody force is not carried to another that
// does not.
func TestForcedCarryOfAnotherSite(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": several}})
	var sites string
	for _, overrides := range []string{"open", "signed", "off"} {
		sites += "http://" + overrides + ".test:{port} {\nbind 127.0.0.1\nexperiments {\noverrides " + overrides + "\n}\n" + seen + "\nreverse_proxy {provider}\n}\n"
	}
	e.LoadText("", "", sites)
	force := engine.Force{ExperimentID: "exp_Active", VariationID: "var_Spare"}
	token := caddymodule.SignToken([]string{testKey}, "default/production", force, time.Now().Add(time.Hour))
	const parameters = "&experiment_id=exp_Active&variation_id=var_Spare"
	const forced, own, none = "exp_Active var_Spare treatment carried/", active, "none"
	tests := []struct {
		made, query string            // the site that is asked for an override
		want        map[string]string // what another page of each site is served
	}{
		{"open", parameters, map[string]string{"open": forced, "signed": none, "off": none}},
		{"signed", parameters + "&experiment_token=" + token, map[string]string{"open": forced, "signed": forced, "off": none}},
		{"open", parameters + "&experiment_token=" + token, map[string]string{"open": forced, "signed": none, "off": none}},
	}
	for _, test := range tests {
		jar := newJar()
		e.Get("/authorize?client_id=app"+test.query, jar, "Host", test.made+".test")
		if got := e.Provider.Last(t).Config(t)["variation_id"]; got != "var_Spare" {
			t.Fatalf("%s: forced was %v", test.made, got)
		}
		for site, want := range test.want {
			cookies := cookieLine(t, jar, test.made+".test")
			for path, want := range map[string]string{"/login": want, "/authorize?a=1": want, "/authorize?client_id=app": own} {
				if want == none && path != "/login" {
					want = own
				}
				e.Get(path, nil, "Host", site+".test", "Cookie", cookies)
				if got := outcome(t, e.Provider.Last(t)); got != want {
					t.Errorf("forced on %s%s, %s of %s: got %q, want %q", test.made, test.query, path, site, got, want)
				}
			}
		}
	}
	// A cookie that counts as absent hides none that does not.
	jar := newJar()
	e.Get("/authorize?client_id=app", jar, "Host", "off.test")
	good := cookieLine(t, jar, "off.test")
	subject := strings.Split(strings.Split(good, "experiment_device=")[1], ".")[2]
	bad := caddymodule.SignCarry([]string{testKey}, "default/production", subject, engine.Decision{
		Source: engine.SourceOverride, Treatment: &engine.Treatment{ExperimentID: "exp_Active", VariationID: "var_Spare"},
	}, time.Now())
	e.Get("/login", nil, "Host", "off.test", "Cookie", "experiment_carry="+bad+"; "+good)
	if got := outcome(t, e.Provider.Last(t)); !strings.HasPrefix(got, "exp_Active var_Passkey treatment carried") {
		t.Errorf("behind a cookie that counts as absent: got %q", got)
	}
	// What yesterday's edge forced is carried where everybody may force.
	e.Get("/login", nil, "Host", "open.test", "Cookie", "experiment_carry="+bad+"; "+good)
	if got := outcome(t, e.Provider.Last(t)); !strings.HasPrefix(got, forced) {
		t.Errorf("a cookie as it was made before: got %q", got)
	}
}

// cookieLine is the Cookie header that a jar makes for a host.
func cookieLine(t *testing.T, jar http.CookieJar, host string) string {
	t.Helper()
	var pairs []string
	for _, c := range jar.Cookies(mustParse(t, "http://"+host+"/")) {
		pairs = append(pairs, c.String())
	}
	return strings.Join(pairs, "; ")
}
