package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// batchSize is how many events are sent at once: as many exposures as outcomes.
const batchSize = 5000

const day = 24 * 60 * 60 * 1000

// feed makes the events of a number of units. They are the same ones whenever
// they are made.
type feed struct {
	setting *setting
	units   int
	tenant  string // whose they are; empty is the bench's
	// bodies are the batches as they are posted. They are made before, so that
	// little but the edge is at work when they are sent.
	bodies [][]byte
	bytes  int
}

// write makes the bodies.
func (f *feed) write() {
	for i := range f.batches() {
		body := f.batch(i).AppendNDJSON(make([]byte, 0, batchSize*300))
		f.bodies = append(f.bodies, body)
		f.bytes += len(body)
	}
}

// batches is how many there are.
func (f *feed) batches() int { return (2*f.units + batchSize - 1) / batchSize }

func (f *feed) events() int { return 2 * f.units }

func (f *feed) batch(n int) *events.Batch {
	const half = batchSize / 2
	b := &events.Batch{}
	for i := n * half; i < min((n+1)*half, f.units); i++ {
		b.Exposures = append(b.Exposures, f.exposure(i))
		b.Outcomes = append(b.Outcomes, f.outcome(i))
	}
	return b
}

// unitOf is a unit as it is made of subjects.
func unitOf(i int) string {
	sum := sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(i)))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// shown is when a unit saw its variation.
func (f *feed) shown(i int) events.Millis {
	return events.MillisOf(f.setting.begin) + events.Millis(i*7919)%(days*day)
}

func (f *feed) exposure(i int) events.Exposure {
	iteration := engine.FirstIterationID(experiment)
	unit, variation := unitOf(i), variations[i%2]
	return events.Exposure{
		ID: events.ExposureID(unit, experiment, iteration, variation), Experiment: experiment, Iteration: iteration,
		Unit: unit, Variation: variation, Source: "bucket", Time: f.shown(i), WeightsVersion: f.setting.version,
		DeviceType: [...]string{"desktop", "mobile", "tablet"}[i%3], Browser: [...]string{"Chrome", "Safari", "Edge", "Firefox", "Samsung Internet"}[i/2%5],
		Country: [...]string{"DE", "FR", "US", "GB", "NL"}[i%5], Region: [...]string{"", "BE", "BY"}[i%3],
	}
}

// outcome is one of a unit: two thirds of them have any, logins and how long they
// took, and some failures.
func (f *feed) outcome(i int) events.Outcome {
	unit := i * 2 / 3
	o := events.Outcome{
		ID: fmt.Sprintf("log-%012d", i), Event: "s", Unit: unitOf(unit), Time: f.shown(unit) + events.Millis(i%1000)*60_000,
	}
	switch i % 10 {
	case 0:
		o.Event = "f"
	case 1, 3, 5, 7:
		took := float64(i%9973) + 900
		o.Event, o.Value = "login_ms", &took
	}
	return o
}
