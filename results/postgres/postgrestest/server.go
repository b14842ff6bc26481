package postgrestest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// patience is how long a server may take until it answers: after a crash it
// first repeats what was not written.
const patience = 30 * time.Second

// Password is that of the superuser.
const Password = "hidden/secret"

// Server is a running PostgreSQL server. Where something goes wrong its methods
// end the test: they belong to the test's goroutine.
type Server struct {
	t        testing.TB
	programs string
	owner    owner
	dir      string
	port     int
	process  *process
}

// Start starts a server and gives the DSN of its superuser. Where PostgreSQL is
// not installed the test is skipped.
func Start(t testing.TB) (dsn string) {
	t.Helper()
	return StartServer(t).DSN()
}

// StartServer is Start for tests that do more to the server than to use it.
func StartServer(t testing.TB) *Server {
	t.Helper()
	programs, err := find()
	if err != nil {
		t.Skipf("PostgreSQL is missing, install it to run this test: %v", err)
	}
	s := &Server{t: t, programs: programs, owner: ownerOfServers()}
	t.Cleanup(s.remove)
	if err := s.create(); err != nil {
		t.Fatalf("making a PostgreSQL server: %v", err)
	}
	if err := s.run(); err != nil {
		t.Fatalf("starting a PostgreSQL server: %v", err)
	}
	return s
}

// find gives the directory of the newest server's programs.
func find() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb") // the pattern is good
	if len(found) == 0 {
		return "", fmt.Errorf("there is no initdb in PATH or in /usr/lib/postgresql")
	}
	slices.Sort(found)
	return filepath.Dir(found[len(found)-1]), nil
}

// create makes the directory with an empty database. A test's own directory is
// closed to other users, so it cannot be in there.
func (s *Server) create() (err error) {
	if s.dir, err = os.MkdirTemp("", "postgrestest"); err != nil {
		return err
	}
	secret := filepath.Join(s.dir, "password")
	if err := os.WriteFile(secret, []byte(Password+"\n"), 0o600); err != nil {
		return err
	}
	if err := s.owner.take(s.dir, secret); err != nil {
		return err
	}
	command := exec.Command(filepath.Join(s.programs, "initdb"), "--pgdata", s.data(), "--username", "postgres",
		"--pwfile", secret, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync")
	command.Dir = s.dir
	s.owner.run(command)
	if text, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("running initdb: %w\n%s", err, text)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.port = listener.Addr().(*net.TCPAddr).Port
	return listener.Close()
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// run starts the process and waits until it answers. The kernel may take a while to
// end all processes of one that was killed; until then a new one refuses to start.
func (s *Server) run() error {
	path := filepath.Join(s.dir, "log")
	log, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	if err := s.launch(log); err != nil {
		return err
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if !s.process.running() {
			end := tail(path)
			if !strings.Contains(end, "is still in use") {
				return fmt.Errorf("it ended:\n%s", end)
			}
			if err := s.launch(log); err != nil {
				return err
			}
		}
		if err = s.Try("SELECT 1"); err == nil {
			return nil
		}
	}
	return fmt.Errorf("it does not answer after %s: %w\n%s", patience, err, tail(path))
}

func (s *Server) launch(log *os.File) (err error) {
	command := exec.Command(filepath.Join(s.programs, "postgres"), "-D", s.data(), "-p", strconv.Itoa(s.port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "client_connection_check_interval=1s")
	command.Dir, command.Stdout, command.Stderr = s.dir, log, log
	s.owner.run(command)
	s.process, err = launch(command)
	return err
}

func (s *Server) remove() {
	if s.process != nil {
		s.process.kill()
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir) // of a temporary directory
	}
}

// tail gives the end of a file for a message.
func tail(path string) string {
	text, _ := os.ReadFile(path)
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-10):], []byte("\n")))
}

// DSN is that of the superuser.
func (s *Server) DSN() string { return s.DSNOf("postgres", Password) }

// DSNOf is that of a user.
func (s *Server) DSNOf(user, password string) string {
	dsn := url.URL{
		Scheme: "postgres", User: url.UserPassword(user, password),
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)), Path: "/postgres", RawQuery: "sslmode=disable",
	}
	return dsn.String()
}

// Exec carries out statements as the superuser.
func (s *Server) Exec(statements string) {
	s.t.Helper()
	if err := s.Try(statements); err != nil {
		s.t.Fatalf("%s: %v", statements, err)
	}
}

// Try is Exec for statements that may fail.
func (s *Server) Try(statements string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	connection, err := pgx.Connect(ctx, s.DSN())
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close(ctx) }()
	_, err = connection.PgConn().Exec(ctx, statements).ReadAll()
	return err
}

// Kill ends the server and all its processes as a crash does.
func (s *Server) Kill() { s.process.kill() }

// Restart starts the server again, killing it if it runs, and returns when it
// answers.
func (s *Server) Restart() {
	s.t.Helper()
	s.Kill()
	if err := s.run(); err != nil {
		s.t.Fatalf("restarting PostgreSQL: %v", err)
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
func (s *Server) Continue() { s.process.resume() }
