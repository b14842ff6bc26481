//go:build !linux

package main

import "net"

func (e *edge) limitDescriptors() func() {
	e.scene.Skipf("only on Linux can a running process be given other limits")
	return nil
}

func (e *edge) hoard() []net.Conn { return nil }

func (e *edge) post([]net.Conn) {}
