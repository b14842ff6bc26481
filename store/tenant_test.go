package store_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/store"
	"github.com/caddy-experiments/caddy-experiments/store/file"
)

func TestParseTenant(t *testing.T) {
	long := strings.Repeat("x", 64)
	for _, test := range []struct {
		name, project, environment string
	}{
		{"default/production", "default", "production"},
		{"a/b", "a", "b"},
		{"0/9", "0", "9"},
		{"Acme.Inc/eu-west_1", "Acme.Inc", "eu-west_1"},
		{"a./b-", "a.", "b-"},
		{"a..b/c..d", "a..b", "c..d"},
		{"production.json/production.json", "production.json", "production.json"},
		{long + "/" + long, long, long},
	} {
		tenant, err := store.ParseTenant(test.name)
		if err != nil || tenant.Project() != test.project || tenant.Environment() != test.environment {
			t.Errorf("%q: %q and %q, %v", test.name, tenant.Project(), tenant.Environment(), err)
		}
		want := filepath.Join("dir", test.project, test.environment+".json")
		if path := file.New("dir", 0).Path(tenant); path != want {
			t.Errorf("%q: is kept in %s, want %s", test.name, path, want)
		}
	}
	if tenant, err := store.ParseTenant(string(store.DefaultTenant)); err != nil || tenant != store.DefaultTenant {
		t.Errorf("the default tenant: %q, %v", tenant, err)
	}
}

func TestParseTenantRefuses(t *testing.T) {
	long := strings.Repeat("x", 65)
	for _, name := range []string{
		"", "/", "a", "a/", "/b", "a/b/c", "a//b", "a/b/", "/a/b",
		".", "..", "../..", "../b", "a/..", "./b", "a/.", "../../etc/passwd", "a/../../b", "..a/b",
		".hidden/b", "a/.hidden", "-a/b", "a/-b", "_a/b", "a/_b",
		`a\b`, `a/b\c`, `a/..\c`, "C:/b", "a/b:c",
		"a b/c", "a/b c", " a/b", "a/b ", "a/b\n", "\na/b", "a\x00/b", "a/b\x00", "a/b\r",
		"ä/b", "a/日", "a/b?", "a/b*", "*/*", "a/{b}", "a/%2e%2e", "a%2fb", "a/b;c", "a/$b", "a/\xff",
		long + "/b", "a/" + long,
	} {
		tenant, err := store.ParseTenant(name)
		if err == nil || tenant != "" {
			t.Errorf("%q is accepted as %q", name, tenant)
		} else if !strings.HasPrefix(err.Error(), "tenant ") || strings.ContainsAny(err.Error(), "\n\r\x00") {
			t.Errorf("%q: the error is %q", name, err)
		}
	}
}
