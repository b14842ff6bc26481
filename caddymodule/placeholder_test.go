package caddymodule_test

import (
	"io"
	"net/http/cookiejar"
	"strings"
	"testing"
)

// typed is audience with a parameter of each type.
func typed(t testing.TB) string {
	t.Helper()
	return replaced(t, audience, `"parameters": {"headline": {"type": "string", "value": "Sign in"}}`,
		`"parameters": {"headline": {"type": "string", "value": "Sign in"}, "count": {"type": "number", "value": 12.5},
			"on": {"type": "boolean", "value": true}, "empty": {"type": "string", "value": ""},
			"curly": {"type": "string", "value": "{env.HOME} {http.experiments.subject}"}, "dotted.name": {"type": "string", "value": "d"}}`)
}

var placeholders = []string{
	"experiment_id", "variation_id", "segment_id", "is_control", "source", "device_type", "browser", "platform", "country", "region",
	"config.headline", "config.count", "config.on", "config.empty", "config.curly", "config.dotted.name", "config.unknown", "unknown",
}

func TestPlaceholders(t *testing.T) {
	var respond []string
	for _, name := range placeholders {
		respond = append(respond, name+"=[{http.experiments."+name+"}]")
	}
	e := startEdge(t, located(setup{
		Store:  map[string]string{"default/production": typed(t)},
		Before: "respond `" + strings.Join(respond, "\n") + "`",
	}))
	const (
		who     = "device_type=mobile browser=safari platform=ios country=US region=WA"
		config  = "config.headline=Face_or_finger config.count=12.5 config.on=true config.empty= config.curly={env.HOME}_{http.experiments.subject} config.dotted.name=d config.unknown= unknown="
		nothing = "config.headline= config.count= config.on= config.empty= config.curly= config.dotted.name= config.unknown= unknown="
		none    = "experiment_id= variation_id= segment_id= is_control= source= " + who + " " + nothing
		phones  = "experiment_id=exp_Audience variation_id=var_Phones segment_id=seg_UsPhones is_control=false source="
	)
	jar, _ := cookiejar.New(nil)
	tests := []struct {
		name, path string
		carried    bool
		want       string
	}{
		{"decided", "/authorize", false, phones + "segment " + who + " " + config},
		{"carried", "/login", true, phones + "carried " + who + " " + config},
		{"another path", "/login", false, none},
		{"silent", "/authorize?prompt=none", false, none},
		{"unknown experiment", "/authorize?experiment_id=exp_Nobody", false, none},
	}
	header := []string{"User-Agent", safariOnPhone, "X-Forwarded-For", "198.51.100.7"}
	e.Get("/authorize", jar, header...)
	for _, test := range tests {
		with := jar
		if !test.carried {
			with, _ = cookiejar.New(nil)
		}
		body, _ := io.ReadAll(e.Get(test.path, with, header...).Body)
		got := strings.NewReplacer("=[", "=", "]\n", "\n", " ", "_").Replace(string(body) + "\n")
		if got = strings.Join(strings.Fields(got), " "); got != test.want {
			t.Errorf("%s: got\n%s, want\n%s", test.name, got, test.want)
		}
	}
}

// A Caddyfile can route by variation. What Caddy orders before us, such as
// header, must wait for the answer to know the decision.
func TestPlaceholdersRoute(t *testing.T) {
	e := startEdge(t, setup{
		Store: map[string]string{"default/production": several},
		Before: `map {http.experiments.is_control} {plan} {
				true    control
				false   treatment
				default nobody
			}
			header >X-Plan {plan}
			@new vars {http.experiments.variation_id} var_Spare
			handle @new {
				header X-Page new
				respond "new {http.experiments.config.headline}" 203
			}
			@any expression {http.experiments.experiment_id} != ""
			handle @any {
				header X-Experiments on
				respond "" 200
			}`,
	})
	tests := []struct {
		path, page, experiments, plan string
		status                        int
	}{
		{"/authorize?experiment_id=exp_Active&variation_id=var_Spare", "new", "", "treatment", 203},
		{"/authorize?experiment_id=exp_Active&variation_id=var_Base", "", "on", "control", 200},
		{"/login", "", "", "nobody", 200},
	}
	for _, test := range tests {
		response := e.Get(test.path, nil)
		body, _ := io.ReadAll(response.Body)
		h := response.Header
		if response.StatusCode != test.status || h.Get("X-Page") != test.page || h.Get("X-Experiments") != test.experiments || h.Get("X-Plan") != test.plan {
			t.Errorf("%s: %d %v %q", test.path, response.StatusCode, h, body)
		}
		if test.page == "new" && string(body) != "new Grüß Gott 👋" {
			t.Errorf("%s: %q", test.path, body)
		}
	}
}

// A configured value is data: what looks like a placeholder in it is not
// replaced on its way to the provider.
func TestConfigIsNoTemplate(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": typed(t)}})
	e.Get("/authorize", nil)
	config := e.Provider.Last(t).Config(t)["config"].(map[string]any)
	if got := config["curly"].(map[string]any)["value"]; got != "{env.HOME} {http.experiments.subject}" {
		t.Errorf("the provider received %v", got)
	}
}
