package caddymodule_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"net/http/cookiejar"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/maxmind/mmdbwriter"

	"github.com/caddy-experiments/caddy-experiments/caddymodule"
)

// What adapting cannot see is refused when the configuration is loaded, and the
// one in force goes on.
func TestLoadRefuses(t *testing.T) {
	t.Setenv("EXPERIMENTS_TEST_SHORT", "short")
	e := startEdge(t, setup{Store: map[string]string{"default/production": split}})
	wrongType := e.write("asn.mmdb", databaseOfType(t, "GeoLite2-ASN"))
	broken := e.write("broken.mmdb", demoDatabase(t)[:500])
	const site = `"handler":"experiments"`
	tests := []struct {
		name     string
		setup    setup
		old, new string // changes the JSON, for what a Caddyfile cannot say
		want     []string
	}{
		{name: "short signing key", setup: setup{App: "signing_key {env.EXPERIMENTS_TEST_SHORT}"},
			want: []string{"signing_key: key 1 has 5 bytes", "at least 32", "openssl rand"}},
		{name: "signing key of a variable that is not set", setup: setup{App: "signing_key {env.EXPERIMENTS_TEST_UNSET}"},
			want: []string{"signing_key: key 1 has 0 bytes", "openssl rand", "is {env.EXPERIMENTS_TEST_UNSET} set"}},
		{name: "short older key", setup: setup{App: "signing_key " + testKey + " {env.EXPERIMENTS_TEST_SHORT}"},
			want: []string{"signing_key: key 2 has 5 bytes"}},
		{name: "location database missing", setup: setup{App: "geoip {dir}/missing.mmdb"},
			want: []string{"geoip:", "missing.mmdb", "or write: geoip " + e.Dir + "/missing.mmdb optional"}},
		{name: "location database of the wrong type", setup: setup{App: "geoip " + wrongType},
			want: []string{"geoip:", "asn.mmdb", "GeoLite2-ASN", "GeoLite2-City is wanted"}},
		{name: "location database broken", setup: setup{App: "geoip " + broken},
			want: []string{"geoip:", "broken.mmdb", "damaged", "fetch the file again"}},
		{name: "optional location database broken", setup: setup{App: "geoip " + broken + " optional"},
			want: []string{"geoip:", "broken.mmdb", "damaged"}},
		{name: "decision log that cannot be opened", setup: setup{App: "decision_log " + broken + "/decisions.log"},
			want: []string{"decision_log: opening", "broken.mmdb/decisions.log"}},
		{name: "connection string that cannot be read", setup: setup{App: "events postgres postgres://edge:s3cret@host:port/db"},
			want: []string{"events postgres: the DSN is neither", "write for example: events postgres postgres://user"}},
		{name: "tenant that is not entitled", old: `"signing_keys"`, new: `"tenants":["acme/*","*/staging"],"signing_keys"`,
			want: []string{"tenant default/production is not among the tenants of the experiments app", "add it there"}},
		{name: "tenant without environment", old: site, new: site + `,"tenant":"production"`,
			want: []string{`tenant "production": must be project/environment`}},
		{name: "tenant that leads out of the directory", old: site, new: site + `,"tenant":"../../etc"`,
			want: []string{`tenant "../../etc": must be project/environment`}},
		{name: "sticky too short", old: site, new: site + `,"sticky":"500ms"`,
			want: []string{"sticky: must be at least 1s, got 500ms"}},
		{name: "header with bad characters", old: site, new: site + `,"header":"X-Exp\r\nHost"`,
			want: []string{`header: "X-Exp\r\nHost" is no name of a header`, "header X-Experiment-Config"}},
		{name: "header that requests need", old: site, new: site + `,"header":"authorization"`,
			want: []string{"header: Authorization is needed for the request itself"}},
		{name: "subject without placeholder", old: site, new: site + `,"subject":"X-Device"`,
			want: []string{`subject: "X-Device" has no placeholder`, "write for example: subject {http.request.header.X-Device}"}},
		{name: "overrides", old: site, new: site + `,"overrides":"maybe"`,
			want: []string{`overrides: must be open, signed or off, got "maybe"`}},
		{name: "authorize path without slash", old: site, new: site + `,"authorize_paths":[""]`,
			want: []string{`authorize_path: "" must start with a slash`}},
		{name: "authorize path with wildcard", old: site, new: site + `,"authorize_paths":["/realms/*/auth"]`,
			want: []string{`authorize_path: "/realms/*/auth" would match nothing`}},
		{name: "unknown field of the site", old: site, new: site + `,"sticki":"1h"`,
			want: []string{`unknown field "sticki"`}},
		{name: "unknown field of the app", old: `"signing_keys"`, new: `"tennants":["acme/*"],"signing_keys"`,
			want: []string{`unknown field "tennants"`}},
		{name: "unknown field of the store", old: `"module":"file"`, new: `"module":"file","prefix":"x"`,
			want: []string{`unknown field "prefix"`}},
		{name: "unknown store", old: `"module":"file"`, new: `"module":"tape"`,
			want: []string{"experiments.stores.tape"}},
		{name: "store in a variable that is not set", old: e.Dir + "/experiments", new: "{env.EXPERIMENTS_TEST_UNSET}",
			want: []string{"store file: the directory {env.EXPERIMENTS_TEST_UNSET} is empty", "store file ./experiments"}},
		{name: "negative limit of active experiments", old: `"signing_keys"`, new: `"max_active_experiments":-1,"signing_keys"`,
			want: []string{"max_active_experiments: must be a whole number from 1, got -1"}},
		{name: "negative header budget", old: `"signing_keys"`, new: `"header_budget":-1,"signing_keys"`,
			want: []string{"header_budget: must be a whole number from 1, got -1"}},
		{name: "document size beyond memory", old: `"signing_keys"`, new: `"max_document_size":2147483648,"signing_keys"`,
			want: []string{"max_document_size: must be at most 1073741824"}},
		{name: "tenants without environment", old: `"signing_keys"`, new: `"tenants":["acme"],"signing_keys"`,
			want: []string{`tenants: "acme" names no tenants; write project/environment`}},
		{name: "decision log without writer", old: `"signing_keys"`, new: `"decision_log":{},"signing_keys"`,
			want: []string{"decision_log: has no writer"}},
	}
	jar, _ := cookiejar.New(nil)
	e.Get("/authorize", jar)
	before, references, variation := e.retriedStatus(), caddymodule.PoolReferences(), e.Provider.Last(t).Config(t)["variation_id"]
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			config := e.adapted(test.setup)
			if test.old != "" {
				config = []byte(replaced(t, string(config), test.old, test.new))
			}
			err := caddy.Load(config, true)
			if err == nil {
				t.Fatal("was loaded")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the refusal should say %q, it says\n%v", want, err)
				}
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the refusal has the password: %v", err)
			}
			e.Get("/authorize", jar)
			if got := e.Provider.Last(t).Config(t)["variation_id"]; got != variation {
				t.Errorf("afterwards the device has variation %v, before it had %v", got, variation)
			}
			sameJSON(t, "status", e.retriedStatus(), before, "last_contact")
			sameJSON(t, "references in the pool", caddymodule.PoolReferences(), references)
		})
	}
}

// A configuration that is only checked must leave no trace: it may be checked
// as another user, or on another machine than where it will run.
func TestValidateLeavesNothingBehind(t *testing.T) {
	e := startEdge(t, setup{})
	e.write("geo.mmdb", demoDatabase(t))
	if err := caddy.Stop(); err != nil {
		t.Fatal(err)
	}
	store := filepath.Join(e.Dir, "elsewhere")
	config := replaced(t, string(e.adapted(setup{NoKey: true, App: "geoip {dir}/geo.mmdb"})), e.Dir+"/experiments", store)
	validate := func() {
		var decoded caddy.Config
		if err := json.Unmarshal([]byte(config), &decoded); err != nil {
			t.Fatal(err)
		}
		if err := caddy.Validate(&decoded); err != nil {
			t.Fatal(err)
		}
	}
	validate() // what Caddy itself starts once
	goroutines := runtime.NumGoroutine()
	validate()
	e.Eventually(func() bool { return runtime.NumGoroutine() <= goroutines }, "goroutines are left over")
	if _, err := os.Stat(store); !os.IsNotExist(err) {
		t.Errorf("the store's directory exists: %v", err)
	}
	if references := caddymodule.PoolReferences(); len(references) > 0 {
		t.Errorf("the pool still has %v", references)
	}
}

func TestOptionalLocationDatabase(t *testing.T) {
	e := startEdge(t, setup{
		App:    "geoip {dir}/geo.mmdb optional",
		Global: "servers {\ntrusted_proxies static private_ranges\n}",
		Before: "request_header X-Country {http.experiments.country}",
	})
	country := func() string {
		e.Get("/", nil, "X-Forwarded-For", "192.0.2.7")
		return e.Provider.Last(t).Header.Get("X-Country")
	}
	if got := country(); got != "" {
		t.Errorf("without a database the country is %q", got)
	}
	if status := e.retriedStatus(); status["status"] != "healthy" || status["geoip"].(map[string]any)["loaded"] != false {
		t.Errorf("without a database the status is %v", status)
	}
	e.LogLines("caddy.log", 1, "there is no location database yet", "geo.mmdb")

	e.write("geo.mmdb", demoDatabase(t))
	e.Eventually(func() bool { return country() == "SE" }, "the database should be taken over")
	geoip := e.retriedStatus()["geoip"].(map[string]any)
	if geoip["loaded"] != true || geoip["type"] != "GeoLite2-City" || geoip["regions"] != true || geoip["last_error"] != nil {
		t.Errorf("with the database the status is %v", geoip)
	}

	e.write("geo.mmdb", []byte("<html>too many downloads</html>"))
	e.Eventually(func() bool { return e.retriedStatus()["status"] == "degraded" }, "a broken database should show in the status")
	if geoip := e.retriedStatus()["geoip"].(map[string]any); !strings.Contains(geoip["last_error"].(string), "web page") || geoip["loaded"] != true {
		t.Errorf("with a broken database the status is %v", geoip)
	}
	if got := country(); got != "SE" {
		t.Errorf("with a broken database the country is %q", got)
	}
	e.LogLines("caddy.log", 1, "location database not taken over", "web page")
}

// adapted gives the JSON of a setup that can be adapted.
func (e *edge) adapted(s setup) []byte {
	e.t.Helper()
	config, err := e.adapt(s)
	if err != nil {
		e.t.Fatal(err)
	}
	return config
}

// write puts a file into the edge's directory, and gives its path.
func (e *edge) write(name string, content []byte) string {
	e.t.Helper()
	path := filepath.Join(e.Dir, name)
	if err := os.WriteFile(path, content, fs.FileMode(0o644)); err != nil {
		e.t.Fatal(err)
	}
	return path
}

func demoDatabase(t *testing.T) []byte {
	t.Helper()
	content, err := os.ReadFile("../geo/testdata/demo.mmdb")
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// databaseOfType makes a sound database of any type.
func databaseOfType(t *testing.T, kind string) []byte {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: kind})
	if err != nil {
		t.Fatal(err)
	}
	var content bytes.Buffer
	if _, err := tree.WriteTo(&content); err != nil {
		t.Fatal(err)
	}
	return content.Bytes()
}

// sameJSON compares two values in JSON, without the fields of the given names.
func sameJSON(t *testing.T, what string, got, want any, without ...string) {
	t.Helper()
	text := func(value any) string {
		encoded, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		var decoded any
		if err := json.Unmarshal(encoded, &decoded); err != nil {
			t.Fatal(err)
		}
		strip(decoded, without)
		encoded, _ = json.Marshal(decoded)
		return string(encoded)
	}
	if got, want := text(got), text(want); got != want {
		t.Errorf("%s: is\n%s\nshould be\n%s", what, got, want)
	}
}

func strip(value any, names []string) {
	switch value := value.(type) {
	case map[string]any:
		for _, name := range names {
			delete(value, name)
		}
		for _, member := range value {
			strip(member, names)
		}
	case []any:
		for _, element := range value {
			strip(element, names)
		}
	}
}
