package caddymodule_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	apiPath     = "/api/v2/experimentation"
	goodFlag    = `{"name": "good flag", "parameters": {"a": {"type": "boolean", "value": false}}}`
	goodFlagURL = "name=good+flag&parameters=%7B%22a%22%3A%7B%22type%22%3A%22boolean%22%2C%22value%22%3Afalse%7D%7D"
)

// What a page of somebody else can make a browser send, and what else is no
// bearer token, changes nothing and tells nothing.
func TestAPITakesOnlyBearerTokens(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": split}, Before: apiSetup})
	before := e.revision()
	const (
		evil     = "Origin: https://evil.example\r\nReferer: https://evil.example/page\r\n"
		asForm   = "Content-Type: application/x-www-form-urlencoded\r\n"
		asJSON   = "Content-Type: application/json\r\n"
		crossing = "Sec-Fetch-Site: cross-site\r\n"
	)
	tests := []struct{ name, method, path, lines, body string }{
		{"a form of another site", "POST", "/feature-flags", evil + crossing + asForm + "Sec-Fetch-Mode: navigate\r\n", goodFlagURL},
		{"a form of another site that says text", "POST", "/feature-flags", evil + crossing + "Content-Type: text/plain\r\n", goodFlag},
		{"a fetch of another site", "POST", "/feature-flags", evil + crossing + asJSON + "Sec-Fetch-Mode: no-cors\r\n", goodFlag},
		{"its question before", "OPTIONS", "/feature-flags", evil + crossing + "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: authorization, content-type\r\n", ""},
		{"its question to the private network", "OPTIONS", "/feature-flags", evil + "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Private-Network: true\r\n", ""},
		{"a name that now leads here", "POST", "/feature-flags", "Origin: http://idp\r\nSec-Fetch-Site: same-origin\r\n" + asJSON, goodFlag},
		{"the secret in a cookie", "POST", "/feature-flags", "Cookie: token=ci-secret; Authorization=Bearer ci-secret\r\n" + asJSON, goodFlag},
		{"the secret in the query", "POST", "/feature-flags?access_token=ci-secret&token=ci-secret", asJSON, goodFlag},
		{"the secret in the form", "POST", "/feature-flags", asForm, goodFlagURL + "&access_token=ci-secret"},
		{"the secret as a password", "POST", "/feature-flags", "Authorization: Basic Y2k6Y2ktc2VjcmV0\r\n" + asJSON, goodFlag},
		{"the secret in another header", "POST", "/feature-flags", "X-Api-Key: ci-secret\r\nProxy-Authorization: Bearer ci-secret\r\n" + asJSON, goodFlag},
		{"two tokens", "POST", "/feature-flags", "Authorization: Bearer ci-secret\r\nAuthorization: Bearer ci-secret\r\n" + asJSON, goodFlag},
		{"the name of the token", "POST", "/feature-flags", "Authorization: Bearer ci\r\n" + asJSON, goodFlag},
		{"another method by header", "POST", "/feature-flags", "X-HTTP-Method-Override: GET\r\n" + asJSON, goodFlag},
		{"reading", "GET", "/experiments", evil + crossing, ""},
		{"deleting", "DELETE", "/experiments/exp_Sp1it", evil + crossing, ""},
	}
	for _, host := range []string{"idp", "evil.example", "localhost", "127.0.0.1"} {
		for _, test := range tests {
			x := e.Raw(e.port, test.method+" "+apiPath+test.path+" HTTP/1.1\r\nHost: "+host+"\r\n"+test.lines+
				fmt.Sprintf("Content-Length: %d\r\n\r\n", len(test.body))+test.body, false)
			if x.Status != http.StatusUnauthorized || len(x.Received) != 0 {
				t.Errorf("%s at %s: answered %d; %d requests reached the provider", test.name, host, x.Status, len(x.Received))
			}
			for name := range x.Header {
				if strings.HasPrefix(name, "Access-Control-") || name == "Set-Cookie" {
					t.Errorf("%s: the answer has %s: %q", test.name, name, x.Header[name])
				}
			}
			if strings.Contains(string(x.Body), "exp_") || strings.Contains(string(x.Body), "split") {
				t.Errorf("%s: the answer tells of an experiment", test.name)
			}
		}
	}
	if e.revision() != before {
		t.Error("something has been written")
	}
}

// A token is for one tenant: of the others it neither sees nor changes anything.
func TestTokensStayInTheirTenant(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": split}, Before: apiSetup})
	before := e.revision()
	for _, path := range []string{"/experiments/exp_Sp1it", "/feature-flags/flg_Screen", "/feature-flags/flg_Screen/variations/var_Base"} {
		for _, method := range []string{"GET", "PATCH", "DELETE"} {
			body := ""
			if method == "PATCH" {
				body = `{"name": "taken over"}`
			}
			status, answer := e.call(method, path, "other-secret", body)
			if status != http.StatusNotFound && (method != "DELETE" || status != http.StatusNoContent) { // what is not there is deleted
				t.Errorf("%s %s of another tenant answered %d %v", method, path, status, answer)
			}
		}
	}
	if status, answer := e.call("POST", "/experiments/exp_Sp1it/status", "other-secret", `{"status": "paused"}`); status != http.StatusNotFound {
		t.Errorf("pausing another tenant's experiment answered %d %v", status, answer)
	}
	if status, answer := e.call("GET", "/experiments", "other-secret", ""); status != http.StatusOK || strings.Contains(fmt.Sprint(answer), "exp_") {
		t.Errorf("the list answered %d %v", status, answer)
	}
	if status, _ := e.call("POST", "/feature-flags", "other-secret", goodFlag); status != http.StatusCreated {
		t.Errorf("writing into its own tenant answered %d", status)
	}
	if e.revision() != before {
		t.Error("the other tenant's document has changed")
	}
	e.Get("/authorize", nil)
	if e.Provider.Last(t).Config(t) == nil {
		t.Error("the other tenant's experiment is gone")
	}
}

// A body that is too large is not read, and one that does not come to its end
// holds up nobody but its sender.
func TestAPIBodies(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": split}, Before: apiSetup})
	before := e.revision()
	huge := `{"name": "` + strings.Repeat("x", 10<<20) + `"}`
	for token, want := range map[string]int{"ci-secret": http.StatusBadRequest, "nobody": http.StatusUnauthorized} {
		x := e.Raw(e.port, fmt.Sprintf("POST %s/feature-flags HTTP/1.1\r\nHost: idp\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", apiPath, token, len(huge))+huge, false)
		// The connection may be closed before the answer has been read.
		if x.Status != want && x.Status != 0 {
			t.Errorf("10 MB with the token %s: answered %d", token, x.Status)
		}
	}
	var slow []net.Conn
	for range 50 {
		connection, err := net.Dial("tcp", strings.TrimPrefix(e.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		_, _ = io.WriteString(connection, "PATCH "+apiPath+"/experiments/exp_Sp1it HTTP/1.1\r\nHost: idp\r\nAuthorization: Bearer ci-secret\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
		slow = append(slow, connection)
	}
	time.Sleep(50 * time.Millisecond)
	begun := time.Now()
	e.made("/feature-flags", goodFlag)
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("beside %d bodies that do not end, a write took %v", len(slow), took)
	}
	for _, connection := range slow {
		connection.Close()
	}
	time.Sleep(50 * time.Millisecond)
	if got := e.revision(); got != before+1 {
		t.Errorf("the revision is %v, was %v before one good write", got, before)
	}
}

// Whoever guesses tokens gets nowhere, and takes nothing from those who have
// one, nor from the logins beside.
func TestGuessingTokensDisturbsNobody(t *testing.T) {
	e := startEdge(t, setup{Store: map[string]string{"default/production": split}, Before: strings.Replace(apiSetup, "experiments_api {", "experiments_api {\nrate_limit 100 200", 1)})
	const guesses, guessers = 2000, 8
	var (
		mu       sync.Mutex
		statuses = map[int]int{}
		running  sync.WaitGroup
	)
	transport := &http.Transport{MaxIdleConnsPerHost: guessers}
	defer transport.CloseIdleConnections()
	tick := time.NewTicker(time.Millisecond) // 1,000 a second
	defer tick.Stop()
	for g := range guessers {
		running.Go(func() {
			for i := range guesses / guessers {
				<-tick.C
				request, _ := http.NewRequest(http.MethodGet, e.URL+apiPath+"/experiments", nil)
				request.Header.Set("Authorization", fmt.Sprintf("Bearer guess-%d-%d", g, i))
				response, err := transport.RoundTrip(request)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, response.Body)
				response.Body.Close()
				mu.Lock()
				statuses[response.StatusCode]++
				mu.Unlock()
			}
		})
	}
	done := make(chan struct{})
	go func() { running.Wait(); close(done) }()
	var logins []time.Duration
	for guessing := true; guessing; {
		select {
		case <-done:
			guessing = false
		default:
		}
		begun := time.Now()
		if response := e.Get("/authorize", nil); response.StatusCode != http.StatusOK || e.Provider.Last(t).Config(t) == nil {
			t.Fatalf("a login is answered %d", response.StatusCode)
		}
		logins = append(logins, time.Since(begun))
		if len(logins)%20 == 0 {
			if status, _ := e.call(http.MethodGet, "/experiments", "ci-secret", ""); status != http.StatusOK {
				t.Errorf("a good token is answered %d", status)
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	mu.Lock()
	defer mu.Unlock()
	if statuses[http.StatusUnauthorized]+statuses[http.StatusTooManyRequests] != guesses || statuses[http.StatusTooManyRequests] == 0 {
		t.Errorf("the guesses are answered %v", statuses)
	}
	slices.Sort(logins)
	t.Logf("%v; %d logins meanwhile, the median in %v, 99 of 100 in %v", statuses, len(logins), logins[len(logins)/2], logins[len(logins)*99/100])
	if median := logins[len(logins)/2]; median > 100*time.Millisecond {
		t.Errorf("half of the logins took %v or more", median)
	}
}
