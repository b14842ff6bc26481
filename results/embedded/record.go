package embedded

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// longest bounds every string of a record.
const longest = 4096

func appendExposure(key []byte, tenant string, e *events.Exposure) []byte {
	key = appendString(append(key, exposureKind), tenant)
	key = appendString(appendString(key, e.Experiment), e.Iteration)
	key = appendTime(appendUnit(key, e.Unit), e.Time)
	for _, s := range [...]string{
		e.Variation, e.ID, e.WeightsVersion, e.DeviceType, e.Browser, e.Country, e.Region, e.Segment, e.Source,
	} {
		key = appendString(key, s)
	}
	if e.Bot {
		return append(key, 1)
	}
	return append(key, 0)
}

// exposure reads a key that appendExposure made, behind its tenant.
func (r *reader) exposure() events.Exposure {
	e := events.Exposure{Experiment: string(r.string()), Iteration: string(r.string())}
	if unit := r.unit(); !r.bad {
		e.Unit = unitName(unit)
	}
	e.Time = r.time()
	for _, s := range [...]*string{
		&e.Variation, &e.ID, &e.WeightsVersion, &e.DeviceType, &e.Browser, &e.Country, &e.Region, &e.Segment, &e.Source,
	} {
		*s = string(r.string())
	}
	e.Bot = r.byte() == 1
	return e
}

// appendOutcome puts an outcome under a unit.
func appendOutcome(key []byte, tenant string, unit []byte, o *events.Outcome, origin byte, of string) []byte {
	key = appendString(appendString(append(key, outcomeKind), tenant), o.Event)
	key = appendTime(append(key, unit...), o.Time)
	key = appendValue(appendString(key, o.ID), o.Value)
	return appendString(append(key, origin), of)
}

// outcome reads a key that appendOutcome made, behind its tenant. It is not ok
// for a copy.
func (r *reader) outcome() (o events.Outcome, ok bool) {
	o.Event = string(r.string())
	if unit := r.unit(); !r.bad {
		o.Unit = unitName(unit)
	}
	o.Time, o.ID, o.Value = r.time(), string(r.string()), r.pointer()
	origin := r.byte()
	o.UserID = string(r.string())
	return o, origin == direct
}

// appendHome puts an outcome under its alias.
func appendHome(key []byte, tenant string, a alias, o *events.Outcome) []byte {
	key = a.append(appendString(append(key, aliasKind), tenant))
	key = appendTime(appendString(key, o.Event), o.Time)
	key = appendValue(appendString(key, o.ID), o.Value)
	if a.kind == byForeign {
		return appendString(key, o.UserID)
	}
	return key
}

// home reads a key that appendHome made, behind its tenant.
func (r *reader) home() events.Outcome {
	a := r.alias()
	o := events.Outcome{Event: string(r.string()), Time: r.time(), ID: string(r.string()), Value: r.pointer()}
	if a.kind == byForeign {
		o.ExposureID, o.UserID = a.name, string(r.string())
	} else {
		o.UserID = a.name
	}
	return o
}

func appendSplit(key []byte, tenant string, s *events.Split) ([]byte, error) {
	weights, err := json.Marshal(s.Weights)
	if err != nil {
		return nil, fmt.Errorf("weights of %q: %w", s.Experiment, err)
	}
	key = appendString(append(key, splitKind), tenant)
	for _, name := range [...]string{s.Experiment, s.Iteration, s.WeightsVersion, string(weights)} {
		key = appendString(key, name)
	}
	return key, nil
}

// split reads a key that appendSplit made, behind its tenant.
func (r *reader) split() (events.Split, error) {
	s := events.Split{Experiment: string(r.string()), Iteration: string(r.string()), WeightsVersion: string(r.string())}
	if err := json.Unmarshal(r.string(), &s.Weights); err != nil {
		return s, fmt.Errorf("weights of %q: %w", s.Experiment, err)
	}
	return s, nil
}

// check refuses what could not be kept or given back, with an ErrRefused.
func check(tenant string, b *events.Batch) error {
	if len(tenant) > longest {
		return refusal("tenant's name is too long")
	}
	for i := range b.Exposures {
		e := &b.Exposures[i]
		if tooLong(e.Experiment, e.Iteration, e.Unit, e.Variation, e.ID, e.WeightsVersion, e.DeviceType,
			e.Browser, e.Country, e.Region, e.Segment, e.Source) {
			return refusal("exposure %d has a string of more than %d bytes", i, longest)
		}
	}
	for i := range b.Outcomes {
		o := &b.Outcomes[i]
		switch {
		case o.Unit == "" && o.ExposureID == "" && o.UserID == "":
			return refusal("outcome %d has neither a unit nor an exposure's id nor a user", i)
		case o.Value != nil && (math.IsNaN(*o.Value) || math.IsInf(*o.Value, 0)):
			return refusal("outcome %d has the value %v", i, *o.Value)
		case tooLong(o.Event, o.Unit, o.ExposureID, o.UserID, o.ID):
			return refusal("outcome %d has a string of more than %d bytes", i, longest)
		}
	}
	for i := range b.Splits {
		s := &b.Splits[i]
		if tooLong(s.Experiment, s.Iteration, s.WeightsVersion) {
			return refusal("split %d has a string of more than %d bytes", i, longest)
		}
		if err := checkWeights(s.Weights); err != nil {
			return refusal("split %d: %w", i, err)
		}
	}
	return nil
}

// longestWeights bounds the variations of a split together, as a record's size
// bounds them where it is read.
const longestWeights = 64 << 10

func checkWeights(weights map[string]float64) error {
	size := 0
	for variation, weight := range weights {
		if math.IsNaN(weight) || math.IsInf(weight, 0) {
			return fmt.Errorf("variation %.64q has the weight %v", variation, weight)
		}
		size += len(variation)
	}
	if size > longestWeights {
		return fmt.Errorf("its variations have %d bytes, the limit is %d", size, longestWeights)
	}
	return nil
}

// refusal is an error of what is in a batch.
func refusal(format string, arguments ...any) error {
	return fmt.Errorf("%w: %w", events.ErrRefused, fmt.Errorf(format, arguments...))
}

func tooLong(strings ...string) bool {
	for _, s := range strings {
		if len(s) > longest {
			return true
		}
	}
	return false
}
