package redistest

import (
	"os/exec"
	"syscall"
)

// endWithParent has the kernel kill the child when this process ends, which a
// test that times out does without cleaning up.
func endWithParent(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
