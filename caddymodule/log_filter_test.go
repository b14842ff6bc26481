package caddymodule_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// filterOf gives the format of the logs that a document or example recommends.
func filterOf(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(strings.ReplaceAll(string(text), "\n      ", "\n"), "format filter {") // it can be part of a list
	format, _, ended := strings.Cut(after, "\t\t}\n\t}\n")
	if !found || !ended {
		t.Fatalf("%s has no filter of a log", file)
	}
	return "format filter {" + format + "}\n"
}

// With the filters that the example and the documentation have, nothing of a
// login is in any log, also not where Caddy logs that a provider failed.
func TestRecommendedFiltersKeepSecrets(t *testing.T) {
	for _, file := range []string{"../caddyfile.example", "../docs/production.md"} {
		t.Run(filepath.Base(file), func(t *testing.T) {
			port := freePort(t)
			filter := filterOf(t, file)
			e := startEdge(t, setup{
				Store:  map[string]string{"default/production": several},
				Global: "servers {\ntrusted_proxies static 127.0.0.0/8\ntrusted_proxies_strict\n}\nlog errors {\noutput file {dir}/errors.log\ninclude http.log.error http.handlers\n" + filter + "}",
				Before: fmt.Sprintf("}\nhttp://:%d {\nbind 127.0.0.1\nlog {\noutput file {dir}/filtered.log\n%s}\nexperiments\n", port, filter),
				Provider: func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Query().Get("fail") != "" {
						panic(http.ErrAbortHandler)
					}
					w.Header().Set("Location", "https://app.example/callback?code=S3CRETcode&state=S3CRETstate")
					w.Header().Add("Set-Cookie", "session=S3CRETsession")
					w.WriteHeader(http.StatusFound)
				},
			})
			query := url.Values{"client_id": {"spa"}}
			for name, value := range secrets {
				query.Set(name, value)
			}
			e.URL = fmt.Sprintf("http://127.0.0.1:%d", port)
			header := []string{"Cookie", "session=S3CRETcookie", "Authorization", "Bearer S3CRETbearer", "X-Forwarded-For", "198.51.100.7",
				"Referer", "https://app.example/?code=S3CRETreferer", "User-Agent", "S3CRET agent of 198.51.100.7"}
			for _, more := range []string{"", "&fail=1", "&experiment_id=exp_Nobody", "&fail=1&variation_id=a%0d%0ab"} {
				e.Get("/authorize?"+query.Encode()+more, nil, header...)
				e.Get("/callback?"+query.Encode()+more, nil, header...)
			}
			lines := e.LogLines("filtered.log", 8, `"status":`)
			e.LogLines("errors.log", 4, `"level":"error"`)
			if request := lines[0]["request"].(map[string]any); request["uri"] != "/authorize" || request["client_ip"] != "198.51.0.0" {
				t.Errorf("the request is logged as %.500v", request)
			}
			for _, name := range []string{"filtered.log", "errors.log"} {
				text, err := os.ReadFile(filepath.Join(e.Dir, name))
				if err != nil {
					t.Fatal(err)
				}
				for line := range strings.Lines(string(text)) {
					if strings.Contains(line, "S3CRET") || strings.Contains(line, "198.51.100.7") {
						t.Errorf("%s has %.700s", name, line)
					}
				}
			}
		})
	}
}
