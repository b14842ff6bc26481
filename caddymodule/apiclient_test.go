package caddymodule_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// granted asks an edge for an access token and returns it with the status and
// the error of the answer.
func (e *edge) granted(id, secret string) (token string, status int, problem string) {
	e.t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}, "audience": {"https://idp/api/v2/"}}
	request, err := http.NewRequest(http.MethodPost, e.URL+"/oauth/token", strings.NewReader(form.Encode()))
	if err != nil {
		e.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response := e.Do(request, nil)
	var answer struct {
		Token string `json:"access_token"`
		Error string `json:"error"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		e.t.Fatal(err)
	}
	return answer.Token, response.StatusCode, answer.Error
}

// An edge grants its clients tokens, which end with what they were granted for:
// the client, its secret, and the signing key.
func TestClientCredentials(t *testing.T) {
	t.Setenv("EXPERIMENTS_TEST_CLIENT", "the secret")
	const (
		client  = "client terraform {env.EXPERIMENTS_TEST_CLIENT}"
		newKey  = "fedcba9876543210fedcba9876543210"
		oldKeys = "signing_key " + testKey
	)
	with := func(options, app string) setup {
		return setup{App: app, Before: "experiments_api {\n" + options + "\n}"}
	}
	first := with(client+" {\nname infrastructure\n}\nclient reader pass read:experimentation", oldKeys)
	e := startEdge(t, first)
	token, status, _ := e.granted("terraform", "the secret")
	if status != http.StatusOK {
		t.Fatalf("the token is answered %d", status)
	}
	if _, status, problem := e.granted("terraform", "{env.EXPERIMENTS_TEST_CLIENT}"); status != http.StatusUnauthorized || problem != "invalid_client" {
		t.Errorf("a wrong secret is answered %d %s", status, problem)
	}
	if status, answer := e.call(http.MethodPost, "/feature-flags", token, goodFlag); status != http.StatusCreated {
		t.Fatalf("the token's write is answered %d %v", status, answer)
	}
	if lines := e.LogLines("caddy.log", 1, "experiment_configuration_changed"); lines[0]["token"] != "infrastructure" {
		t.Errorf("the audit says %v", lines[0])
	}
	reader, _, _ := e.granted("reader", "pass")
	if status, _ := e.call(http.MethodPost, "/feature-flags", reader, goodFlag); status != http.StatusForbidden {
		t.Errorf("a reader's write is answered %d", status)
	}
	for _, test := range []struct {
		name   string
		config setup
		status int
	}{
		{"the same again", first, http.StatusOK},
		{"without the client", with("client reader pass", oldKeys), http.StatusUnauthorized},
		{"with tokens alone", with("token x", oldKeys), http.StatusUnauthorized},
		{"another secret", with("client terraform other", oldKeys), http.StatusUnauthorized},
		{"a new key in front", with(client, "signing_key "+newKey+" "+testKey), http.StatusOK},
		{"another key", with(client, "signing_key "+newKey), http.StatusUnauthorized},
		{"another tenant", with(client+" {\ntenant acme/staging\n}", oldKeys), http.StatusUnauthorized},
		{"a tenant that may not", setup{App: oldKeys + "\ntenants acme/*", Site: "tenant acme/staging", Before: "experiments_api {\n" + client + "\n}"}, http.StatusForbidden},
	} {
		if err := e.Load(test.config); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if status, answer := e.call(http.MethodGet, "/feature-flags", token, ""); status != test.status {
			t.Errorf("%s: answered %d %v", test.name, status, answer)
		}
	}
}

// What the signing key has signed for another end lets no one in.
func TestAccessTokensHaveTheirOwnPurpose(t *testing.T) {
	e := startEdge(t, setup{
		Store: map[string]string{"default/production": split}, Site: "overrides signed",
		Before: "experiments_api {\nclient terraform pass\n}",
	})
	jar := newJar()
	e.Get("/authorize", jar)
	var shown []string
	address, _ := url.Parse(e.URL)
	for _, cookie := range jar.Cookies(address) {
		shown = append(shown, cookie.Value)
	}
	request, _ := http.NewRequest(http.MethodPost, e.Admin+"/experiments/token", strings.NewReader(`{"experiment_id":"exp_Sp1it"}`))
	response := e.Do(request, nil)
	var answer map[string]any
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer["experiment_token"] == nil {
		t.Fatalf("the token for an override is answered %s %v", response.Status, answer)
	}
	shown = append(shown, answer["experiment_token"].(string))
	if len(shown) < 3 {
		t.Fatalf("only %d things are signed", len(shown))
	}
	token, _, _ := e.granted("terraform", "pass")
	parts := strings.Split(token, ".")
	for _, other := range shown {
		signature := other[strings.LastIndex(other, ".")+1:]
		for _, text := range []string{other, parts[0] + "." + parts[1] + "." + signature} {
			if status, _ := e.call(http.MethodGet, "/experiments", text, ""); status != http.StatusUnauthorized {
				t.Errorf("%s is answered %d", text, status)
			}
		}
	}
	// Nor is an access token one for an override.
	e.Get("/authorize?experiment_id=exp_Sp1it&experiment_token="+token, nil)
	if log := e.LogLines("caddy.log", 1, "experiment_assignment_succeeded"); log[len(log)-1]["source"] == "override" {
		t.Error("an access token allows an override")
	}
}
