package clientedge

import (
	"os"
	"os/exec"
	"testing"
)

// Packages installs what the scripts of the test's directory import, as its lock
// file has it. Where that cannot be, the test is skipped.
func Packages(t *testing.T) {
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
		dir, _ := os.Getwd()
		t.Skipf("the npm packages cannot be installed (npm ci in %s): %v\n%s", dir, err, out)
	}
}

// Node runs a script of the test's directory, with more variables of its
// environment. It trusts the edge's authority and no other of ours.
func (e *Edge) Node(t *testing.T, script string, environment ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "node", script)
	command.Env = append(append(os.Environ(), "NODE_EXTRA_CA_CERTS="+e.authority()), environment...)
	out, err := command.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}
