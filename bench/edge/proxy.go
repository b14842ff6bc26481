package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// proxy is a process that is measured.
type proxy struct {
	url     string
	admin   string // of Caddy; empty for nginx
	command *exec.Cmd
	output  *os.File
	ended   chan struct{}
}

// start runs a proxy on the first core, so that all have the same, and leaves
// the others to the load.
func (s *setup) start(root, binary, modules, dir, upstream string) (*proxy, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	p := &proxy{url: fmt.Sprintf("http://127.0.0.1:%d", port), ended: make(chan struct{})}
	config := filepath.Join(dir, s.name+".conf")
	var text string
	environment := append(os.Environ(), "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	arguments := []string{"-c", "0"}
	if s.nginx {
		text = s.nginxConf(root, modules, dir, port, upstream)
		arguments = append(arguments, "nginx", "-c", config, "-e", filepath.Join(dir, s.name+".log"))
		libraries, _ := filepath.Glob(filepath.Join(modules, "usr/lib/*-linux-gnu")) // the pattern is a good one
		environment = append(environment, "LD_LIBRARY_PATH="+strings.Join(libraries, ":"))
	} else {
		admin, err := freePort()
		if err != nil {
			return nil, err
		}
		p.admin = fmt.Sprintf("http://127.0.0.1:%d", admin)
		text = s.caddyfile(root, dir, port, admin, upstream)
		arguments = append(arguments, binary, "run", "--config", config, "--adapter", "caddyfile")
		environment = append(environment, s.collector...)
	}
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return nil, err
	}
	if p.output, err = os.Create(filepath.Join(dir, s.name+".out")); err != nil {
		return nil, err
	}
	p.command = exec.Command("taskset", arguments...)
	p.command.Env, p.command.Stdout, p.command.Stderr = environment, p.output, p.output
	if err := p.command.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.command.Wait() // how it ended is in its output
		close(p.ended)
	}()
	return p, p.await(s.name)
}

func (p *proxy) await(name string) error {
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		connection, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
		if err == nil {
			return connection.Close()
		}
		select {
		case <-p.ended:
			text, _ := os.ReadFile(p.output.Name())
			return fmt.Errorf("%s has ended:\n%s", name, text)
		default:
		}
	}
	return fmt.Errorf("%s does not listen", name)
}

func (p *proxy) stop() {
	_ = p.command.Process.Signal(syscall.SIGTERM) // fails only where it has ended
	select {
	case <-p.ended:
	case <-time.After(10 * time.Second):
		_ = p.command.Process.Kill()
		<-p.ended
	}
	p.output.Close()
}

// processes are the proxy and those that it has started.
func (p *proxy) processes() []int {
	pid := p.command.Process.Pid
	all := []int{pid}
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid)) // Caddy has none
	for _, child := range strings.Fields(string(children)) {
		if n, err := strconv.Atoi(child); err == nil {
			all = append(all, n)
		}
	}
	return all
}

// processorTime is user and system time so far, from the kernel's clock of each
// process: /proc/<pid>/stat has the same in steps of 10 ms.
func (p *proxy) processorTime() (time.Duration, error) {
	var total time.Duration
	for _, pid := range p.processes() {
		var t unix.Timespec
		if err := unix.ClockGettime(int32(^pid)<<3|2, &t); err != nil {
			return 0, fmt.Errorf("reading the processor time of process %d: %w", pid, err)
		}
		total += time.Duration(t.Nano())
	}
	return total, nil
}

// resident is the memory in MB that the proxy has.
func (p *proxy) resident() float64 {
	total := 0.0
	for _, pid := range p.processes() {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		_, rest, found := strings.Cut(string(text), "VmRSS:")
		if fields := strings.Fields(rest); found && len(fields) > 0 {
			kilobytes, _ := strconv.ParseFloat(fields[0], 64)
			total += kilobytes / 1024
		}
	}
	return total
}

// heap is how much Caddy has allocated so far.
type heap struct{ bytes, mallocs float64 }

func (p *proxy) heap() (h heap, err error) {
	if p.admin == "" {
		return heap{}, nil
	}
	figures, err := p.metrics("go_memstats_alloc_bytes_total", "go_memstats_mallocs_total")
	if err != nil {
		return heap{}, err
	}
	return heap{figures[0], figures[1]}, nil
}

// metrics gives some of Caddy's, which must be there.
func (p *proxy) metrics(names ...string) ([]float64, error) {
	answer, err := http.Get(p.admin + "/metrics")
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	values, found := make([]float64, len(names)), 0
	lines := bufio.NewScanner(answer.Body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		at := slices.Index(names, name)
		if at < 0 {
			continue
		}
		if values[at], err = strconv.ParseFloat(value, 64); err != nil {
			return nil, err
		}
		found++
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if found != len(names) {
		return nil, fmt.Errorf("the metrics have only %d of %v", found, names)
	}
	return values, nil
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}
