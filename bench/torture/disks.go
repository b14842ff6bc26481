package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

var disks = []fault{
	{"F17", "kill -9 of an edge at any point of keeping a document", "every restart serves a whole document, none goes back", killEdge},
	{"F18", "the disk for documents is read-only or full", "0 failed, 0 wrong, one warning", noDisk},
}

func killEdge(s *scene) {
	server, a, b := s.single()
	s.load.turnTo(a)
	kills := 200
	if s.short {
		kills = 8
	}
	n, least := 1, 0
	for range kills {
		for range 3 { // b keeps them while it is killed
			n++
			s.publish(a, n)
		}
		time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
		b.signal(syscall.SIGKILL)
		server.Pause() // so that it starts from its disk
		b.start()
		got := b.number()
		if got < least || got > n {
			s.miss("after a kill the edge decides by %d, before by at least %d, the newest is %d", got, least, n)
		}
		least = got
		server.Continue()
		s.inStep(10*time.Second, n, b)
		least = max(least, 1)
	}
	s.load.turnTo(a, b)
	time.Sleep(time.Second)
	s.load.judge(true)
	s.note("%d kills", kills)
}

func noDisk(s *scene) {
	_, a, b := s.single()
	kept := filepath.Join(b.dir, "kept")
	// Not even the superuser can make a directory of a file.
	if err := os.RemoveAll(kept); err != nil {
		s.Fatal(err)
	}
	if err := os.WriteFile(kept, nil, 0o444); err != nil {
		s.Fatal(err)
	}
	for n := 2; n <= 10; n++ {
		s.publish(a, n)
	}
	s.inStep(5*time.Second, 10, a, b)
	s.within(3*time.Second, "the log says so", func() bool { return b.log("keeping the last known good document") > 0 })
	s.load.judge(true)
	s.note("%d warnings", b.log("keeping the last known good document"))
}
