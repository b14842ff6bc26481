package main

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/caddy-experiments/caddy-experiments/store/redis/redistest"
)

// soaks take as long as -soak says, and are only run when they are named.
var soaks = []fault{
	{"S1", "a disk that fills and empties every minute, under mixed load", "0 failed, 0 wrong, log < 5 MB, memory flat", soakDisk},
}

// soakDisk has logins, events and reports going on at two edges whose disks are
// full half of each minute. They are large enough for all that an hour of logins
// writes.
func soakDisk(s *scene) {
	server := redistest.Start(s, redistest.Persistent("everysec"))
	disks := []*volume{s.newVolume("size=1g"), s.newVolume("size=1g")}
	edges := s.onDisks(server.URL(), disks)
	s.startLoad(edges...)

	done := make(chan struct{})
	var working sync.WaitGroup
	for i, e := range edges {
		working.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				case <-time.After(200 * time.Millisecond):
				}
				unit := fmt.Sprintf("soak-%d-%d", i, n%5000)
				e.call(http.MethodPost, "/events", fmt.Sprintf(`{"id":"%s-%d","event":"s","unit":"%[1]s","t":%d}`, unit, n, time.Now().UnixMilli()))
				if n%25 == 0 {
					_, _, _ = e.send(http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/experiments/results?experiment=exp_Login", e.admin), "") // it may have none
				}
			}
		})
	}
	begin, n := time.Now(), 1
	var early, late int
	for time.Since(begin) < s.soak {
		for _, v := range disks {
			v.fill()
		}
		time.Sleep(30 * time.Second)
		for _, v := range disks {
			v.clear()
		}
		n++
		s.publish(edges[n%2], n)
		s.inStep(10*time.Second, n, edges...)
		time.Sleep(28 * time.Second)
		used := 0
		for _, e := range edges {
			memory, _ := e.use()
			used += memory >> 20
		}
		switch elapsed := time.Since(begin); {
		case elapsed < s.soak/4:
			early = max(early, used)
		case elapsed > s.soak*3/4:
			late = max(late, used)
		}
		fmt.Printf("%s: both edges use %d MB, have written %d and %d kB about their trouble\n",
			time.Since(begin).Round(time.Second), used, edges[0].trouble()>>10, edges[1].trouble()>>10)
	}
	close(done)
	working.Wait()
	s.load.judge(true)
	for _, e := range edges {
		s.within(time.Minute, "all is well", e.well)
		s.note("log %d kB", e.trouble()>>10)
		if e.trouble() > 5<<20 {
			s.miss("%d bytes about its trouble", e.trouble())
		}
	}
	s.note("%s, %d times full, at most %d MB in the first quarter and %d MB in the last", s.soak, n-1, early, late)
	if late > early*5/4 {
		s.miss("memory has grown")
	}
}
