package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

const (
	chromeOnLinux = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36"
	aProgram      = "curl/8.5.0"
)

// visitor is a person at the demo with a browser.
type visitor struct {
	*example
	jar   http.CookieJar
	agent string
}

// open returns the page at an address of the demo after its redirects, and the
// address of that page.
func (v *visitor) open(method, host, path string) (page, address string) {
	v.t.Helper()
	client := http.Client{Jar: v.jar, Timeout: patience, Transport: localhost{v.port}}
	request, err := http.NewRequest(method, v.url(host, path), nil)
	if err != nil {
		v.t.Fatal(err)
	}
	request.Header.Set("User-Agent", v.agent)
	response, err := client.Do(request)
	if err != nil {
		v.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return string(text), response.Request.URL.String()
}

// localhost is a transport that takes every host for this machine: not every
// resolver knows *.localhost.
type localhost struct{ port int }

func (l localhost) RoundTrip(r *http.Request) (*http.Response, error) {
	sent := r.Clone(r.Context())
	sent.Host, sent.URL.Host = r.URL.Host, fmt.Sprintf("127.0.0.1:%d", l.port)
	response, err := http.DefaultTransport.RoundTrip(sent)
	if err == nil {
		response.Request = r
	}
	return response, err
}

// said is the text of a paragraph of a page, by its id.
func said(page, id string) string {
	match := regexp.MustCompile(`(?s)<p id="` + id + `">(.*?)</p>`).FindStringSubmatch(page)
	if match == nil {
		return page
	}
	return strings.TrimSpace(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(match[1], ""))
}

// A newcomer sees a variation at the first address, and what the pages say of it
// is true.
func TestDemoPages(t *testing.T) {
	x := newExample(t)
	person := func(agent string) *visitor { return &visitor{example: x, jar: newJar(), agent: agent} }
	t.Run("the first page", func(t *testing.T) {
		for host, want := range map[string]string{
			"localhost":                 "Because chance chose var_Pass",
			"segments.localhost":        "Because no segment is for a computer at a place that the location database does not have: all others get var_EveryoneDemo.",
			"us-phone.localhost":        "Because this is a phone in US/WA: the segment seg_UsPhonesDemo gets var_PhonesDemo.",
			"swedish-desktop.localhost": "Because this is a computer in SE/AB: the segment seg_NordicDesktopsDemo gets var_NordicDemo.",
		} {
			v := person(chromeOnLinux)
			page, address := v.open(http.MethodGet, host, "/")
			if !strings.HasSuffix(address, "/authorize?client_id=demo") || !strings.HasPrefix(said(page, "why"), want) {
				t.Errorf("%s leads to %s, which says %q", host, address, said(page, "why"))
			}
			if strings.Contains(page, "(nothing)") {
				t.Errorf("%s: the first page is in no experiment", host)
			}
			done, address := v.open(http.MethodPost, host, "/done")
			if u, err := url.Parse(address); err != nil || u.Hostname() != "app.localhost" {
				t.Errorf("%s: the login ends at %s", host, address)
			}
			if again := `href="` + x.url(host, "/authorize?client_id=demo") + `"`; !strings.Contains(done, again) {
				t.Errorf("%s: logging in again is not %s", host, again)
			}
		}
	})

	counted := func() (logins float64) {
		var r reported
		if err := json.Unmarshal([]byte(x.command("results", "exp_PasskeyDemo", "--json")), &r); err != nil {
			t.Fatal(err)
		}
		for _, result := range r.Metrics[0].TreatmentResults {
			logins += result.EventValuesSum
		}
		return logins
	}
	// The one above at localhost is counted, when it has arrived.
	const before = 1
	for deadline := time.Now().Add(patience); counted() != before; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%v logins are counted after the first", counted())
		}
	}
	for _, login := range []struct {
		name, agent, first, end string
		counts                  bool
		says                    string
	}{
		{"of a program", aProgram, "/authorize", "/done", false, "The edge takes your browser for a program, and programs are left out of the results"},
		{"forced", chromeOnLinux, "/authorize?experiment_id=exp_PasskeyDemo&variation_id=var_PasskeyFirst", "", false, "The variation of this login was forced, so the results"},
		{"without a beginning", chromeOnLinux, "/password", "/done", false, "No experiment was part of this login"},
		{"that fails", chromeOnLinux, "/", "/cancel", false, "The edge saw this redirect pass and noted it"},
		{"that succeeds", chromeOnLinux, "/", "/done", true, "The edge saw this redirect pass and noted it"},
	} {
		t.Run("a login "+login.name, func(t *testing.T) {
			v := person(login.agent)
			page, _ := v.open(http.MethodGet, "localhost", login.first)
			end := login.end
			if end == "" { // as the page's own form says
				end = regexp.MustCompile(`action="([^"]+)"`).FindStringSubmatch(page)[1]
			}
			done, _ := v.open(http.MethodPost, "localhost", end)
			if got := said(done, "counted"); !strings.HasPrefix(got, login.says) {
				t.Errorf("the application says %q", got)
			}
			if !login.counts {
				return
			}
			for deadline := time.Now().Add(patience); counted() <= before; time.Sleep(50 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("the login that should count never did")
				}
			}
		})
	}
	time.Sleep(time.Second) // as long as events take to arrive
	if got := counted(); got != before+1 {
		t.Errorf("%v logins are counted, %v were before: only one more should be", got, before)
	}
	t.Run("the results that the application names", func(t *testing.T) {
		for _, arguments := range [][]string{{"passkey-prompt"}, {"welcome-by-audience", "--tenant", "default/segments"}} {
			if table := x.command(append([]string{"results"}, arguments...)...); !strings.Contains(table, "login") {
				t.Errorf("%v:\n%s", arguments, table)
			}
		}
	})
	t.Run("nothing of a query becomes markup", func(t *testing.T) {
		const hostile = `%22%3E%3Cscript%3Ealert(1)%3C/script%3E`
		for _, address := range []struct{ host, path string }{
			{"app.localhost", "/?error=" + hostile}, {"app.localhost", "/?code=1&experiment=" + hostile}, {"app.localhost", "/?code=1&iss=" + hostile},
			{"localhost", "/authorize?client_id=" + hostile}, {"localhost", "/password?forced=" + hostile},
		} {
			if page, _ := person(chromeOnLinux).open(http.MethodGet, address.host, address.path); strings.Contains(page, "<script") || strings.Contains(page, `"">`) {
				t.Errorf("%s%s is in the page as it is", address.host, address.path)
			}
		}
		if page, _ := person(chromeOnLinux).open(http.MethodGet, "app.localhost", "/?code=1&iss=http://evil.example"); strings.Contains(page, "evil") {
			t.Error("the application links to a provider that is none of the demo's")
		}
	})
}
