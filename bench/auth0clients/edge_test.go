package auth0clients

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

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "auth0clients-*")
	if err != nil {
		panic(err)
	}
	programs = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// edge is a Caddy whose certificates are from its own authority, with a site that
// has the API and nothing else.
type edge struct {
	dir, host string
}

const configuration = `{
	admin off
	auto_https disable_redirects
	local_certs
	skip_install_trust
	storage file_system {dir}/storage
	grace_period 1s
	experiments {
		store file {dir}/experiments
	}
}
https://localhost:{port} {
	experiments_api {
		client writer writer-secret
		client reader reader-secret read:experimentation
	}
}
`

func startEdge(t *testing.T) *edge {
	t.Helper()
	caddy, err := built()
	if err != nil {
		t.Fatal(err)
	}
	ports := freePorts(t, 1)
	e := &edge{t.TempDir(), "localhost:" + ports[0]}
	text := strings.NewReplacer("{dir}", e.dir, "{port}", ports[0]).Replace(configuration)
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
	e.await(t, ports)
	return e
}

// authority is the certificate that clients have to trust.
func (e *edge) authority() string {
	return filepath.Join(e.dir, "storage", "pki", "authorities", "local", "root.crt")
}

// await waits until the edge listens and has an authority.
func (e *edge) await(t *testing.T, ports []string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		_, err := os.Stat(e.authority())
		for _, port := range ports {
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
