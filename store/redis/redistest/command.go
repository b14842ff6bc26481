package redistest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// commandTimeout is how long a command may take, its connection included.
const commandTimeout = 5 * time.Second

// The user that this package itself gives commands as: every server has it, so
// a test is free to lock out all others.
const (
	user     = "redistest"
	password = "redistest"
)

// replyError is a server's own refusal of a command.
type replyError string

func (e replyError) Error() string { return string(e) }

// Command gives a command and returns its answer, the elements of a list on a
// line each and nothing as "". A refusal ends the test.
func (s *Server) Command(args ...string) string {
	s.t.Helper()
	answer, err := s.Try(args...)
	if err != nil {
		s.t.Fatalf("%s at %s: %v", strings.Join(args, " "), s.Address(), err)
	}
	return answer
}

// Try gives a command that may fail. Unlike Command it may be called by any
// goroutine.
func (s *Server) Try(args ...string) (string, error) {
	connection, err := net.DialTimeout("tcp", s.Address(), commandTimeout)
	if err != nil {
		return "", fmt.Errorf("connecting: %w", err)
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(commandTimeout)); err != nil {
		return "", fmt.Errorf("limiting the time of a command: %w", err)
	}
	reader := bufio.NewReader(connection)
	if _, err := exchange(connection, reader, "AUTH", user, password); err != nil {
		return "", fmt.Errorf("logging in: %w", err)
	}
	return exchange(connection, reader, args...)
}

// exchange writes a command and reads its answer.
func exchange(w io.Writer, r *bufio.Reader, args ...string) (string, error) {
	text := fmt.Appendf(nil, "*%d\r\n", len(args))
	for _, arg := range args {
		text = fmt.Appendf(text, "$%d\r\n%s\r\n", len(arg), arg)
	}
	if _, err := w.Write(text); err != nil {
		return "", fmt.Errorf("writing a command: %w", err)
	}
	return readReply(r)
}

// readReply reads a reply of the protocol's second version.
func readReply(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("reading a reply: %w", err)
	}
	line = strings.TrimSuffix(line, "\r\n")
	if line == "" {
		return "", errors.New("reading a reply: it is empty")
	}
	kind, rest := line[0], line[1:]
	switch kind {
	case '+', ':':
		return rest, nil
	case '-':
		return "", replyError(rest)
	case '$', '*':
		length, err := strconv.Atoi(rest)
		if err != nil {
			return "", fmt.Errorf("reading a reply: %w", err)
		}
		if kind == '$' {
			return readBulk(r, length)
		}
		return readList(r, length)
	}
	return "", fmt.Errorf("reading a reply: unknown kind %q", line)
}

func readBulk(r *bufio.Reader, length int) (string, error) {
	if length < 0 {
		return "", nil
	}
	text := make([]byte, length+len("\r\n"))
	if _, err := io.ReadFull(r, text); err != nil {
		return "", fmt.Errorf("reading a reply: %w", err)
	}
	return string(text[:length]), nil
}

func readList(r *bufio.Reader, length int) (string, error) {
	var lines []string
	for range length {
		element, err := readReply(r)
		if err != nil {
			return "", err
		}
		lines = append(lines, element)
	}
	return strings.Join(lines, "\n"), nil
}
