package events

import "time"

// Millis is a time in milliseconds since 1970, UTC: all that is kept of times.
type Millis int64

// MillisOf gives a time in milliseconds.
func MillisOf(t time.Time) Millis { return Millis(t.UnixMilli()) }

// Time gives the time in UTC.
func (m Millis) Time() time.Time { return time.UnixMilli(int64(m)).UTC() }

// Exposure says that a unit was given a variation. A unit has one of each
// experiment, iteration and variation; where it was seen more often, the earliest
// counts.
type Exposure struct {
	// ID names the exposure towards identity providers. One that we make holds
	// the unit; see ExposureID.
	ID         string `json:"id"`
	Experiment string `json:"experiment"`
	Iteration  string `json:"iteration"`
	// Unit is the keyed hash of the subject, the same in all experiments of a
	// tenant.
	Unit      string `json:"unit"`
	Variation string `json:"variation"`
	// Segment that matched, if any.
	Segment string `json:"segment,omitempty"`
	// Source is bucket, segment, fallback or override. What an override gave is
	// kept apart and never analysed, as are bots.
	Source     string `json:"source"`
	Bot        bool   `json:"bot,omitempty"`
	DeviceType string `json:"device_type,omitempty"`
	Browser    string `json:"browser,omitempty"`
	Country    string `json:"country,omitempty"`
	Region     string `json:"region,omitempty"`
	Time       Millis `json:"t"`
	// WeightsVersion names the split that was in force; empty where variations
	// were not given by chance.
	WeightsVersion string `json:"weights_version,omitempty"`
}

// SourceOverride is the source of what an override gave.
const SourceOverride = "override"

// Analysed reports whether the exposure takes part in results.
func (e *Exposure) Analysed() bool { return !e.Bot && e.Source != SourceOverride }

// Outcome says that a unit did something. Exactly one of Unit, ExposureID and
// UserID need be set; where UserID is there beside one of the others, it also
// says whose unit that is.
type Outcome struct {
	// ID makes sending again harmless: outcomes of one event and one unit that
	// have the same id are one, and the earliest of them counts (of equal times
	// the smallest value).
	ID    string `json:"id"`
	Event string `json:"event"`
	Unit  string `json:"unit,omitempty"`
	// ExposureID is that of an exposure of the unit.
	ExposureID string `json:"exposure_id,omitempty"`
	// UserID is the identity provider's. It stands for the units that were seen
	// with it; in results for the first of them that was exposed.
	UserID string `json:"user_id,omitempty"`
	Time   Millis `json:"t"`
	// Value is nil where the event has none. Numeric metrics then do not see it.
	Value *float64 `json:"value,omitempty"`
}

// Split is how the units of an experiment were meant to be divided while a
// weights version was in force.
type Split struct {
	Experiment     string `json:"experiment"`
	Iteration      string `json:"iteration"`
	WeightsVersion string `json:"weights_version"`
	// Weights are in percent by variation.
	Weights map[string]float64 `json:"weights"`
}

// Batch is what is appended at once.
type Batch struct {
	Exposures []Exposure
	Outcomes  []Outcome
	Splits    []Split
}

// Len is the number of records.
func (b *Batch) Len() int { return len(b.Exposures) + len(b.Outcomes) + len(b.Splits) }

// Merge adds the records of other.
func (b *Batch) Merge(other *Batch) {
	b.Exposures = append(b.Exposures, other.Exposures...)
	b.Outcomes = append(b.Outcomes, other.Outcomes...)
	b.Splits = append(b.Splits, other.Splits...)
}
