package report

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results"
)

// Options say what a report is about. The zero value is the current iteration
// with all of its metrics.
type Options struct {
	// Iteration is an iteration's id; empty means the current one.
	Iteration string
	// Metrics are keys of metrics, which need not be the iteration's; none means
	// the iteration's. Group is the key of one metric group instead.
	Metrics []string
	Group   string
	// Attributes slice the results: device_type, browser, country, region.
	Attributes []string
	// Days asks for the series.
	Days bool
	// From and Until bound the exposures within the iteration; zero is no bound.
	From, Until time.Time
	// Level of the credible intervals; 0 takes 0.9.
	Level float64
	Prior results.Prior
	// DeltaInterval takes the delta method where a logarithm could be taken.
	DeltaInterval bool
	// Covariate is how long before its exposure a unit's outcomes are looked at to
	// reduce the variance (CUPED); 0 leaves that out.
	Covariate time.Duration
	// Matured leaves out units whose window is not over.
	Matured bool
	Now     time.Time
}

// MaxMetrics is how many metrics one report may name.
const MaxMetrics = 50

// List splits a list of metrics or attributes at its commas; what is named twice is
// one. Of one that is longer than any report takes the rest is left out: Make
// refuses it all the same.
func List(text string) []string {
	var list []string
	for part := range strings.SplitSeq(text, ",") {
		if part != "" && !slices.Contains(list, part) {
			list = append(list, part)
		}
		if len(list) > MaxMetrics {
			break
		}
	}
	return list
}

// The errors of Make, wrapped with what was asked for.
var (
	ErrNoExperiment = errors.New("there is no such experiment")
	ErrNoIteration  = errors.New("the experiment has no such iteration")
	ErrNoMetric     = errors.New("there is no such metric")
	ErrNoAttribute  = errors.New("there is no such attribute")
	ErrTooMany      = errors.New("there are too many metrics at once")
)
