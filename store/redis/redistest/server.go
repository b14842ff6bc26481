package redistest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// patience is how long a server may take until it answers, and how often it is
// started on other ports when somebody else was faster.
const (
	patience = 20 * time.Second
	attempts = 5
)

// The programs.
const (
	server   = "redis-server"
	sentinel = "redis-sentinel"
)

// Server is a running Redis server. Where something goes wrong its methods end
// the test: they belong to the test's goroutine.
type Server struct {
	t          testing.TB
	program    string
	dir        string
	directives []string
	encrypted  bool
	clustered  bool

	port, tlsPort, busPort int
	process                *process
}

// Start starts a server that keeps its data in memory and that anybody may
// talk to, unless the options say otherwise.
func Start(t testing.TB, options ...Option) *Server {
	t.Helper()
	return start(t, server, options...)
}

func start(t testing.TB, program string, options ...Option) *Server {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("%s is missing, install it to run this test (./test.sh does so): %v", program, err)
	}
	s := &Server{t: t, program: path, dir: t.TempDir()}
	for _, option := range options {
		option(s)
	}
	t.Cleanup(func() {
		if s.process != nil {
			s.process.kill()
		}
	})
	for range attempts {
		if err = s.choosePorts(); err != nil {
			break
		}
		if err = s.configure(); err != nil {
			break
		}
		if err = s.run(); err == nil {
			return s
		}
		if !isOccupied(err) {
			break
		}
	}
	t.Fatalf("starting %s: %v", program, err)
	return nil
}

func (s *Server) choosePorts() (err error) {
	if s.port, err = freePort(); err != nil {
		return err
	}
	if s.encrypted {
		if s.tlsPort, err = freePort(); err != nil {
			return err
		}
	}
	if s.clustered {
		if s.busPort, err = freePort(); err != nil {
			return err
		}
	}
	return nil
}

// configure writes the configuration file.
func (s *Server) configure() error {
	lines := []string{
		"bind 127.0.0.1",
		fmt.Sprintf("port %d", s.port),
		fmt.Sprintf("dir %q", s.dir),
		"daemonize no",
		"protected-mode no",
		fmt.Sprintf("user %s on >%s ~* &* +@all", user, password),
	}
	if filepath.Base(s.program) == server {
		lines = append(lines, `save ""`, "auto-aof-rewrite-percentage 0", "repl-diskless-sync-delay 0")
	}
	if s.encrypted {
		lines = append(lines, fmt.Sprintf("tls-port %d", s.tlsPort))
	}
	if s.clustered {
		lines = append(lines, fmt.Sprintf("cluster-port %d", s.busPort))
	}
	lines = append(lines, s.directives...) // of two lines on the same matter the later one counts
	if err := os.WriteFile(s.configuration(), []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return fmt.Errorf("writing the configuration: %w", err)
	}
	return nil
}

// configuration is the path of a file that Redis itself writes to, too.
func (s *Server) configuration() string { return filepath.Join(s.dir, "redis.conf") }

// exitError is a server that ended before it answered, with the end of its log.
type exitError string

func (e exitError) Error() string { return "it ended:\n" + string(e) }

// isOccupied tells a server that lost its port to somebody else from one that
// cannot start at all.
func isOccupied(err error) bool {
	var exit exitError
	return errors.As(err, &exit) && strings.Contains(strings.ToLower(string(exit)), "address already in use")
}

// run starts the process and waits until it is the one that answers.
func (s *Server) run() error {
	path := filepath.Join(s.dir, "log")
	log, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("making a log: %w", err)
	}
	defer log.Close()
	if s.process, err = launch(log, s.program, s.configuration()); err != nil {
		return err
	}
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		if !s.process.running() {
			return exitError(tail(path))
		}
		if err = s.answers(); err == nil {
			return nil
		}
		time.Sleep(2 * time.Millisecond)
	}
	return fmt.Errorf("it does not answer after %s: %w\n%s", patience, err, tail(path))
}

// answers reports why the process does not serve yet. Whoever has taken its port
// would answer as well, so it asks who it is.
func (s *Server) answers() error {
	if _, err := s.Try("PING"); err != nil {
		return err
	}
	information, err := s.Try("INFO", "server")
	if err != nil {
		return err
	}
	if own := fmt.Sprintf("process_id:%d\r\n", s.process.os.Pid); !strings.Contains(information, own) {
		return fmt.Errorf("another server has port %d", s.port)
	}
	return nil
}

// tail gives the end of a file for a message.
func tail(path string) string {
	text, _ := os.ReadFile(path)
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-10):], []byte("\n")))
}

// Address is host and port without TLS.
func (s *Server) Address() string { return loopback(s.port) }

// URL is the address as Redis clients take it.
func (s *Server) URL() string { return "redis://" + s.Address() + "/0" }

// TLSAddress is host and port of a server that is Encrypted.
func (s *Server) TLSAddress() string { return loopback(s.tlsPort) }

// TLSURL is the address of a server that is Encrypted.
func (s *Server) TLSURL() string { return "rediss://" + s.TLSAddress() + "/0" }

// Kill ends the server as a crash does.
func (s *Server) Kill() { s.process.kill() }

// Restart starts the server again where it was, killing it if it runs, and
// returns when it answers.
func (s *Server) Restart() {
	s.t.Helper()
	s.Kill()
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if err = s.run(); err == nil || !isOccupied(err) {
			break
		}
	}
	if err != nil {
		s.t.Fatalf("restarting the server at %s: %v", s.Address(), err)
	}
}

// Pause makes the server hang: its connections stay open, nothing is answered.
func (s *Server) Pause() {
	s.t.Helper()
	if err := s.process.suspend(); err != nil {
		s.t.Fatal(err)
	}
}

// Continue ends a Pause.
func (s *Server) Continue() {
	s.t.Helper()
	if err := s.process.resume(); err != nil {
		s.t.Fatal(err)
	}
}
