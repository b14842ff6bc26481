//go:build !linux

package postgrestest

import "os/exec"

// owner is the user that servers run as: whoever runs the test.
type owner struct{}

func ownerOfServers() owner { return owner{} }

func (owner) take(...string) error { return nil }

func (owner) run(*exec.Cmd) {}
