package clientedge

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// built is a Caddy with the plugin. CADDY=<file> takes one that is there already.
var built = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("CADDY"); path != "" {
		return filepath.Abs(path)
	}
	path := filepath.Join(programs, "caddy")
	command := exec.Command("go", "build", "-o", path, "./caddymodule/cmd/caddy")
	command.Dir = "../.."
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building Caddy: %w\n%s", err, out)
	}
	return path, nil
})

// programs is the directory of what the tests build.
var programs string

// Main runs the tests of a package two directories below that of the plugin; its
// TestMain calls nothing else.
func Main(m *testing.M) {
	dir, err := os.MkdirTemp("", "clientedge-*")
	if err != nil {
		panic(err)
	}
	programs = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// Edge is a Caddy whose certificates are from its own authority.
type Edge struct {
	dir   string
	ports []string
}

// global are the options of every edge. Those of experiments follow.
const global = `{
	admin off
	auto_https disable_redirects
	local_certs
	skip_install_trust
	storage file_system {dir}/storage
	grace_period 1s
	experiments {
		store file {dir}/experiments
		{experiments}
	}
}
`

// Start starts an edge until the test ends, with more options of experiments, if
// there are any, and with sites. In both texts {dir} is a directory of the edge, and
// each name in braces a port that is free.
func Start(t *testing.T, experiments, sites string, names ...string) *Edge {
	t.Helper()
	caddy, err := built()
	if err != nil {
		t.Fatal(err)
	}
	e := &Edge{t.TempDir(), freePorts(t, len(names))}
	text := strings.Replace(global, "{experiments}", experiments, 1) + sites
	text = strings.ReplaceAll(text, "{dir}", e.dir)
	for i, name := range names {
		text = strings.ReplaceAll(text, "{"+name+"}", e.ports[i])
	}
	file, log := filepath.Join(e.dir, "Caddyfile"), filepath.Join(e.dir, "log")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	output, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	command := exec.Command(caddy, "run", "--config", file, "--adapter", "caddyfile")
	command.Env = append(os.Environ(), "HOME="+e.dir, "XDG_DATA_HOME="+e.dir, "XDG_CONFIG_HOME="+e.dir)
	command.Stdout, command.Stderr = output, output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Signal(os.Interrupt)
		_ = command.Wait() // how it ends is of no interest here
		if t.Failed() {
			text, _ := os.ReadFile(log)
			t.Logf("Caddy said:\n%s", text)
		}
	})
	e.await(t)
	return e
}

// Host is where the site of a port is, which is named by its place among those of
// Start.
func (e *Edge) Host(place int) string { return "localhost:" + e.ports[place] }

// authority is the certificate that clients have to trust.
func (e *Edge) authority() string {
	return filepath.Join(e.dir, "storage", "pki", "authorities", "local", "root.crt")
}

// await waits until the edge listens and has an authority.
func (e *Edge) await(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		_, err := os.Stat(e.authority())
		for _, port := range e.ports {
			if err == nil {
				var connection net.Conn
				if connection, err = net.Dial("tcp", "localhost:"+port); err == nil {
					connection.Close()
				}
			}
		}
		if err == nil {
			return
		}
	}
	t.Fatal("the edge did not start within a minute")
}

func freePorts(t *testing.T, n int) []string {
	t.Helper()
	var ports []string
	for range n {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close() // only when all of them are found
		_, port, _ := net.SplitHostPort(listener.Addr().String())
		ports = append(ports, port)
	}
	return ports
}
