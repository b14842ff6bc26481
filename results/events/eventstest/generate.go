package eventstest

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// What is generated is of few kinds, so that everything meets everything.
var (
	units       = makeUnits()
	experiments = []string{"signup", "sign"}
	iterations  = []string{"1", "10"}
	variations  = []string{"control", "new", "newer"}
	versions    = []string{"", "1", "2"}
	happenings  = []string{"login", "login.failed", "order", "refund"}
	foreign     = []string{"f-1", "f.2", "a.b.cdefghijk", "f|3", "é", "f-1\x01"}
	users       = []string{"ann", "an", "bob|", "cleo", "dän", "\u007f"}
	values      = []float64{0, 1, 1, 2, 0.1, 0.2, 0.3, -3.5, 1e-9, 1e9, 123456789.123, 1.0 / 3}
)

// start is in the middle of a day.
var start = events.MillisOf(time.Date(2026, 3, 1, 13, 0, 0, 0, time.UTC))

// span is how long everything takes.
const span = 10 * 24 * time.Hour

// makeUnits gives units as they are hashed here, and others.
func makeUnits() []string {
	made := []string{"u", "u1", "u|1", "é\x01", "0123456789012345678901"}
	for i := range 12 {
		sum := sha256.Sum256([]byte{byte(i)})
		made = append(made, base64.RawURLEncoding.EncodeToString(sum[:16]))
	}
	return made
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

func chance(r *rand.Rand, percent int) bool { return r.IntN(100) < percent }

// moment is a time within span; many are equal or close.
func moment(r *rand.Rand) events.Millis {
	t := start + millis(6*time.Hour)*events.Millis(r.Int64N(int64(span/(6*time.Hour))))
	switch r.IntN(4) {
	case 0:
		t += events.Millis(r.IntN(4001) - 2000)
	case 1:
		t += events.Millis(r.Int64N(int64(6 * time.Hour / time.Millisecond)))
	}
	return t
}

// Batch makes a batch of random records.
func Batch(r *rand.Rand, size int) *events.Batch {
	b := &events.Batch{}
	for b.Len() < size {
		switch n := r.IntN(100); {
		case n < 35:
			b.Exposures = append(b.Exposures, exposure(r))
		case n < 98:
			b.Outcomes = append(b.Outcomes, outcome(r, size))
		default:
			b.Splits = append(b.Splits, split(r))
		}
	}
	return b
}

func exposure(r *rand.Rand) events.Exposure {
	e := events.Exposure{
		Experiment: pick(r, experiments), Iteration: pick(r, iterations), Unit: pick(r, units),
		Source: pick(r, []string{"bucket", "segment", "fallback"}), Bot: chance(r, 5), Time: moment(r),
		DeviceType: pick(r, []string{"desktop", "mobile", ""}), Browser: pick(r, []string{"Chrome", "Firefox"}),
		Country: pick(r, []string{"DE", "FR", "", "é"}), Region: pick(r, []string{"", "BE"}),
		WeightsVersion: pick(r, versions),
	}
	if chance(r, 5) {
		e.Source = events.SourceOverride
	}
	e.Variation = usual(e.Unit, e.Experiment, e.Iteration)
	if chance(r, 4) {
		e.Variation = pick(r, variations)
	}
	e.ID = events.ExposureID(e.Unit, e.Experiment, e.Iteration, e.Variation)
	if chance(r, 15) {
		e.ID = pick(r, foreign)
	}
	return e
}

// usual is the variation of a unit that is not crossed.
func usual(unit, experiment, iteration string) string {
	sum := sha256.Sum256([]byte(unit + experiment + iteration))
	return variations[int(sum[0])%len(variations)]
}

func outcome(r *rand.Rand, ids int) events.Outcome {
	o := events.Outcome{ID: fmt.Sprint("o", r.IntN(ids)), Event: pick(r, happenings), Time: moment(r)}
	switch n := r.IntN(100); {
	case n < 40:
		o.Unit = pick(r, units)
	case n < 60:
		o.ExposureID = events.ExposureID(pick(r, units), pick(r, experiments), pick(r, iterations), pick(r, variations))
	case n < 75:
		o.ExposureID = pick(r, foreign)
	}
	if o.Unit == "" && o.ExposureID == "" || chance(r, 6) {
		o.UserID = pick(r, users)
	}
	if o.Unit != "" && chance(r, 5) {
		o.ExposureID = pick(r, foreign)
	}
	if chance(r, 80) {
		value := pick(r, values)
		if chance(r, 40) {
			value = r.Float64() * 1000
		}
		o.Value = &value
	}
	return o
}

func split(r *rand.Rand) events.Split {
	share := float64(r.IntN(101))
	return events.Split{
		Experiment: pick(r, experiments), Iteration: pick(r, iterations), WeightsVersion: pick(r, versions),
		Weights: map[string]float64{variations[0]: share, variations[1]: 100 - share},
	}
}

// AnyQuery makes a random query of what Batch makes.
func AnyQuery(r *rand.Rand, tenant string) events.Query {
	q := events.Query{
		Tenant: tenant, Experiment: pick(r, experiments), Iteration: pick(r, iterations),
		Skew: pick(r, []time.Duration{0, events.DefaultSkew, 6 * time.Hour}), Days: chance(r, 50),
	}
	if chance(r, 20) {
		q.From = moment(r)
	}
	if chance(r, 30) {
		q.Until = moment(r)
	}
	if chance(r, 30) {
		q.MaturedBy = moment(r)
	}
	if chance(r, 40) {
		q.Covariate = pick(r, []time.Duration{time.Hour, 3 * 24 * time.Hour})
	}
	for i := range r.IntN(6) {
		q.Measures = append(q.Measures, measure(r, i))
	}
	for i := range r.IntN(3) {
		chain := events.Chain{Key: fmt.Sprint("c", i), Window: window(r)}
		for range 1 + r.IntN(4) {
			chain.Events = append(chain.Events, pick(r, happenings))
		}
		q.Chains = append(q.Chains, chain)
	}
	for _, i := range r.Perm(len(attributes))[:r.IntN(len(attributes)+1)] {
		q.Attributes = append(q.Attributes, attributes[i])
	}
	return q
}

func measure(r *rand.Rand, i int) events.Measure {
	m := events.Measure{
		Key: fmt.Sprint("m", i), Event: pick(r, happenings), Aggregation: events.Aggregation(r.IntN(4)),
		OnlyPresent: chance(r, 25), Histogram: chance(r, 30), Window: window(r),
	}
	if chance(r, 25) {
		m.Denominator = pick(r, happenings)
	}
	if chance(r, 20) {
		m.Absent = pick(r, values)
	}
	if chance(r, 35) {
		m.Cap = pick(r, []float64{0.5, 0.9, 0.999})
	}
	return m
}

func window(r *rand.Rand) time.Duration {
	return pick(r, []time.Duration{0, 0, time.Second, 6 * time.Hour, 3 * 24 * time.Hour, 7 * 24 * time.Hour})
}
