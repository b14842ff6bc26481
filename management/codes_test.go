package management

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestCodesAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), CodesMarkdown()) {
		t.Errorf("docs/api.md does not have the table of error codes; it is\n%s", CodesMarkdown())
	}
	form := regexp.MustCompile(`^[a-z]+(_[a-z]+)+$`)
	for name, code := range codes {
		if !form.MatchString(name) || http.StatusText(code.Status) == "" || code.Status == http.StatusInternalServerError || code.Message == "" {
			t.Errorf("%s: %+v", name, code)
		}
	}
}

func TestOperationsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	for pattern, route := range newSite(t, nil).api.routes {
		for method, operation := range route.operations {
			row := "| `" + method + "` | `/" + strings.TrimPrefix(pattern, Prefix) + "` | `" + operation.id + "` | " + strings.TrimSuffix(string(operation.scope), ":experimentation") + " |"
			if !strings.Contains(string(text), row) {
				t.Errorf("docs/api.md does not have the row %s", row)
			}
		}
	}
}
