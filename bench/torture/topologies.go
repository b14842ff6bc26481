package main

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/caddy-experiments/caddy-experiments/store/redis/redistest"
)

var topologies = []fault{
	{"F8", "Sentinel fails over", "0 failed, 0 wrong, in step ≤ 3 s after the promotion", failOver},
	{"F9", "the owner in a cluster is killed", "0 failed, 0 wrong, in step ≤ 5 s after the promotion", killOwner},
	{"F10", "the promoted replica lacks acknowledged writes", "no edge goes back, the newest is back ≤ 5 s", rollBack},
}

// overSentinels is the store of an edge over sentinels.
func overSentinels(sentinels *redistest.Sentinels) string {
	return fmt.Sprintf("redis://%s {\n sentinel %s\n last_known_good ./kept\n }",
		strings.Join(sentinels.Addresses(), " redis://"), sentinels.MasterName())
}

func failOver(s *scene) {
	sentinels := redistest.StartSentinels(s)
	a, b := s.pair(overSentinels(sentinels), overSentinels(sentinels))
	sentinels.FailOver()
	begin := time.Now()
	s.publish(a, 2)
	s.inStep(10*time.Second, 2, a, b)
	s.limit("in step", time.Since(begin), 3*time.Second)
	s.load.judge(true)
}

func killOwner(s *scene) {
	cluster := redistest.StartCluster(s)
	store := fmt.Sprintf("redis://%s {\n cluster\n last_known_good ./kept\n }", strings.Join(cluster.Addresses(), " redis://"))
	a, b := s.pair(store, store)
	const key = "{experiments}:heads"
	cluster.Owner(key).Kill()
	cluster.Owner(key) // waits for the next
	begin := time.Now()
	s.publish(a, 2)
	s.inStep(10*time.Second, 2, a, b)
	s.limit("in step", time.Since(begin), 5*time.Second)
	s.load.judge(true)
}

func rollBack(s *scene) {
	sentinels := redistest.StartSentinels(s)
	a, b := s.pair(overSentinels(sentinels), overSentinels(sentinels))
	sentinels.Master().Command("WAIT", "1", "1000")
	sentinels.HoldReplica()
	last := 100
	if s.short {
		last = 20
	}
	for n := 2; n <= last; n++ {
		s.publish(a, n)
	}
	s.inStep(5*time.Second, last, a, b)
	var backwards, done atomic.Bool
	watching := make(chan struct{})
	go func() {
		defer close(watching)
		for !done.Load() {
			if n := b.number(); n >= 0 && n < last {
				backwards.Store(true)
			}
		}
	}()
	promoted := sentinels.FailOver()
	begin := time.Now()
	s.within(10*time.Second, "the newest document is back", func() bool {
		return promoted.Command("HGET", "{experiments}:heads", "default/production") == fmt.Sprint(last)
	})
	s.limit("back", time.Since(begin), 5*time.Second)
	done.Store(true)
	<-watching
	if backwards.Load() {
		s.miss("an edge went back")
	}
	s.publish(b, last+1)
	s.inStep(5*time.Second, last+1, a, b)
	s.load.judge(true)
	s.note("%d acknowledged writes would have been lost", last-1)
}
