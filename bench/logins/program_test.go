package logins

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// programs is the directory of what the tests build.
var programs string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "logins-*")
	if err != nil {
		panic(err)
	}
	programs = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// Go's own cache keeps the parts of both between runs. CADDY=<file> takes a
// binary that is there already.
var (
	builtDex   = sync.OnceValues(func() (string, error) { return build(".", "github.com/dexidp/dex/cmd/dex") })
	builtCaddy = sync.OnceValues(func() (string, error) {
		if path := os.Getenv("CADDY"); path != "" {
			return filepath.Abs(path)
		}
		return build("../..", "./caddymodule/cmd/caddy")
	})
)

func build(dir, name string) (string, error) {
	path := filepath.Join(programs, filepath.Base(name))
	command := exec.Command("go", "build", "-o", path, name)
	command.Dir = dir
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", name, err, out)
	}
	return path, nil
}

// need gives what is built, once for all tests.
func need(t testing.TB, name string, built func() (string, error)) string {
	t.Helper()
	if testing.Short() {
		t.Skip("building providers takes minutes; not with -short")
	}
	t.Logf("building %s; that takes minutes when Go has not built it before", name)
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// program is a process that ends with the test.
type program struct {
	t       testing.TB
	command *exec.Cmd
	log     string
	ended   chan struct{} // closed when it has
}

// run starts a program, its output in a file of its directory.
func run(t testing.TB, dir string, environment []string, name string, arguments ...string) *program {
	t.Helper()
	p := &program{t: t, command: exec.Command(name, arguments...), log: filepath.Join(dir, filepath.Base(name)+".out"), ended: make(chan struct{})}
	output, err := os.Create(p.log)
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	p.command.Dir = dir
	p.command.Env = append(append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir), environment...)
	p.command.Stdout, p.command.Stderr = output, output
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.command.Wait() // its output says more than how it ended
		close(p.ended)
	}()
	t.Cleanup(p.end)
	return p
}

func (p *program) end() {
	_ = p.command.Process.Signal(os.Interrupt)
	select {
	case <-p.ended:
	case <-time.After(5 * time.Second):
		_ = p.command.Process.Kill()
		<-p.ended
	}
}

// patience is how long a program may take to start on a machine that is busy
// with others.
const patience = 2 * time.Minute

// answers waits until a program answers at a URL.
func (p *program) answers(url string) {
	p.t.Helper()
	client := http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{TLSClientConfig: anyCertificate(), DisableKeepAlives: true}}
	err := errors.New("not asked yet")
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		select {
		case <-p.ended:
			p.t.Fatalf("it has ended:\n%s", readAll(p.t, p.log))
		default:
		}
		var response *http.Response
		if response, err = client.Get(url); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
			err = fmt.Errorf("it answers %s", response.Status)
		}
	}
	p.t.Fatalf("waiting for %s: %v\n%s", url, err, readAll(p.t, p.log))
}

// readAll gives a file's text.
func readAll(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text)
}

func freePort(t testing.TB) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}
