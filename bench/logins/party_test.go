package logins

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// The client that both providers know.
const (
	clientID     = "logins"
	clientSecret = "a-secret-of-the-tests-that-is-long-enough"
)

// party is a relying party: an application that people log in to.
type party struct {
	provider *oidc.Provider
	config   oauth2.Config
	client   *http.Client // of its back channel
	pushed   string       // endpoint of pushed authorization requests
	logout   string       // endpoint of logouts
}

// discover reads what a provider says of itself, as the world sees it.
func discover(t testing.TB, issuer string, client *http.Client) *party {
	t.Helper()
	provider, err := oidc.NewProvider(oidc.ClientContext(t.Context(), client), issuer)
	if err != nil {
		t.Fatalf("discovering: %v", err)
	}
	var more struct {
		Pushed string `json:"pushed_authorization_request_endpoint"`
		Logout string `json:"end_session_endpoint"`
	}
	if err := provider.Claims(&more); err != nil {
		t.Fatal(err)
	}
	return &party{provider: provider, client: client, pushed: more.Pushed, logout: more.Logout, config: oauth2.Config{
		ClientID: clientID, ClientSecret: clientSecret, RedirectURL: callback,
		Endpoint: provider.Endpoint(), Scopes: []string{oidc.ScopeOpenID, "email"},
	}}
}

// flow is a way to log in.
type flow struct {
	name   string
	method string
	pushed bool       // by a pushed authorization request
	extra  url.Values // parameters besides those that OpenID asks for
}

// outcome is what a login ends with for the application.
type outcome struct {
	Error  string // of the provider, in the callback
	Claims []string
	Email  string
	token  string // the ID token, verified
}

// login has somebody log in. An error is a login that failed by no decision of
// the provider.
func (p *party) login(ctx context.Context, v *visitor, f flow) (outcome, error) {
	state, nonce, verifier := rand.Text(), rand.Text(), oauth2.GenerateVerifier()
	address, err := url.Parse(p.config.AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier)))
	if err != nil {
		return outcome{}, err
	}
	parameters := address.Query()
	for name, values := range f.extra {
		parameters[name] = append(parameters[name], values...)
	}
	if f.pushed {
		if parameters, err = p.push(ctx, parameters); err != nil {
			return outcome{}, err
		}
	}
	address.RawQuery = ""
	var request *http.Request
	if f.method == http.MethodPost {
		request, err = posted(address.String(), parameters)
	} else {
		address.RawQuery = parameters.Encode()
		request, err = http.NewRequest(http.MethodGet, address.String(), nil)
	}
	if err != nil {
		return outcome{}, err
	}
	back, err := v.travel(ctx, request)
	if err != nil {
		return outcome{}, err
	}
	if !strings.HasPrefix(back.String(), callback) {
		return outcome{}, fmt.Errorf("the login ends at %s", back)
	}
	answer := back.Query()
	if got := answer["state"]; len(got) != 1 || got[0] != state {
		return outcome{}, fmt.Errorf("the state is %q and not %q", got, state)
	}
	if reason := answer.Get("error"); reason != "" {
		return outcome{Error: reason}, nil
	}
	return p.exchange(ctx, answer.Get("code"), nonce, verifier)
}

// push sends the parameters on the back channel, and gives those that stand for
// them.
func (p *party) push(ctx context.Context, parameters url.Values) (url.Values, error) {
	request, err := posted(p.pushed, parameters)
	if err != nil {
		return nil, err
	}
	request.SetBasicAuth(p.config.ClientID, p.config.ClientSecret)
	response, err := p.client.Do(request.WithContext(ctx))
	if err != nil {
		return nil, fmt.Errorf("pushing: %w", err)
	}
	defer response.Body.Close()
	var answer struct {
		RequestURI string `json:"request_uri"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || response.StatusCode != http.StatusCreated {
		return nil, fmt.Errorf("pushing is answered %s (%v)", response.Status, err)
	}
	return url.Values{"client_id": {p.config.ClientID}, "request_uri": {answer.RequestURI}}, nil
}

// exchange redeems the code and verifies what comes for it.
func (p *party) exchange(ctx context.Context, code, nonce, verifier string) (outcome, error) {
	ctx = oidc.ClientContext(ctx, p.client)
	token, err := p.config.Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		return outcome{}, fmt.Errorf("redeeming the code: %w", err)
	}
	text, ok := token.Extra("id_token").(string)
	if !ok {
		return outcome{}, errors.New("there is no ID token")
	}
	verified, err := p.provider.Verifier(&oidc.Config{ClientID: p.config.ClientID}).Verify(ctx, text)
	if err != nil {
		return outcome{}, fmt.Errorf("verifying the ID token: %w", err)
	}
	if verified.Nonce != nonce {
		return outcome{}, fmt.Errorf("the nonce is %q and not %q", verified.Nonce, nonce)
	}
	information, err := p.provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return outcome{}, fmt.Errorf("asking for the user: %w", err)
	}
	if information.Subject != verified.Subject {
		return outcome{}, fmt.Errorf("the user is %q and not %q", information.Subject, verified.Subject)
	}
	claims := map[string]any{}
	if err := verified.Claims(&claims); err != nil {
		return outcome{}, fmt.Errorf("reading the claims: %w", err)
	}
	return outcome{Claims: names(claims), Email: information.Email, token: text}, nil
}

// leave has somebody log out, and tells whether that ends at the application.
func (p *party) leave(ctx context.Context, v *visitor, token string) error {
	const farewell, state = "https://client.example/farewell", "leaving"
	query := url.Values{"id_token_hint": {token}, "client_id": {p.config.ClientID}, "post_logout_redirect_uri": {farewell}, "state": {state}}
	request, err := http.NewRequest(http.MethodGet, p.logout+"?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	back, err := v.travel(ctx, request)
	if err != nil {
		return err
	}
	if want := farewell + "?state=" + state; back.String() != want {
		return fmt.Errorf("the logout ends at %s", back)
	}
	return nil
}
