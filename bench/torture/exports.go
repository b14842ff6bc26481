package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"
)

var exports = []fault{
	{"F36", "reloads while somebody exports events slowly", "0 failed, reload ≤ 5 s, end ≤ 8 s, events accepted meanwhile", slowExport},
}

// slowExport has a reader of an export stand still, as one does whose output
// goes into a pager.
func slowExport(s *scene) {
	_, a, b := s.single()
	s.load.turnTo(a)
	b.configure("events ./events", "")
	b.signal(syscall.SIGTERM)
	b.start()
	b.flood()
	s.accepts(b)
	s.load.turnTo(a, b)

	reader, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", b.admin))
	if err != nil {
		s.Fatal(err)
	}
	defer reader.Close()
	fmt.Fprintf(reader, "GET /experiments/events HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", b.admin)
	response, err := http.ReadResponse(bufio.NewReader(reader), nil)
	if err != nil || response.StatusCode != http.StatusOK {
		s.Fatalf("the export is answered %v: %v", response, err)
	}
	time.Sleep(time.Second) // until all buffers on the way are full

	for i, options := range []string{"events ./events", "events ./events\nheader_budget 5000", "events ./events {\n retention 500d\n}", "events ./other"} {
		b.configure(options, "")
		begin := time.Now()
		err := b.reload()
		s.limit(fmt.Sprintf("reload %d", i+1), time.Since(begin), 5*time.Second)
		if err != nil {
			s.miss("reload %d: %v", i+1, err)
		}
		s.accepts(b)
	}
	s.load.turnTo(a)
	begin := time.Now()
	b.signal(syscall.SIGTERM)
	s.limit("end", time.Since(begin), 8*time.Second)
	s.load.end()
	s.forgiveResets()
	s.load.judge(true)
}
