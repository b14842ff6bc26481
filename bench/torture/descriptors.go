//go:build linux

package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"time"

	"golang.org/x/sys/unix"
)

// fewDescriptors is how many files and connections an edge may have open in a
// trial.
const fewDescriptors = 200

// limitDescriptors bounds what the running edge may open. It returns what undoes
// that.
func (e *edge) limitDescriptors() func() {
	pid := e.process.Process.Pid
	var before unix.Rlimit
	err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &before)
	if err == nil {
		err = unix.Prlimit(pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: fewDescriptors, Max: before.Max}, nil)
	}
	if err != nil {
		e.scene.Skipf("the limit of descriptors: %v", err)
	}
	return func() {
		if err := unix.Prlimit(pid, unix.RLIMIT_NOFILE, &before, nil); err != nil {
			e.scene.Fatal(err)
		}
	}
}

// hoard opens connections to the edge until it has no descriptors left. Each has
// been answered once, so that the edge has accepted it; the last ones wait in
// vain.
func (e *edge) hoard() []net.Conn {
	var connections []net.Conn
	for range 2 * fewDescriptors {
		connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", e.api))
		if err != nil {
			break
		}
		connections = append(connections, connection)
		_ = connection.SetDeadline(time.Now().Add(time.Second))
		fmt.Fprintf(connection, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
		response, err := http.ReadResponse(bufio.NewReader(connection), nil)
		if err != nil {
			break // this one was not accepted
		}
		_ = response.Body.Close()
	}
	return connections
}

// post sends events over connections that are open, so many that the engine of
// the log has to open files for them. What becomes of them does not matter.
func (e *edge) post(connections []net.Conn) {
	for i, connection := range connections[:min(len(connections), 20)] {
		body := manyEvents(i)
		_ = connection.SetDeadline(time.Now().Add(30 * time.Second))
		_, err := fmt.Fprintf(connection, "POST /api/v2/experimentation/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer torture\r\n"+
			"Content-Type: application/x-ndjson\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		if err != nil {
			return
		}
		response, err := http.ReadResponse(bufio.NewReader(connection), nil)
		if err != nil {
			return
		}
		_ = response.Body.Close()
	}
}
