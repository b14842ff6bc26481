package caddymodule_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-experiments/caddy-experiments/caddymodule"
)

// environ is the environment that the tests were started in.
var environ = os.Environ()

func TestMain(m *testing.M) {
	if os.Getenv(commandVariable) != "" { // a test runs Caddy's command line
		caddycmd.Main()
		return
	}
	home, err := os.MkdirTemp("", "caddy-home-*")
	if err != nil {
		panic(err)
	}
	for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"} {
		os.Setenv(name, home)
	}
	// Caddy has looked up its own places before.
	caddy.ConfigAutosavePath = filepath.Join(home, "autosave.json")
	caddy.DefaultStorage.Path = filepath.Join(home, "caddy")
	code := m.Run()
	os.RemoveAll(home)
	os.Exit(code)
}

// patience is how long a test waits for what has to happen: longer than it takes
// on the busiest machine.
const patience = time.Minute

const testKey = "0123456789abcdef0123456789abcdef"

// edge is a real Caddy in this process, in front of a provider that writes down
// what it receives. There can be one at a time.
type edge struct {
	t        testing.TB
	URL      string // of the site with experiments
	Bare     string // of a site with the provider behind nothing but Caddy
	Admin    string
	Dir      string
	Provider *provider

	port, barePort, adminPort int
}

// setup says what differs from the simplest edge. The texts are Caddyfile; {dir}
// stands for the edge's directory.
type setup struct {
	Global   string            // global options
	App      string            // options of the experiments app
	Site     string            // options of the experiments directive
	Before   string            // directives of the site besides
	Store    map[string]string // documents by tenant
	NoKey    bool              // leave signing_key out
	Provider http.HandlerFunc  // answers instead of an empty 200
}

func startEdge(t testing.TB, s setup) *edge {
	t.Helper()
	e := &edge{t: t, Dir: t.TempDir(), Provider: newProvider(t, s.Provider), port: freePort(t), barePort: freePort(t), adminPort: freePort(t)}
	e.URL = fmt.Sprintf("http://127.0.0.1:%d", e.port)
	e.Bare = fmt.Sprintf("http://127.0.0.1:%d", e.barePort)
	e.Admin = fmt.Sprintf("http://127.0.0.1:%d", e.adminPort)
	for tenant, document := range s.Store {
		e.WriteDocument(tenant, document)
	}
	if err := e.Load(s); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = caddy.Stop() })
	return e
}

// Load puts a configuration in force, as a reload does.
func (e *edge) Load(s setup) error {
	config, err := e.adapt(s)
	if err != nil {
		return err
	}
	return caddy.Load(config, true)
}

func (e *edge) adapt(s setup) ([]byte, error) {
	if !s.NoKey && !strings.Contains(s.App, "signing_key") {
		s.App += "\nsigning_key " + testKey
	}
	if !strings.Contains(s.App, "store ") {
		s.App += "\nstore file {dir}/experiments"
	}
	text := fmt.Sprintf(`{
	admin 127.0.0.1:%d
	auto_https off
	grace_period 2s
	log {
		output file {dir}/caddy.log
		format json
	}
	%s
	experiments {
		%s
	}
}
http://:%d {
	bind 127.0.0.1
	log {
		output file {dir}/access.log
		format json
	}
	experiments {
		%s
	}
	%s
	reverse_proxy %s
}
http://:%d {
	bind 127.0.0.1
	reverse_proxy %s
}
`, e.adminPort, s.Global, s.App, e.port, s.Site, s.Before, e.Provider.Address(), e.barePort, e.Provider.Address())
	text = strings.ReplaceAll(text, "{dir}", e.Dir)
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), map[string]any{"filename": "Caddyfile"})
	return config, err
}

// WriteDocument replaces a tenant's document by hand, in place.
func (e *edge) WriteDocument(tenant, document string) {
	e.t.Helper()
	path := filepath.Join(e.Dir, "experiments", tenant+".json")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		e.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(document), 0o644); err != nil {
		e.t.Fatal(err)
	}
}

// Get asks the edge, with the cookies of jar if there is one, and gives the
// response with its body read.
func (e *edge) Get(path string, jar http.CookieJar, header ...string) *http.Response {
	e.t.Helper()
	request, err := http.NewRequest(http.MethodGet, e.URL+path, nil)
	if err != nil {
		e.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			request.Host = header[i+1]
		}
		request.Header.Add(header[i], header[i+1])
	}
	return e.Do(request, jar)
}

func (e *edge) Do(request *http.Request, jar http.CookieJar) *http.Response {
	e.t.Helper()
	client := http.Client{Jar: jar, Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	// A connection that the old listener has not accepted before a reload is reset.
	for tries := 0; err != nil && request.Body == nil && isReset(err) && tries < 5; tries++ {
		response, err = client.Do(request)
	}
	if err != nil {
		e.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response
}

func isReset(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) }

// LogLines waits until a log has at least n lines that contain all of the words,
// and gives those lines decoded.
func (e *edge) LogLines(file string, n int, words ...string) []map[string]any {
	e.t.Helper()
	var found []map[string]any
	e.Eventually(func() bool {
		text, _ := os.ReadFile(filepath.Join(e.Dir, file))
		found = nil
	lines:
		for line := range strings.Lines(string(text)) {
			if !strings.HasSuffix(line, "\n") {
				break // it is being written
			}
			for _, word := range words {
				if !strings.Contains(line, word) {
					continue lines
				}
			}
			var decoded map[string]any
			if err := json.Unmarshal([]byte(line), &decoded); err != nil {
				e.t.Fatalf("%s: a line is no JSON: %v: %s", file, err, line)
			}
			found = append(found, decoded)
		}
		return len(found) >= n
	}, "%s should have %d lines with %q", file, n, words)
	return found
}

// Status reads /experiments/status.
func (e *edge) Status() map[string]any {
	e.t.Helper()
	response, err := http.Get(e.Admin + "/experiments/status")
	if err != nil {
		e.t.Fatal(err)
	}
	defer response.Body.Close()
	var status map[string]any
	if err := json.NewDecoder(response.Body).Decode(&status); err != nil {
		e.t.Fatal(err)
	}
	return status
}

// Eventually waits up to half a minute for a condition.
func (e *edge) Eventually(condition func() bool, format string, args ...any) {
	e.t.Helper()
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			e.t.Fatalf(format, args...)
		}
	}
}

// freePort gives a port that nobody listens on. No test is given one that another
// had: the system hands out again what is free at the moment.
func freePort(t testing.TB) int {
	t.Helper()
	for {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := listener.Addr().(*net.TCPAddr).Port
		listener.Close()
		if _, given := givenPorts.LoadOrStore(port, true); !given {
			return port
		}
	}
}

var givenPorts sync.Map // int → true

// exchange is a request sent as raw bytes, and what came of it.
type exchange struct {
	Interim  []int // statuses before the final one
	Status   int   // 0 if the connection was closed without an answer
	Header   http.Header
	Body     []byte
	Received []received // by the provider
}

// Raw sends bytes to a port as they are and reads the answer. The first word
// should be the method. With hangUp the client goes away after the last byte.
func (e *edge) Raw(port int, request string, hangUp bool) exchange {
	e.t.Helper()
	before := e.Provider.Count()
	connection, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), patience)
	if err != nil {
		e.t.Fatal(err)
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(20 * time.Second))
	go func() {
		// A server that has heard enough stops reading.
		_, _ = io.WriteString(connection, request)
		if hangUp {
			_ = connection.(*net.TCPConn).CloseWrite()
		}
	}()
	var x exchange
	method, _, _ := strings.Cut(request, " ")
	reader := bufio.NewReader(connection)
	for {
		response, err := http.ReadResponse(reader, &http.Request{Method: method})
		if err != nil {
			break
		}
		if response.StatusCode < 200 {
			x.Interim = append(x.Interim, response.StatusCode)
			continue
		}
		x.Status, x.Header = response.StatusCode, response.Header
		x.Body, _ = io.ReadAll(response.Body)
		break
	}
	x.Received = e.Provider.Since(before)
	return x
}

// Both sends the same bytes to the site with experiments and to the bare one.
func (e *edge) Both(request string) (ours, bare exchange) {
	e.t.Helper()
	return e.Raw(e.port, request, false), e.Raw(e.barePort, request, false)
}

// Since gives the requests after the first n.
func (p *provider) Since(n int) []received {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.received[n:])
}

// isOurs reports by the contract's own words which names only the edge may use.
func isOurs(name string) bool { return strings.HasPrefix(variable(name), "X_EXPERIMENT_") }

// variable is what servers make of a header's name at most: upper case, and '_'
// for every byte that is no letter or digit.
func variable(name string) string {
	b := []byte(name)
	for i, c := range b {
		switch {
		case 'a' <= c && c <= 'z':
			b[i] = c - 'a' + 'A'
		case c < '0' || c > '9' && c < 'A' || c > 'Z':
			b[i] = '_'
		}
	}
	return string(b)
}

// Text writes down everything about a request but the headers and trailers of
// ours, so that two requests can be compared.
func (r received) Text(ours func(string) bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s host %s length %d %q\n", r.Method, r.RequestURI, r.Proto, r.Host, r.ContentLength, r.TransferEncoding)
	for _, part := range []struct {
		name   string
		values http.Header
	}{{"header", r.Header}, {"trailer", r.Trailer}} {
		for _, name := range slices.Sorted(maps.Keys(part.values)) {
			if !ours(name) {
				fmt.Fprintf(&b, "%s %s: %q\n", part.name, name, part.values[name])
			}
		}
	}
	fmt.Fprintf(&b, "body %q\n", r.Body)
	return b.String()
}

// Text writes down an exchange but for what is ours.
func (x exchange) Text(ours func(string) bool) string {
	var b strings.Builder
	// The provider's consent to a body and Caddy's own can both arrive.
	fmt.Fprintf(&b, "answer %v %d\n", slices.Compact(slices.Clone(x.Interim)), x.Status)
	for _, name := range slices.Sorted(maps.Keys(x.Header)) {
		values := slices.DeleteFunc(slices.Clone(x.Header[name]), func(value string) bool {
			return name == "Set-Cookie" && strings.HasPrefix(value, "experiment_")
		})
		if name != "Date" && len(values) > 0 {
			fmt.Fprintf(&b, "  %s: %q\n", name, values)
		}
	}
	fmt.Fprintf(&b, "  %q\n", x.Body)
	for _, r := range x.Received {
		b.WriteString("received " + r.Text(ours))
	}
	return b.String()
}
