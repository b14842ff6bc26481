//go:build !linux

package postgrestest

import "errors"

func (p *process) suspend() error { return errors.ErrUnsupported }

func (p *process) resume() {}

// kill ends the process; its children notice and end by themselves.
func (p *process) kill() {
	_ = p.command.Process.Kill() // fails only where it has ended
	<-p.ended
}
