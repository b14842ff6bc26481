package auth0clients

import (
	"os"
	"os/exec"
	"testing"
)

// TestNodeSDK logs in with client credentials and calls what the SDK has of
// experiments.
func TestNodeSDK(t *testing.T) { node(t, "sdk.mjs") }

// TestGeneratedClient has a client written from the document that the edge serves,
// checks that TypeScript accepts a program that uses it, and runs that.
func TestGeneratedClient(t *testing.T) { node(t, "generated.mjs") }

// node runs a script against an edge of its own. It trusts the edge's authority
// and no other of ours.
func node(t *testing.T, script string) {
	packages(t)
	e := startEdge(t)
	command := exec.CommandContext(t.Context(), "node", script)
	command.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+e.authority(), "HOST="+e.host)
	out, err := command.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}

// packages installs what the scripts import, as the lock file has it.
func packages(t *testing.T) {
	t.Helper()
	for _, name := range []string{"node", "npm"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is missing; ./test.sh installs it", name)
		}
	}
	if exec.Command("npm", "ls").Run() == nil {
		return
	}
	if out, err := exec.Command("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund").CombinedOutput(); err != nil {
		t.Skipf("the npm packages cannot be installed (npm ci in bench/auth0clients): %v\n%s", err, out)
	}
}
