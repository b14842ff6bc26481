package caddymodule_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func (e *edge) stored(tenant string) string {
	e.t.Helper()
	text, err := os.ReadFile(filepath.Join(e.Dir, "experiments", tenant+".json"))
	if err != nil {
		e.t.Fatal(err)
	}
	return string(text)
}

// meaning decodes a document without its revision.
func meaning(t testing.TB, text string) string {
	t.Helper()
	var document map[string]any
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	delete(document, "revision")
	again, _ := json.Marshal(document)
	return string(again)
}

func TestExportIsTheDocument(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": split, "acme/test": audience}})
	if got := e.Command("", "export"); got.code != 0 || got.out != split || !strings.Contains(got.log, "default/production, revision 1") {
		t.Errorf("it exits with %d, %d bytes of %d, and says %s", got.code, len(got.out), len(split), got.log)
	}
	got := e.Command("", "export", "--tenant", "acme/test", "-o", "document.json")
	if text, err := os.ReadFile(filepath.Join(e.Dir, "document.json")); err != nil || string(text) != audience || got.out != "" || got.code != 0 {
		t.Errorf("into a file it exits with %d: %v", got.code, err)
	}
	if got := e.Command("", "export", "--tenant", "acme/none"); got.code != 1 || got.out != "" || !strings.Contains(got.log, "acme/none has no document") {
		t.Errorf("of nothing it exits with %d: %s", got.code, got.log)
	}
}

// An export that is imported again changes nothing but the revision.
func TestExportAndImportAreInverse(t *testing.T) {
	for name, document := range map[string]string{"split": split, "audience": audience, "several": several} {
		e := startEdge(t, setup{Store: map[string]string{"default/production": document}})
		if got := e.Command(e.Command("", "export").out, "import", "-"); got.code != 0 || !strings.Contains(got.out, "revision 2 replaces revision 1") || strings.Contains(got.out, " 1 changed") {
			t.Fatalf("%s: importing exits with %d: %s%s", name, got.code, got.out, got.log)
		}
		first := e.stored("default/production")
		if name != "several" && !strings.Contains(first, `"revision": 2`) {
			t.Errorf("%s: the revision is not kept", name)
		}
		e.Command(first, "import", "-")
		if second := e.stored("default/production"); meaning(t, first) != meaning(t, second) {
			t.Errorf("%s: the second time the document is another", name)
		}
	}
}

// What is imported decides the very next request, and is audited.
func TestImport(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": withStatus(t, split, "paused")}})
	e.Get("/authorize", nil)
	if e.Provider.Last(t).Config(t) != nil {
		t.Fatal("a paused experiment assigns")
	}
	path := e.write("new.json", []byte(replaced(t, replaced(t, split, `"var_Base", "weight": 50`, `"var_Base", "weight": 0`), `"var_Passkey", "weight": 50`, `"var_Passkey", "weight": 100`)))
	got := e.Command("", "import", path, "--revision", "1")
	e.Get("/authorize", nil)
	if config := e.Provider.Last(t).Config(t); config["variation_id"] != "var_Passkey" {
		t.Errorf("the next request gets %v", config["variation_id"])
	}
	for _, line := range []string{
		"default/production: revision 2 replaces revision 1\n", "feature flags: 0 added, 0 changed, 0 removed, 1 the same\n",
		"experiments: 0 added, 1 changed, 0 removed, 0 the same\n", "exp_Sp1it: active, assigns devices\n",
	} {
		if !strings.Contains(got.out, line) {
			t.Errorf("it does not print %q but\n%s", line, got.out)
		}
	}
	event := e.LogLines("caddy.log", 1, "experiment_configuration_changed")[0]
	if event["operation"] != "import_document" || event["tenant"] != "default/production" || event["token"] != "admin" ||
		event["revision_before"] != 1.0 || event["revision_after"] != 2.0 || event["client_address"] != "127.0.0.1" {
		t.Errorf("the audit says %v", event)
	}
	if got := e.Command("", "import", path, "--revision", "1"); got.code != 1 || !strings.Contains(got.log, "is at revision 2, not 1") {
		t.Errorf("of an older revision it exits with %d: %s", got.code, got.log)
	}
	if got := e.Command(audience, "import", "-"); got.code != 0 || !strings.Contains(got.out, "experiments: 1 added, 0 changed, 1 removed, 0 the same") {
		t.Errorf("of another document it exits with %d: %s%s", got.code, got.out, got.log)
	}
	if got := e.Command(split, "import", "-", "--tenant", "acme/new"); got.code != 0 || !strings.Contains(got.out, "acme/new: revision 1 replaces revision 0") {
		t.Errorf("for a new tenant it exits with %d: %s%s", got.code, got.out, got.log)
	}
}

func TestImportRepairsABrokenDocument(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": `{"experiments": 7}`}})
	if got := e.Command("", "export"); got.code != 0 || got.out != `{"experiments": 7}` {
		t.Errorf("a broken document is exported with %d", got.code)
	}
	if got := e.Command(split, "import", "-"); got.code != 0 || !strings.Contains(got.out, "could not be read") {
		t.Errorf("importing over it exits with %d: %s", got.code, got.log)
	}
	if e.state() != "healthy" {
		t.Errorf("the edge is %s", e.state())
	}
}

// A refused import changes nothing.
func TestImportRefuses(t *testing.T) {
	faulty := replaced(t, replaced(t, split, `"var_Base", "weight": 50`, `"var_Base", "weight": 500`), `"feature_flag_id": "flg_Screen"`, `"feature_flag_id": "flg_Nowhere"`)
	e := startEdge(t, setup{App: "tenants default/*\nmax_document_size 4KB", Store: map[string]string{"default/production": split}})
	tests := []struct {
		name, body, query string
		status            int
		words             []string
	}{
		{"no JSON", "{", "", 400, []string{"line 1", "not JSON", "nothing has been changed"}},
		{"faults", strings.Replace(split, `"weight": 50`, `"weight": 500`, 2), "", 400, []string{"experiments[0].allocations[0].weight", "experiments[0].allocations[1].weight", "between 0 and 100"}},
		{"an unknown flag", replaced(t, split, `"feature_flag_id": "flg_Screen"`, `"feature_flag_id": "flg_Nowhere"`), "", 400, []string{"experiments[0].feature_flag_id", "flg_Nowhere"}},
		{"too large", split + strings.Repeat(" ", 5000), "", 413, []string{"max_document_size"}},
		{"another revision", split, "?revision=3", 409, []string{"revision 1, not 3"}},
		{"no revision", split, "?revision=x", 400, []string{"whole number"}},
		{"no tenant", split, "?tenant=x", 400, []string{"project/environment"}},
		{"a tenant that is not entitled", split, "?tenant=acme/test", 403, []string{"acme/test"}},
	}
	for _, test := range tests {
		status, body := e.put("/experiments/document"+test.query, test.body)
		if status != test.status {
			t.Errorf("%s: answered with %d %.300s", test.name, status, body)
		}
		for _, word := range test.words {
			if !strings.Contains(body, word) {
				t.Errorf("%s: the answer does not have %q: %.300s", test.name, word, body)
			}
		}
	}
	if status, _ := e.admin(http.MethodDelete, "/experiments/document"); status != http.StatusMethodNotAllowed {
		t.Errorf("DELETE is answered with %d", status)
	}
	got := e.Command(faulty, "import", "-")
	if got.code != 1 || strings.Count(got.out, "line ") < 1 || !strings.Contains(got.log, "nothing has been changed") {
		t.Errorf("the command exits with %d: %s%s", got.code, got.out, got.log)
	}
	if e.stored("default/production") != split || e.revision() != 1 {
		t.Error("a refused import has changed the document")
	}
}

func TestImportWhileTheStoreIsAway(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": split}})
	place := filepath.Join(e.Dir, "experiments", "default")
	if err := os.RemoveAll(place); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(place, nil, 0o644); err != nil {
		t.Fatal(err) // a file in the place of the directory, so that nothing below it can be reached
	}
	if status, body := e.put("/experiments/document", split); status != http.StatusServiceUnavailable || !strings.Contains(body, "experiment_store_unavailable") {
		t.Errorf("importing is answered with %d %s", status, body)
	}
	if status, body := e.admin(http.MethodGet, "/experiments/document"); status != http.StatusServiceUnavailable || !strings.Contains(body, "cannot be reached") {
		t.Errorf("exporting is answered with %d %s", status, body)
	}
	expect(t, e.Diagnose("default/production", "exp_Sp1it"), "traffic", "status", "ok", "active")
}

// put sends a document to the admin API.
func (e *edge) put(path, body string) (int, string) {
	e.t.Helper()
	request, err := http.NewRequest(http.MethodPut, e.Admin+path, strings.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	response := e.Do(request, nil)
	text, err := io.ReadAll(response.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	return response.StatusCode, string(text)
}
