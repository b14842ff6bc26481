package main

import (
	"net/http"
	"time"

	"github.com/caddy-experiments/caddy-experiments/store/redis/redistest"
)

var frozenDisks = []fault{
	{"F38", "a disk stands still, and goes on", "0 failed, 0 wrong, says so ≤ 30 s, events answered ≤ 35 s, starts meanwhile ≤ 10 s, heals by itself ≤ 30 s", freezeDisks},
}

// freeze has the file system keep everybody waiting who changes it, as one on a
// server that is away does.
func (v *volume) freeze() {
	v.scene.mount("fsfreeze", "--freeze", v.dir)
	v.frozen = true
}

// thaw lets all go on. Nothing that waits could even be killed before.
func (v *volume) thaw() {
	if v.frozen {
		v.scene.mount("fsfreeze", "--unfreeze", v.dir)
		v.frozen = false
	}
}

// freezeDisks has disks stand still under all that two edges write, and starts a
// third on one of them.
func freezeDisks(s *scene) {
	server := redistest.Start(s, redistest.Persistent("everysec"))
	disks := []*volume{s.newExt4(), s.newExt4()}
	edges := s.onDisks(server.URL(), disks)
	for _, v := range disks {
		s.Cleanup(v.thaw) // before the edges are killed, which could not die
	}
	s.startLoad(edges...)
	s.accepts(edges...)

	for _, v := range disks {
		v.freeze()
	}
	frozen := time.Now()
	for _, e := range edges {
		s.within(time.Minute, "the status says so", func() bool { return !e.well() })
	}
	s.limit("said", time.Since(frozen), 30*time.Second)
	for i, e := range edges {
		begin := time.Now()
		if status, _ := e.call(http.MethodPost, "/events", `{"event":"s","unit":"u"}`); status != http.StatusServiceUnavailable {
			s.miss("edge %d answers an event with %d", i+1, status)
		}
		s.limit("answer", time.Since(begin), 35*time.Second)
	}
	s.publish(edges[1], 2)
	s.inStep(5*time.Second, 2, edges...)

	third := s.newEdge(server.URL() + " {\n last_known_good " + disks[1].dir + "/third/kept\n }")
	third.writesTo(disks[1], "events stream {\n spool "+disks[1].dir+"/third/spool\n }")
	s.Cleanup(disks[1].thaw)
	s.limit("start", third.start(), 10*time.Second)
	s.inStep(10*time.Second, 2, third)
	time.Sleep(s.outage - min(s.outage, time.Since(frozen)))

	for _, v := range disks {
		v.thaw()
	}
	thawed := time.Now()
	for _, e := range append(edges, third) {
		s.within(2*time.Minute, "all is well again", e.well)
	}
	s.limit("healed", time.Since(thawed), 30*time.Second)
	s.accepts(edges[0], edges[1], third)
	s.load.judge(true)
}
