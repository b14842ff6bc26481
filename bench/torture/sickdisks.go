package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/caddy-experiments/caddy-experiments/store/redis/redistest"
)

const healthyAgain = "0 failed, 0 wrong, starts meanwhile, heals by itself ≤ 30 s, log < 100 kB"

var sickDisks = []fault{
	{"F29", "a disk without inodes", healthyAgain, func(s *scene) {
		s.sick(func() *volume { return s.newVolume("size=200m,nr_inodes=120") }, (*volume).fillInodes, (*volume).clear)
	}},
	{"F30", "a full disk that is emptied again", healthyAgain, func(s *scene) {
		s.sick(func() *volume { return s.newVolume("size=64m") }, (*volume).fill, (*volume).clear)
	}},
	{"F31", "the directories of all that is written are removed", healthyAgain, func(s *scene) {
		s.sick(func() *volume { return s.newVolume("size=200m") }, (*volume).empty, func(*volume) {})
	}},
	{"F32", "the disk becomes read-only, and is repaired", healthyAgain, func(s *scene) {
		s.sick(s.newExt4, (*volume).failReadOnly, (*volume).repair)
	}},
	{"F33", "out of descriptors when the event log needs them", "0 failed, the process lives, heals by itself ≤ 30 s", noDescriptors},
}

// writesTo is the configuration of an edge that writes all that it can to a disk.
func (e *edge) writesTo(v *volume, events string) {
	e.configure(fmt.Sprintf("decision_log %s/decisions.log\n%s", v.dir, events), "")
}

// sick has one edge keep the event log on a disk, and another its spool, each
// with its decision log and its last known good document, and takes both disks
// away for a while.
func (s *scene) sick(newDisk func() *volume, fail, heal func(*volume)) {
	server := redistest.Start(s, redistest.Persistent("everysec"))
	disks := []*volume{newDisk(), newDisk()}
	edges := s.onDisks(server.URL(), disks)
	s.startLoad(edges...)
	s.within(20*time.Second, "all is well", func() bool { return edges[0].well() && edges[1].well() })
	s.accepts(edges...)

	for _, v := range disks {
		fail(v)
	}
	gone := time.Now()
	for _, e := range edges {
		e.flood()
	}
	// A spool needs nothing for now, and a directory that is missing is made again,
	// perhaps before anybody looks.
	s.within(time.Minute, "the status says so, or it has healed", func() bool {
		return slices.ContainsFunc(edges, func(e *edge) bool { return !e.well() || e.log("opening it is tried again") > 0 })
	})
	s.publish(edges[1], 2)
	s.inStep(5*time.Second, 2, edges...)
	s.startAnew(edges)
	time.Sleep(s.outage - min(s.outage, time.Since(gone)))

	for _, v := range disks {
		heal(v)
	}
	healed := time.Now()
	for _, e := range edges {
		s.within(2*time.Minute, "all is well again", e.well)
	}
	s.limit("healed", time.Since(healed), 30*time.Second)
	s.accepts(edges...)
	s.load.judge(true)
	for i, e := range edges {
		memory, _ := e.use()
		trouble := e.trouble()
		s.note("edge %d: log %d kB, memory %d MB", i+1, trouble>>10, memory>>20)
		if trouble > 100<<10 {
			s.miss("edge %d has written %d bytes about its trouble", i+1, trouble)
		}
	}
}

// startAnew ends two edges that decide by configuration 2 and starts them again,
// one after the other, while logins go to the other one.
func (s *scene) startAnew(edges []*edge) {
	for i, e := range edges {
		s.load.turnTo(edges[1-i])
		e.signal(syscall.SIGTERM)
		took := e.start()
		s.inStep(10*time.Second, 2, e)
		s.limit("start", took, 5*time.Second)
	}
	s.load.turnTo(edges...)
}

// onDisks starts two edges that write all that they can to a disk each: one has
// the event log, the other sends its events there.
func (s *scene) onDisks(redis string, disks []*volume) (edges []*edge) {
	for i, v := range disks {
		e := s.newEdge(fmt.Sprintf("%s {\n last_known_good %s/kept\n }", redis, v.dir))
		if i == 0 {
			e.writesTo(v, "events "+v.dir+"/events")
		} else {
			e.writesTo(v, "events stream {\n spool "+v.dir+"/spool\n }")
		}
		e.start()
		edges = append(edges, e)
	}
	s.publish(edges[0], 1)
	s.inStep(3*time.Second, 1, edges...)
	return edges
}

// trouble counts the bytes of the log that are no usual messages, such as those
// of assignments.
func (e *edge) trouble() (size int) {
	log, err := os.ReadFile(filepath.Join(e.dir, "edge.log"))
	if err != nil {
		e.scene.Fatal(err)
	}
	for line := range bytes.Lines(log) {
		if !bytes.Contains(line, []byte(`"level":"info"`)) {
			size += len(line)
		}
	}
	return size
}

// well reports whether the edge says that nothing is wrong.
func (e *edge) well() bool { return e.status().Status == "healthy" }

// accepts sends an event to each edge, and waits until the first one has them
// all in its log.
func (s *scene) accepts(edges ...*edge) {
	for _, e := range edges {
		unit := fmt.Sprintf("unit-%d-%d", e.port, time.Now().UnixNano())
		event := fmt.Sprintf(`{"id":"%s","event":"s","unit":"%[1]s","t":%d}`, unit, time.Now().UnixMilli())
		s.within(30*time.Second, "an event is accepted", func() bool {
			status, _ := e.call(http.MethodPost, "/events", event)
			return status == http.StatusAccepted
		})
		s.within(time.Minute, "the event is in the log", func() bool { return edges[0].exports(unit) })
	}
}

func noDescriptors(s *scene) {
	_, a, b := s.single()
	s.load.turnTo(a) // without descriptors no server takes connections
	b.configure("events ./events", "")
	b.signal(syscall.SIGTERM)
	b.start()
	s.accepts(b)
	restore := b.limitDescriptors()
	for range 3 {
		hoard := b.hoard()
		time.Sleep(s.outage / 3)
		b.post(hoard)
		for _, connection := range hoard {
			_ = connection.Close()
		}
		s.within(30*time.Second, "it answers again", func() bool { return b.number() == 1 })
		s.accepts(b)
	}
	restore()
	s.within(30*time.Second, "all is well again", b.well)
	s.load.turnTo(a, b)
	time.Sleep(time.Second)
	s.load.judge(true)
	s.note("the log failed and was opened again: %d messages", b.log("opening it is tried again"))
}
