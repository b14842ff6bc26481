package logins

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// needNode gives node, and skips the test where it or its packages are missing.
func needNode(t testing.TB) string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is missing; ./test.sh installs it")
	}
	if _, err := os.Stat("node_modules/oidc-provider/package.json"); err != nil {
		t.Skip("the npm packages are missing; ./test.sh installs them, as does `npm ci --ignore-scripts` in bench/logins")
	}
	return node
}

// provided are oidc-providers by the origin that the world sees them at.
type provided struct {
	keys map[string]string // files with the private key of the client
	more []string          // environment
}

// start starts an oidc-provider.
func (p *provided) start(t testing.TB, origin string) string {
	t.Helper()
	node, dir, port := needNode(t), t.TempDir(), freePort(t)
	script, err := filepath.Abs("provider.mjs")
	if err != nil {
		t.Fatal(err)
	}
	keys := filepath.Join(dir, "keys.json")
	if p.keys == nil {
		p.keys = map[string]string{}
	}
	p.keys[origin] = keys
	environment := append(clientEnvironment(origin, keys), fmt.Sprint("PORT=", port))
	program := run(t, dir, append(environment, p.more...), node, script)
	address := fmt.Sprintf("http://127.0.0.1:%d", port)
	program.answers(address + "/.well-known/openid-configuration")
	return address
}

func clientEnvironment(issuer, keys string) []string {
	return []string{
		"ISSUER=" + issuer, "KEYS=" + keys, "CLIENT_ID=" + clientID, "CLIENT_SECRET=" + clientSecret,
		"CALLBACK=" + callback, "FAREWELL=https://client.example/farewell", "NODE_ENV=production",
	}
}

// The flows that go-oidc goes through.
var providerFlows = append(dexFlows[:len(dexFlows):len(dexFlows)],
	flow{name: "PAR", method: http.MethodGet, pushed: true},
	flow{name: "14 KB parameter", method: http.MethodGet, extra: url.Values{"long": {strings.Repeat("a", 14000)}}},
)

func TestOIDCProvider(t *testing.T) {
	needNode(t)
	var p provided
	edge := startFront(t, setup{experiments: true}, p.start)
	bare := startFront(t, setup{}, p.start)
	t.Run("go-oidc", func(t *testing.T) { compare(t, edge, bare, "", providerFlows) })
	t.Run("openid-client", func(t *testing.T) {
		ours, theirs := startClient(t, edge, p.keys), startClient(t, bare, p.keys)
		for _, name := range clientFlows {
			t.Run(name, func(t *testing.T) { compareClients(t, ours, theirs, name) })
		}
	})
}

// client is client.mjs at a front.
type client struct {
	*front
	input  *bufio.Writer
	output *bufio.Scanner
}

func startClient(t *testing.T, f *front, keys map[string]string) *client {
	t.Helper()
	command := exec.Command(needNode(t), "client.mjs")
	command.Env = append(os.Environ(), clientEnvironment(f.origin(), keys[f.origin()])...)
	command.Stderr = os.Stderr
	input, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		input.Close()
		_ = command.Wait() // its answers have told
	})
	c := &client{f, bufio.NewWriter(input), bufio.NewScanner(output)}
	if !c.output.Scan() || c.output.Text() != "ready" {
		t.Fatalf("the client at %s does not start: %s", f.origin(), c.output.Text())
	}
	return c
}

// answer is what client.mjs says of a flow.
type answer struct {
	Flow     string
	Failed   string
	Outcomes []clientOutcome
	Hops     []string
}

type clientOutcome struct {
	Error, Email, Farewell string
	Page                   int
	Claims                 []string
}

// try has the client go through a flow, and gives what the provider received
// and how many devices were given a variation.
func (c *client) try(t *testing.T, name string) (answer, []received, int) {
	t.Helper()
	before, assigned := c.upstream.count(), c.assignments()
	fmt.Fprintln(c.input, name)
	if err := c.input.Flush(); err != nil {
		t.Fatal(err)
	}
	if !c.output.Scan() {
		t.Fatalf("the client has ended: %v", c.output.Err())
	}
	var a answer
	if err := json.Unmarshal(c.output.Bytes(), &a); err != nil {
		t.Fatalf("the client says %s: %v", c.output.Bytes(), err)
	}
	if a.Flow != name || a.Failed != "" {
		t.Fatalf("at %s: %+v", c.origin(), a)
	}
	return a, c.upstream.since(before), c.assignments() - assigned
}

// The flows that openid-client goes through, as client.mjs names them.
var clientFlows = []string{
	"GET", "POST", "PAR", "PAR and POST", "JAR", "JAR and POST",
	"prompt=none cold", "prompt=none by POST cold", "prompt=none in PAR cold", "prompt=none in JAR cold",
	"prompt=none warm", "prompt=none by POST warm",
	"duplicate unknown parameter", "duplicate unknown parameter by POST", "duplicate state",
	"9 KB", "9 KB by POST", "address of 15.8 KB", "15.8 KB by POST", "override", "override by POST", "override beside PAR", "override beside JAR", "logout",
}

// What flows end with that do not simply log in.
var ends = map[string]func(last clientOutcome) bool{
	"prompt=none cold":         needsLogin,
	"prompt=none by POST cold": needsLogin,
	"prompt=none in PAR cold":  needsLogin,
	"prompt=none in JAR cold":  needsLogin,
	"duplicate state":          func(o clientOutcome) bool { return o.Error == "invalid_request" },
	"logout":                   needsLogin, // afterwards
}

func needsLogin(o clientOutcome) bool { return o.Error == "login_required" }

func compareClients(t *testing.T, ours, theirs *client, name string) {
	with, received, assigned := ours.try(t, name)
	without, bare, _ := theirs.try(t, name)
	if !reflect.DeepEqual(with, without) {
		t.Errorf("with the edge %+v, without %+v", with, without)
	}
	same(t, "what the provider received", text(received, ours.port), text(bare, theirs.port))
	last := with.Outcomes[len(with.Outcomes)-1]
	if good := ends[name]; good == nil && last.Email != typed["login"] || good != nil && !good(last) {
		t.Errorf("it ends with %+v", last)
	}
	if name == "logout" && with.Outcomes[1].Farewell != "https://client.example/farewell?state=leaving" {
		t.Errorf("the logout ends with %+v", with.Outcomes[1])
	}
	a, header := attempt{received: received, assigned: assigned}, "any"
	switch name {
	case "prompt=none cold", "prompt=none by POST cold":
		a.carries(t, 0, "")
		return
	case "address of 15.8 KB":
		// The header might be what makes it too long for the provider.
		a.carries(t, 0, "")
		return
	case "prompt=none in PAR cold", "prompt=none in JAR cold":
		// Only the provider can know that these are silent.
	case "override", "override by POST", "override beside PAR", "override beside JAR":
		header = fmt.Sprintf(`{"experiment_id":%q,"variation_id":%q,"is_control":false,"config":{"headline":{"value":"Welcome back"}}}`, experiment, after)
	}
	a.carries(t, 1, header)
}
