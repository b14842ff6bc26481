//go:build unix

package redistest

import (
	"bytes"
	"fmt"
	"os"
	"syscall"
	"time"
)

// suspend stops the process where it is, and returns when it stands.
func (p *process) suspend() error {
	if err := p.os.Signal(syscall.SIGSTOP); err != nil {
		return fmt.Errorf("suspending process %d: %w", p.os.Pid, err)
	}
	for range 1000 {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.os.Pid))
		if err != nil {
			time.Sleep(20 * time.Millisecond) // no such file on this system
			return nil
		}
		// The state follows the name, which is in parentheses.
		if _, state, _ := bytes.Cut(stat, []byte(") ")); bytes.HasPrefix(state, []byte("T")) {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
	return fmt.Errorf("suspending process %d: it goes on", p.os.Pid)
}

func (p *process) resume() error {
	if err := p.os.Signal(syscall.SIGCONT); err != nil {
		return fmt.Errorf("resuming process %d: %w", p.os.Pid, err)
	}
	return nil
}
