package embedded

import (
	"fmt"
	"math/rand/v2"

	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/events/eventstest"
)

// denseNames are users and ids of exposures at once, so that some are equal.
var denseNames = []string{"ann", "ann\x00", "bob", "ünal", "z|", "9f"}

// dense makes a batch in which most outcomes come by a user or by an id that
// several units share.
func dense(r *rand.Rand, size int) *events.Batch {
	b := eventstest.Batch(r, size)
	name := func() string {
		if r.IntN(3) == 0 {
			return fmt.Sprint("rare-", r.IntN(size))
		}
		return denseNames[r.IntN(len(denseNames))]
	}
	for i := range b.Exposures {
		if r.IntN(3) == 0 {
			b.Exposures[i].ID = name()
		}
	}
	for i := range b.Outcomes {
		o := &b.Outcomes[i]
		switch r.IntN(6) {
		case 0, 1:
			o.Unit, o.ExposureID, o.UserID = "", "", name()
		case 2:
			o.Unit, o.ExposureID = "", name()
		case 3:
			o.Unit, o.ExposureID, o.UserID = "", name(), name()
		case 4:
			o.UserID = name()
		}
	}
	return b
}
