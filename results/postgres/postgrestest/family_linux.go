package postgrestest

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// signalFamily sends a signal to a process and its children. It is stopped
// first, so that no further ones are born.
func signalFamily(parent *os.Process, signal syscall.Signal) error {
	if err := parent.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is good
	for _, path := range stats {
		text, _ := os.ReadFile(path)
		// The state and the parent follow the name, which is in parentheses.
		_, rest, _ := bytes.Cut(text, []byte(") "))
		fields := bytes.Fields(rest)
		if len(fields) < 2 || string(fields[1]) != strconv.Itoa(parent.Pid) {
			continue
		}
		if child, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			_ = syscall.Kill(child, signal) // fails only where it has ended
		}
	}
	return parent.Signal(signal)
}

func (p *process) suspend() error { return signalFamily(p.command.Process, syscall.SIGSTOP) }

func (p *process) resume() { _ = signalFamily(p.command.Process, syscall.SIGCONT) }

// kill ends the process and its children at once.
func (p *process) kill() {
	if p.running() {
		_ = signalFamily(p.command.Process, syscall.SIGKILL)
	}
	<-p.ended
}
