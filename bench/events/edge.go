package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// edge is a process with the management API, and a log of events or a way to one.
type edge struct {
	process    *exec.Cmd
	ended      chan struct{}
	log        *os.File
	url, admin string
	client     *http.Client
}

const caddyfile = `{
	admin 127.0.0.1:%d
	persist_config off
	auto_https off
	experiments {
		store file %s
		signing_key a-key-that-all-edges-share-and-32-bytes-long
		events %s
	}
}
http://:%d {
	bind 127.0.0.1
	experiments_api {
		token bench
%s		rate_limit 1000000 1000000
	}
}
%s`

// extras are what an edge has besides. The zero value is nothing.
type extras struct {
	tenants []string // with the same document; the token of each is its name
	sites   string   // further sites of the Caddyfile
}

// startEdge starts one that keeps events where the option says.
func (b *bench) startEdge(option string) (*edge, error) { return b.startEdgeWith(option, extras{}) }

func (b *bench) startEdgeWith(option string, more extras) (*edge, error) {
	dir, err := os.MkdirTemp(b.dir, "edge")
	if err != nil {
		return nil, err
	}
	tokens := ""
	for _, name := range append([]string{tenant}, more.tenants...) {
		document := filepath.Join(dir, "experiments", name+".json")
		if err := os.MkdirAll(filepath.Dir(document), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(document, b.setting.text, 0o644); err != nil {
			return nil, err
		}
		if name != tenant {
			tokens += fmt.Sprintf("\t\ttoken %s {\n\t\t\ttenant %[1]s\n\t\t}\n", name)
		}
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	admin, err := freePort()
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "Caddyfile")
	if err := os.WriteFile(config, fmt.Appendf(nil, caddyfile, admin, filepath.Join(dir, "experiments"), option, port, tokens, more.sites), 0o600); err != nil {
		return nil, err
	}
	e := &edge{
		url: fmt.Sprintf("http://127.0.0.1:%d/api/v2/experimentation", port), admin: fmt.Sprintf("http://127.0.0.1:%d", admin),
		ended: make(chan struct{}), client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}},
	}
	if e.log, err = os.Create(filepath.Join(dir, "log")); err != nil {
		return nil, err
	}
	e.process = exec.Command(b.binary, "run", "--config", config, "--adapter", "caddyfile")
	e.process.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	e.process.Stdout, e.process.Stderr = e.log, e.log
	if err := e.process.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = e.process.Wait() // how it ended is in its log
		close(e.ended)
	}()
	if err := e.await(); err != nil {
		e.stop()
		return nil, err
	}
	return e, nil
}

// await returns when the API answers.
func (e *edge) await() error {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if _, err := e.call(context.Background(), http.MethodGet, "/experiments/"+experiment, nil); err == nil {
			return nil
		}
		select {
		case <-e.ended:
			return fmt.Errorf("the edge has ended:\n%s", e.tail())
		default:
		}
	}
	return fmt.Errorf("the edge does not answer:\n%s", e.tail())
}

// tail is the end of what the edge has written down.
func (e *edge) tail() []byte {
	text, _ := os.ReadFile(e.log.Name())
	return text[max(0, len(text)-2000):]
}

// stop ends the process as an operator does.
func (e *edge) stop() {
	_ = e.process.Process.Signal(syscall.SIGTERM) // fails only where it has ended
	select {
	case <-e.ended:
	case <-time.After(30 * time.Second):
		_ = e.process.Process.Kill()
		<-e.ended
	}
	e.log.Close()
}

// call uses the API. An answer other than 200 and 202 is an error.
func (e *edge) call(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	text, status, err := e.callAs(ctx, "bench", method, path, body)
	if err == nil && status != http.StatusOK && status != http.StatusAccepted {
		err = fmt.Errorf("%s %s was answered with %d: %.300s", method, path, status, text)
	}
	return text, err
}

// callAs uses the API with a token.
func (e *edge) callAs(ctx context.Context, token, method, path string, body []byte) (text []byte, status int, err error) {
	request, err := http.NewRequestWithContext(ctx, method, e.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, 0, err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	if body != nil {
		request.Header.Set("Content-Type", "application/x-ndjson")
	}
	response, err := e.client.Do(request)
	if err != nil {
		return nil, 0, err
	}
	defer response.Body.Close()
	text, err = io.ReadAll(response.Body)
	return text, response.StatusCode, err
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}
