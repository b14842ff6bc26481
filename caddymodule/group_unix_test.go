//go:build unix

package caddymodule_test

import (
	"os/exec"
	"syscall"
)

// ownGroup has a program and what it starts form a group of processes, which
// killGroup ends.
func ownGroup(command *exec.Cmd) { command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func killGroup(command *exec.Cmd) { _ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
