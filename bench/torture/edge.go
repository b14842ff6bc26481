package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// edge is a process of the edge, with a management API and a site in front of
// the provider.
type edge struct {
	scene            *scene
	dir, store       string
	port, api, admin int
	process          *exec.Cmd
}

const edgeCaddyfile = `{
	admin 127.0.0.1:%d
	grace_period 5s
	experiments {
		store redis %s
		signing_key 0123456789abcdef0123456789abcdef
		%s
	}
}
http://127.0.0.1:%d {
	experiments {
		subject {header.X-Device}
	}
	reverse_proxy %s {
		# What requests that ran on over a reload leave behind is soon closed.
		transport http {
			keepalive 5s
		}
	}
}
http://127.0.0.1:%d {
	experiments_api {
		token torture
		rate_limit 100000 100000
		%s
	}
}
`

// newEdge prepares an edge over a store, which is written as in a Caddyfile.
func (s *scene) newEdge(store string) *edge {
	e := &edge{scene: s, store: store, dir: s.TempDir(), port: s.freePort(), api: s.freePort(), admin: s.freePort()}
	e.configure("", "")
	s.Cleanup(func() { e.signal(syscall.SIGKILL) })
	return e
}

// configure writes the edge's configuration with more options of the app and
// more tokens of the API.
func (e *edge) configure(options, tokens string) {
	text := fmt.Sprintf(edgeCaddyfile, e.admin, e.store, options, e.port, e.scene.provider.Addr(), e.api, tokens)
	if err := os.WriteFile(filepath.Join(e.dir, "Caddyfile"), []byte(text), 0o644); err != nil {
		e.scene.Fatal(err)
	}
}

// start runs the edge and gives the time until it answered.
func (e *edge) start() time.Duration {
	begin := time.Now()
	e.process = e.command("run")
	log, err := os.OpenFile(filepath.Join(e.dir, "edge.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		e.scene.Fatal(err)
	}
	defer log.Close()
	e.process.Stderr = log
	if err := e.process.Start(); err != nil {
		e.scene.Fatal(err)
	}
	e.scene.within(20*time.Second, "the edge answers", func() bool {
		response, err := http.Get(e.url("/"))
		if err == nil {
			response.Body.Close()
		}
		return err == nil
	})
	return time.Since(begin)
}

func (e *edge) command(arguments ...string) *exec.Cmd {
	c := exec.Command(e.scene.binary, arguments...)
	c.Dir = e.dir
	c.Env = append(os.Environ(), "HOME="+e.dir, "XDG_DATA_HOME="+e.dir, "XDG_CONFIG_HOME="+e.dir,
		"EXPERIMENTS_CLOCK_FILE="+e.clock())
	return c
}

// clock is the file that says how far the edge's clock is off.
func (e *edge) clock() string { return filepath.Join(e.dir, "clock") }

// reload has the edge load its configuration again.
func (e *edge) reload() error {
	out, err := e.command("reload", "--force", "--address", fmt.Sprintf("127.0.0.1:%d", e.admin)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("reloading: %w: %s", err, lastLine(out))
	}
	return nil
}

func lastLine(text []byte) []byte {
	text = bytes.TrimSpace(text)
	return text[bytes.LastIndexByte(text, '\n')+1:]
}

// signal sends a signal to the process; one that ends it is waited for.
func (e *edge) signal(s syscall.Signal) {
	if e.process == nil || e.process.ProcessState != nil {
		return
	}
	_ = e.process.Process.Signal(s)
	if s == syscall.SIGKILL || s == syscall.SIGTERM {
		_ = e.process.Wait() // killed
	}
}

func (e *edge) url(path string) string { return fmt.Sprintf("http://127.0.0.1:%d%s", e.port, path) }

// decision is what the provider was told.
type decision struct {
	ExperimentID string `json:"experiment_id"`
	VariationID  string `json:"variation_id"`
	Config       struct {
		Number struct {
			Value int `json:"value"`
		} `json:"number"`
	} `json:"config"`
}

// ask sends a login. An answer without experiment is a decision without one.
func (e *edge) ask(client *http.Client, path, device string) (d decision, err error) {
	request, err := http.NewRequest(http.MethodGet, e.url(path), nil)
	if err != nil {
		return d, err
	}
	request.Header.Set("X-Device", device)
	response, err := client.Do(request)
	if err != nil {
		return d, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return d, err
	}
	if response.StatusCode != http.StatusOK {
		return d, fmt.Errorf("the answer is %s", response.Status)
	}
	if text = bytes.TrimSpace(text); len(text) > 0 {
		err = json.Unmarshal(text, &d)
	}
	return d, err
}

// number is the configuration that the edge decides by, 0 for none.
func (e *edge) number() int {
	d, err := e.ask(http.DefaultClient, "/authorize", "somebody")
	if err != nil {
		return -1
	}
	return d.Config.Number.Value
}

// put makes a document the newest one of a tenant.
func (e *edge) put(tenant, document string) error {
	status, text, err := e.send(http.MethodPut, fmt.Sprintf("http://127.0.0.1:%d/experiments/document?tenant=%s", e.admin, tenant), document)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("the answer is %d %.200s", status, text)
	}
	return err
}

// call uses the management API.
func (e *edge) call(method, path, body string) (int, string) {
	status, text, err := e.send(method, fmt.Sprintf("http://127.0.0.1:%d/api/v2/experimentation%s", e.api, path), body)
	if err != nil {
		return 0, err.Error()
	}
	return status, text
}

func (e *edge) send(method, url, body string) (int, string, error) {
	request, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	request.Header.Set("Authorization", "Bearer torture")
	request.Header.Set("Content-Type", "application/json")
	if strings.HasSuffix(url, "/events") {
		request.Header.Set("Content-Type", "application/x-ndjson")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// status is what the edge says of itself.
func (e *edge) status() (status struct {
	Status  string
	Tenants []struct {
		Revision    int
		LastRefusal *struct{ Reason string } `json:"last_refusal"`
	}
}) {
	_, text, err := e.send(http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/experiments/status", e.admin), "")
	if err == nil {
		err = json.Unmarshal([]byte(text), &status)
	}
	if err != nil {
		status.Status = err.Error()
	}
	return status
}

// exports reports whether the edge's event log has a text.
func (e *edge) exports(text string) bool {
	_, events, err := e.send(http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/experiments/events", e.admin), "")
	return err == nil && strings.Contains(events, text)
}

// manyEvents is a body of events, of which thirty are more than the engine of a
// log keeps in one file.
func manyEvents(n int) string {
	var body strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&body, "{\"id\":\"fill-%d-%d\",\"event\":\"s\",\"unit\":\"unit-%[2]d\",\"t\":%[3]d}\n", n, i, time.Now().UnixMilli())
	}
	return body.String()
}

// flood sends so many events that the edge has to make files for them, if it
// takes them.
func (e *edge) flood() {
	for i := range 30 {
		_, _ = e.call(http.MethodPost, "/events", manyEvents(i)) // it may refuse them
	}
}

// log counts the lines of the log with a text.
func (e *edge) log(text string) int {
	log, err := os.ReadFile(filepath.Join(e.dir, "edge.log"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		e.scene.Fatal(err)
	}
	return bytes.Count(log, []byte(text))
}

func (s *scene) freePort() int {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}
