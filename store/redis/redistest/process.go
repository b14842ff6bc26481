package redistest

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
)

// process is a program that runs until it is killed, at the latest when this
// process ends.
type process struct {
	os    *os.Process
	ended chan struct{}
}

// launch starts a program that writes what it has to say into a file.
func launch(log *os.File, name string, args ...string) (*process, error) {
	command := exec.Command(name, args...)
	command.Stdout, command.Stderr = log, log
	command.Env = append(os.Environ(), "LC_ALL=C") // Redis does not start in a locale that is not installed
	endWithParent(command)

	p := &process{ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		// For the kernel the parent is the thread that started the child, and a
		// thread may end before its process (golang.org/issue/27505).
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := command.Start()
		p.os = command.Process
		started <- err
		if err != nil {
			return
		}
		_ = command.Wait() // that it was killed is no news
		close(p.ended)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	return p, nil
}

func (p *process) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// kill ends the process as a crash does, also one that is suspended.
func (p *process) kill() {
	_ = p.os.Kill() // fails only where it has ended
	<-p.ended
}
