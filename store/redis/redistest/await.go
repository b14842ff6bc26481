package redistest

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// topologyPatience is how long servers may take to come to an agreement.
const topologyPatience = time.Minute

func skipShort(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("a topology takes seconds to start")
	}
}

// await returns when the condition reports no error.
func await(t testing.TB, what string, condition func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(topologyPatience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if err = condition(); err == nil {
			return
		}
	}
	t.Fatalf("waiting for %s: %v", what, err)
}

// says reports why a field of a section of INFO is not as wanted.
func (s *Server) says(section, field, want string) error {
	text, err := s.Try("INFO", section)
	if err != nil {
		return err
	}
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), field+":"); ok {
			if value == want {
				return nil
			}
			return fmt.Errorf("at %s %s is %q", s.Address(), field, value)
		}
	}
	return fmt.Errorf("at %s there is no %s in\n%s", s.Address(), field, text)
}

// follows reports why a server is not connected to a master.
func (s *Server) follows() error {
	if err := s.says("replication", "role", "slave"); err != nil {
		return err
	}
	return s.says("replication", "master_link_status", "up")
}

// pair gives the line after a name in an answer that alternates names and
// values.
func pair(answer, name string) string {
	lines := strings.Split(answer, "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		if lines[i] == name {
			return lines[i+1]
		}
	}
	return ""
}

func addresses(servers []*Server) []string {
	var all []string
	for _, server := range servers {
		all = append(all, server.Address())
	}
	return all
}
