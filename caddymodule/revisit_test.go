package caddymodule_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// counted sums what the metrics of a name have counted.
func (e *edge) counted(name string) (sum float64) {
	e.t.Helper()
	for sample, value := range e.metrics() {
		if base, _, _ := strings.Cut(sample, "{"); base == name {
			sum += value
		}
	}
	return sum
}

// A request can come to the directive more than once on its way: by an error
// route, as SECURITY.md advises, or by a route in a route. It is decided once.
func TestRequestIsDecidedOnce(t *testing.T) {
	failing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
		w.(http.Flusher).Flush() // without a length, which would stay where the answer is exchanged
	}))
	defer failing.Close()
	const again = "experiments {\noutcomes on\n}\nrequest_header X-Seen {http.experiments.variation_id}\nreverse_proxy {provider}\n"
	dead := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	tests := []struct{ name, site, named string }{
		{name: "once", site: again},
		{name: "an error route", site: "experiments {\noutcomes on\n}\nreverse_proxy " + dead + "\nhandle_errors {\n" + again + "}"},
		{name: "an error route of a provider that fails", site: "experiments {\noutcomes on\n}\nreverse_proxy " + failing.Listener.Addr().String() + " {\n@bad status 502\nhandle_response @bad {\nerror 503\n}\n}\nhandle_errors {\n" + again + "}"},
		{name: "an error route only", site: "error 503\nhandle_errors {\n" + again + "}"},
		{name: "twice in a route", site: "route {\nexperiments {\noutcomes on\n}\nexperiments {\noutcomes on\n}\n" + again + "}"},
		{name: "in the site and in a route", site: "experiments {\noutcomes on\n}\nroute {\n" + again + "}"},
		{name: "by invoke", site: "experiments {\noutcomes on\n}\ninvoke login", named: "&(login) {\nroute {\n" + again + "}\n}\n"},
		{name: "in the answer of a proxy", site: "experiments {\noutcomes on\n}\nreverse_proxy " + failing.Listener.Addr().String() + " {\n@bad status 502\nhandle_response @bad {\n" + again + "}\n}"},
		{name: "in an answer that is intercepted", site: "experiments {\noutcomes on\n}\nintercept {\n@bad status 502\nhandle_response @bad {\n" + again + "}\n}\nreverse_proxy " + failing.Listener.Addr().String()},
		{name: "in an error route, and its provider at the second try", site: "experiments {\noutcomes on\n}\nreverse_proxy " + dead + " {\nlb_retries 1\n}\nhandle_errors {\n" + strings.Replace(again, "{provider}", dead+" {provider} {\nlb_policy round_robin\nlb_retries 5\n}", 1) + "}"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := startEdge(t, setup{Store: map[string]string{"default/production": split}, Provider: logins})
			e.LoadText("log default {\noutput file {dir}/caddy.log\nformat json\n}", "events {dir}/events\ndecision_log {dir}/decisions.log",
				test.named+"http://:{port} {\nbind 127.0.0.1\nlog {\noutput file {dir}/access.log\nformat json\n}\n"+test.site+"\n}")
			const devices = 5
			decisions, timed := e.counted("caddy_experiments_decisions_total"), e.counted("caddy_experiments_decision_seconds_count")
			for range devices {
				jar := newJar()
				var config, exposure string
				for i, path := range []string{"/authorize?client_id=app", "/authorize?client_id=app", "/login", "/finish"} {
					response := e.browse(path, jar, "X-Experiment-Config", forgery, "X-Experiment-Exposure", forgery)
					got := e.Provider.Last(t)
					if i == 0 {
						config, exposure = got.Header.Get("X-Experiment-Config"), got.Header.Get("X-Experiment-Exposure")
					}
					cookies := strings.Join(response.Header["Set-Cookie"], "\n")
					want := map[bool]int{true: 1}[i == 0]
					// The carry has the beginning of the login in it.
					if carries := strings.Count(cookies, "experiment_carry="); carries != map[bool]int{true: 1}[i < 2] || strings.Count(cookies, "experiment_device=") != want {
						t.Errorf("%s: set\n%s", path, cookies)
					}
					if values := got.Header["X-Experiment-Config"]; len(values) != 1 || values[0] != config || !strings.Contains(config, got.Header.Get("X-Seen")) || got.Header.Get("X-Seen") == "" {
						t.Errorf("%s: the provider received %q and the placeholder %q, want %q", path, values, got.Header.Get("X-Seen"), config)
					}
					if values := got.Header["X-Experiment-Exposure"]; len(values) != 1 || values[0] != exposure || exposure == "" {
						t.Errorf("%s: the provider received the exposures %q, want %q", path, values, exposure)
					}
				}
			}
			records := e.awaitEvents(map[string]int{"exposure": devices, "split": 1, "s": devices, "login_ms": devices})
			exposures := 0
			for _, r := range records {
				if r.Variation != "" {
					exposures++
				}
			}
			if exposures != devices {
				t.Errorf("%d devices have %d exposures", devices, exposures)
			}
			if got := e.counted("caddy_experiments_decisions_total") - decisions; got != 4*devices {
				t.Errorf("%d requests were counted as %v", 4*devices, got)
			}
			if got := e.counted("caddy_experiments_decision_seconds_count") - timed; got != 2*devices {
				t.Errorf("%d decisions were timed as %v", 2*devices, got)
			}
			e.LogLines("decisions.log", 2*devices, "{")
			e.LogLines("caddy.log", devices, "experiment_assignment_succeeded")
			e.LogLines("access.log", 4*devices, "handled request")
			text, err := os.ReadFile(filepath.Join(e.Dir, "access.log"))
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(text)) {
				if strings.Count(line, `"device_type"`) != 1 {
					t.Errorf("a line of the access log is %s", line)
				}
			}
			// Whatever is still to be written has been, once another is.
			e.browse("/authorize?client_id=last", newJar())
			e.LogLines("decisions.log", 1, `"client_id":"last"`)
			if lines, ends := e.count("decisions.log", `{"time"`), e.count("decisions.log", `"type":"s"`); lines-ends != 2*devices+1 || ends != devices {
				t.Errorf("the decision log has %d lines, of which %d are ends of logins; want %d and %d", lines, ends, 3*devices+1, devices)
			}
			if lines := e.count("caddy.log", "experiment_assignment_succeeded"); lines > devices+1 {
				t.Errorf("the assignments of %d devices are announced %d times", devices+1, lines)
			}
		})
	}
}

// A directive of another tenant on the same request is another site, with a
// decision of its own for the same device. The provider is told what the last
// one says, and nothing of those before.
func TestRequestOfTwoTenants(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": split, "acme/staging": audience}})
	tests := []struct{ name, first, second, header, ours string }{
		{"another tenant", "", "tenant acme/staging", "X-Experiment-Config", "exp_Audience"},
		{"another tenant and header", "header Login-Variant", "tenant acme/staging\nheader X-Screen", "X-Screen", "exp_Audience"},
		{"another tenant and our prefix", "", "tenant acme/staging\nheader X-Screen", "X-Screen", "exp_Audience"},
		{"the same tenant and another header", "header Login-Variant", "header X-Screen", "X-Screen", "exp_Sp1it"},
		{"the same tenant and other options", "", "overrides off\nsticky 5m", "X-Experiment-Config", "exp_Sp1it"},
		{"another tenant without a decision", "", "tenant acme/none\nheader X-Screen", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e.LoadText("", "events {dir}/events", fmt.Sprintf(`http://:{port} {
	bind 127.0.0.1
	route {
		experiments {
			%s
		}
		experiments {
			%s
		}
		request_header X-Seen "{http.experiments.experiment_id}/{http.experiments.subject}"
		reverse_proxy {provider}
	}
}`, test.first, test.second))
			jar := newJar()
			for _, path := range []string{"/authorize?client_id=app", "/authorize?client_id=app", "/login"} {
				response := e.browse(path, jar)
				cookies := strings.Join(response.Header["Set-Cookie"], "\n")
				if strings.Count(cookies, "experiment_device=") > 1 || strings.Count(cookies, "experiment_carry=") > 1 {
					t.Errorf("%s: set\n%s", path, cookies)
				}
				got := e.Provider.Last(t).Header
				told := map[string][]string{}
				maps.Copy(told, got)
				maps.DeleteFunc(told, func(name string, _ []string) bool {
					return !isOurs(name) && name != "Login-Variant" && name != "X-Screen"
				})
				delete(told, "X-Experiment-Exposure")
				seen, subject, _ := strings.Cut(got.Get("X-Seen"), "/")
				if test.header == "" {
					if len(told) != 0 || seen != "" {
						t.Errorf("%s: the provider is told %v, and the placeholder %q", path, told, seen)
					}
					continue
				}
				if len(told) != 1 || len(told[test.header]) != 1 || !strings.Contains(told[test.header][0], test.ours) || seen != test.ours {
					t.Errorf("%s: the provider is told %v, and the placeholder %q", path, told, seen)
				}
				if exposure := got["X-Experiment-Exposure"]; len(exposure) != 1 {
					t.Errorf("%s: the provider is told the exposures %q", path, exposure)
				}
				device := ""
				for _, c := range jar.Cookies(mustParse(t, e.URL)) {
					if c.Name == "experiment_device" {
						device = strings.Split(c.Value, ".")[2]
					}
				}
				if subject != device {
					t.Errorf("%s: decided for %q, the device is %q", path, subject, device)
				}
			}
		})
	}
}
