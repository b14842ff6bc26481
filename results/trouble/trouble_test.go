package trouble

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestTrouble fails every 100 ms for ten minutes: it is told of at once, once a
// minute, and when it is over.
func TestTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var trouble Trouble
		told, overs := 0, 0
		over := func(lasted time.Duration) {
			if overs++; lasted < 9*time.Minute || lasted > 11*time.Minute {
				t.Errorf("it lasted %s", lasted)
			}
		}
		trouble.Over(over)
		fault := errors.New("no")
		began := time.Now()
		for range 6000 {
			trouble.Happened(fault, func() { told++ })
			if told == 0 {
				t.Fatal("the first is not told of at once")
			}
			time.Sleep(100 * time.Millisecond)
		}
		if told != 10 {
			t.Errorf("told %d times in ten minutes", told)
		}
		if since, err := trouble.Last(); err != fault || since != began {
			t.Errorf("the last is %v since %s", err, since)
		}
		trouble.Over(over)
		trouble.Over(over)
		if _, err := trouble.Last(); err != nil || overs != 1 {
			t.Errorf("the end was told %d times, the last is %v", overs, err)
		}
	})
}

// TestFlutter has trouble that ends and comes back all the time.
func TestFlutter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var trouble Trouble
		lines := 0
		for range 6000 {
			trouble.Happened(errors.New("no"), func() { lines++ })
			time.Sleep(100 * time.Millisecond)
			trouble.Over(func(time.Duration) { lines++ })
		}
		if lines != 20 {
			t.Errorf("%d lines in ten minutes", lines)
		}
	})
}

func TestTally(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tally Tally
		var told []uint64
		tally.Add(0, func(uint64) { t.Error("nothing was told of") })
		for range 1201 {
			tally.Add(2, func(untold uint64) { told = append(told, untold) })
			time.Sleep(100 * time.Millisecond)
		}
		if len(told) != 3 || told[0] != 2 || told[1] != 1200 || told[2] != 1200 || tally.Total() != 2402 {
			t.Errorf("told of %v, in all %d", told, tally.Total())
		}
	})
}
