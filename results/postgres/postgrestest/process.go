package postgrestest

import (
	"fmt"
	"os/exec"
	"runtime"
)

// process is a program that runs until it is killed, at the latest when this
// process ends.
type process struct {
	command *exec.Cmd
	ended   chan struct{}
}

func launch(command *exec.Cmd) (*process, error) {
	p := &process{command: command, ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		// For the kernel the parent is the thread that started the child, and a
		// thread may end before its process (golang.org/issue/27505).
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := command.Start()
		started <- err
		if err != nil {
			return
		}
		_ = command.Wait() // that it was killed is no news
		close(p.ended)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", command.Path, err)
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
