package caddymodule_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
)

// A provider may come back to its authorization endpoint in the middle of a
// login, with parameters of its own. An override lasts until the login's end.
func TestOverrideLastsWhereTheLoginResumes(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": split}})
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		path string
		same bool // as what was forced
	}{
		{"/authorize?client_id=a&experiment_id=exp_Sp1it&variation_id=var_Spare", true},
		{"/authorize?req=1234&hmac=abcd", true},
		{"/login", true},
		{"/authorize?req=1234&hmac=abcd", true},
		{"/authorize?client_id=a", false},
		{"/authorize?client_id=a&experiment_id=exp_Sp1it&variation_id=var_Spare", true},
		{"/authorize?request_uri=urn:1", false},
		{"/authorize?client_id=a&experiment_id=exp_Sp1it&variation_id=var_Spare", true},
		{"/authorize", false},
	} {
		e.Get(step.path, jar)
		if got := e.Provider.Last(t).Config(t)["variation_id"]; (got == "var_Spare") != step.same || got == nil {
			t.Errorf("%s: the provider is told of %v", step.path, got)
		}
	}
}

// A browser does not send SameSite=Lax cookies with a form that another site
// posts. What it has must not be taken from it.
func TestFormOfAnotherSite(t *testing.T) {
	post := func(e *edge, site string, cookies ...*http.Cookie) *http.Response {
		request, err := http.NewRequest(http.MethodPost, e.URL+"/authorize", strings.NewReader(url.Values{"client_id": {"a"}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if site != "" {
			request.Header.Set("Sec-Fetch-Site", site)
		}
		for _, cookie := range cookies {
			request.AddCookie(cookie)
		}
		return e.Do(request, nil)
	}
	e := startEdge(t, setup{Store: map[string]string{"default/production": split}})
	if response := post(e, "cross-site"); len(response.Cookies()) > 0 || e.Provider.Last(t).Config(t) != nil {
		t.Errorf("a form of another site is given %v and %v", response.Cookies(), e.Provider.Last(t).Config(t))
	}
	var device []*http.Cookie
	for _, site := range []string{"", "none", "same-site", "same-origin"} {
		response := post(e, site)
		if device = response.Cookies(); len(device) != 2 || e.Provider.Last(t).Config(t) == nil {
			t.Errorf("from %q: a form is given %v", site, device)
		}
	}
	// With the cookie it is known who asks.
	if post(e, "cross-site", device...); e.Provider.Last(t).Config(t) == nil {
		t.Error("a form of another site with the device's cookies gets no experiment")
	}
	named := startEdge(t, setup{Store: map[string]string{"default/production": split}, Site: "subject {header.User-Agent}"})
	if post(named, "cross-site"); named.Provider.Last(t).Config(t) == nil {
		t.Error("a form of another site gets no experiment where the subject needs no cookie")
	}
}
