package engine

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strconv"
)

// EveryLevel is the level of a ramp at which everybody is in.
const EveryLevel = 100

// placeSuffix makes the hash of a subject's place in a ramp another one than that
// of its bucket, so that who is in has nothing to do with which variation it gets.
const placeSuffix = "\x00level"

// PlaceOf is where a subject stands in the ramp of an experiment, in thousandths
// of a percent, 0 to 99,999:
//
//	uint64(first 8 bytes, big endian, of SHA-256(subject + experimentID + "\x00level")) % 100000
//
// The subject is in at every level whose thousandths are above its place. A level
// that rises lets others in and moves no one out; buckets do not depend on it.
func PlaceOf(subject, experimentID string) int {
	var stack [longestOnStack]byte
	text := append(append(append(stack[:0], subject...), experimentID...), placeSuffix...)
	sum := sha256.Sum256(text)
	return int(binary.BigEndian.Uint64(sum[:8]) % uint64(WholeWeight))
}

// Level is the percentage of the subjects that the experiment lets in: that of its
// ramp, which begins with the first level, or EveryLevel without a ramp.
func (e *Experiment) Level() int {
	switch {
	case len(e.Levels) == 0:
		return EveryLevel
	case e.CurrentLevel != nil:
		return *e.CurrentLevel
	}
	return e.Levels[0]
}

// NextLevel is the level of the ramp that follows the current one; it is not ok if
// there is none.
func (e *Experiment) NextLevel() (level int, ok bool) {
	current := e.Level()
	next := slices.IndexFunc(e.Levels, func(level int) bool { return level > current })
	if next < 0 {
		return 0, false
	}
	return e.Levels[next], true
}

// BeginRamp puts the experiment on the first level of its ramp, if it has one and
// is on none yet. Every activation does that.
func (e *Experiment) BeginRamp() {
	if len(e.Levels) > 0 && e.CurrentLevel == nil {
		first := e.Levels[0]
		e.CurrentLevel = &first
	}
}

// lets reports whether the experiment's ramp lets a subject in.
func (p *plan) lets(subject string) bool {
	return p.level >= EveryLevel || PlaceOf(subject, p.id) < p.level*1000
}

// RampStep shows whether a subject is in at the level of a ramp.
type RampStep struct {
	Level int `json:"level"`
	// Hashed, Digits and Number are as in BucketStep. Hashed ends with a NUL and
	// the word level.
	Hashed string `json:"hashed"`
	Digits string `json:"digits"`
	Number string `json:"number"`
	// Place is where the subject stands, in percent. It is in below the level.
	Place Weight `json:"place"`
	In    bool   `json:"in"`
	// Passed says that an override takes the subject in whether it is in or not.
	Passed bool `json:"passed,omitempty"`
}

// climb says whether the ramp lets the subject in. Who is not in gets nothing.
func (step *ExperimentStep) climb(p *plan, subject string, passes bool) {
	hashed := subject + p.id + placeSuffix
	sum := sha256.Sum256([]byte(hashed))
	n := binary.BigEndian.Uint64(sum[:8])
	place := Weight(n % uint64(WholeWeight))
	step.Ramp = &RampStep{
		Level: p.level, Hashed: hashed, Digits: hex.EncodeToString(sum[:8]), Number: strconv.FormatUint(n, 10),
		Place: place, In: place < Weight(p.level)*1000, Passed: passes,
	}
	if step.Ramp.In || passes {
		return
	}
	step.Gives, step.GivesSegment, step.GivesSource, step.GivesUntracked = "", "", "", false
	step.GivesNoReason = "the ramp is at " + strconv.Itoa(p.level) + " %, and the subject's place is " + place.String() + " %"
}

// DecodeRampBody reads the level that a request wants a ramp to be at.
func DecodeRampBody(text []byte) (target int, err error) {
	err = decodeBody(text, Create, []string{"target_level"}, func(d *decoder, name string, v node, at *path) bool {
		if name == "target_level" {
			target = d.level(v, at)
		}
		return name == "target_level"
	})
	return target, err
}

// levels reads the schedule of a ramp.
func (d *decoder) levels(n node, at *path) []int {
	out := list(d, n, at, d.level)
	for i := 1; i < len(out); i++ {
		if out[i] <= out[i-1] {
			d.fault(n.item(i), &path{parent: at, item: i + 1}, "must be above the level before it, %d; levels rise", out[i-1])
			break
		}
	}
	return out
}

func (d *decoder) level(n node, at *path) int {
	level := d.integer(n, at, 0)
	if level > EveryLevel {
		d.fault(n, at, "must be a whole number of percent from 0 to 100, got %s", n.source())
		return 0
	}
	return int(level)
}
