package events

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"time"
)

// Decode reads what was posted: a JSON object, an array of objects, or objects
// one after another, each of them a record as it is exported. A record with a
// variation is an exposure, one with weights a split, any other an outcome.
//
// A record that is wrong is rejected on its own. An error means that nothing was
// read: it is a SyntaxError where the whole is no JSON, ErrTooLarge, or that of r.
func Decode(r io.Reader, contentType string, limits Limits, now time.Time) (*Batch, *Report, error) {
	text, err := readAll(r, limits.complete().MaxBytes)
	if err != nil {
		return nil, nil, err
	}
	return DecodeText(text, contentType, limits, now)
}

// DecodeText is Decode of a text that has been read, whose length it does not
// bound. The batch refers to nothing of the text.
func DecodeText(text []byte, contentType string, limits Limits, now time.Time) (*Batch, *Report, error) {
	d := &decoder{limits: limits.complete(), now: MillisOf(now), batch: &Batch{}, words: words{}}
	report := &Report{}
	if err := read(text, contentType, d.limits, report, d.take); err != nil {
		return nil, nil, err
	}
	report.Accepted = d.batch.Len()
	return d.batch, report, nil
}

type decoder struct {
	limits Limits
	now    Millis
	batch  *Batch
	words  words
	fields fields
	line   []byte // to be used again
}

func (d *decoder) take(record []byte) (id string, err error) {
	f := &d.fields
	err = f.parse(record, d.words)
	switch {
	case err != nil:
	case f.there.has(fieldVariation):
		err = d.exposure(f)
	case f.there.has(fieldWeights):
		err = d.split(f)
	default:
		err = d.outcome(f)
	}
	return f.text[fieldID], err
}

// What the kinds of records may have and what they must have.
var (
	exposureMust = setOf(fieldExperiment, fieldIteration, fieldUnit, fieldVariation)
	exposureMay  = exposureMust | setOf(fieldID, fieldSegment, fieldSource, fieldBot, fieldDeviceType, fieldBrowser, fieldCountry, fieldRegion, fieldTime, fieldWeightsVersion)
	outcomeMust  = setOf(fieldEvent)
	outcomeMay   = outcomeMust | setOf(fieldID, fieldUnit, fieldExposureID, fieldUserID, fieldTime, fieldValue)
	splitMust    = setOf(fieldExperiment, fieldIteration, fieldWeightsVersion, fieldWeights)
)

// check reports which fields are too many or too few.
func (f *fields) check(kind string, must, may set) error {
	for which := range unknown {
		if f.there.has(which) && !may.has(which) {
			return fmt.Errorf("%s: is no field of %s", names[which], kind)
		}
		if must.has(which) && !f.there.has(which) {
			return fmt.Errorf("%s: is missing in %s", names[which], kind)
		}
	}
	return nil
}

func (d *decoder) exposure(f *fields) error {
	if err := f.check("an exposure", exposureMust, exposureMay); err != nil {
		return err
	}
	t, err := d.time(f)
	if err != nil {
		return err
	}
	switch f.text[fieldSource] {
	case "", "bucket", "segment", "fallback", SourceOverride:
	default:
		return fmt.Errorf("source: %q must be bucket, segment, fallback or override", f.text[fieldSource])
	}
	e := Exposure{
		ID: f.text[fieldID], Experiment: f.text[fieldExperiment], Iteration: f.text[fieldIteration],
		Unit: f.text[fieldUnit], Variation: f.text[fieldVariation], Segment: f.text[fieldSegment],
		Source: f.text[fieldSource], Bot: f.bot, DeviceType: f.text[fieldDeviceType], Browser: f.text[fieldBrowser],
		Country: f.text[fieldCountry], Region: f.text[fieldRegion], Time: t, WeightsVersion: f.text[fieldWeightsVersion],
	}
	if e.ID == "" {
		if e.ID = ExposureID(e.Unit, e.Experiment, e.Iteration, e.Variation); len(e.ID) > MaxText {
			e.ID = hashOf(appendExposure(nil, &e))
		}
	}
	d.batch.Exposures = append(d.batch.Exposures, e)
	return last(&d.batch.Exposures, d.limits.Check.Exposure)
}

func (d *decoder) split(f *fields) error {
	if err := f.check("a split", splitMust, splitMust); err != nil {
		return err
	}
	d.batch.Splits = append(d.batch.Splits, Split{
		Experiment: f.text[fieldExperiment], Iteration: f.text[fieldIteration],
		WeightsVersion: f.text[fieldWeightsVersion], Weights: f.weights,
	})
	return last(&d.batch.Splits, d.limits.Check.Split)
}

func (d *decoder) outcome(f *fields) error {
	if err := f.check("an outcome", outcomeMust, outcomeMay); err != nil {
		return err
	}
	t, err := d.time(f)
	if err != nil {
		return err
	}
	o := Outcome{
		ID: f.text[fieldID], Event: f.text[fieldEvent], Unit: f.text[fieldUnit],
		ExposureID: f.text[fieldExposureID], UserID: f.text[fieldUserID], Time: t,
	}
	if f.there.has(fieldValue) {
		value := f.value
		o.Value = &value
	}
	if err := o.settle(); err != nil {
		return err
	}
	if o.ID == "" {
		o.ID = d.id(f, &o)
	}
	d.batch.Outcomes = append(d.batch.Outcomes, o)
	if err := last(&d.batch.Outcomes, d.limits.Check.Outcome); err != nil {
		return err
	}
	d.limits.Check.named(d.batch.Outcomes, f.text[fieldExposureID])
	return nil
}

// settle leaves one name of the outcome's unit, and that is the unit where the
// exposure's id tells it.
func (o *Outcome) settle() error {
	if unit, ok := UnitOf(o.ExposureID); ok && (o.Unit == "" || o.Unit == unit) {
		o.Unit, o.ExposureID = unit, ""
	}
	switch {
	case o.Unit != "" && o.ExposureID != "":
		return errors.New("unit and exposure_id: are both there and differ; send one of them")
	case o.Unit == "" && o.ExposureID == "" && o.UserID == "":
		return errors.New("unit: is missing in an outcome, as are exposure_id and user_id; one of them is needed")
	}
	return nil
}

// id makes an id for an outcome without one: the same again where the outcome is
// sent again with its time.
func (d *decoder) id(f *fields, o *Outcome) string {
	if !f.there.has(fieldTime) {
		return rand.Text()
	}
	d.line = appendOutcome(d.line[:0], o)
	return hashOf(d.line)
}

// hashOf makes an id for a record of what else there is in it.
func hashOf(line []byte) string {
	sum := sha256.Sum256(line)
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

func (d *decoder) time(f *fields) (Millis, error) {
	if !f.there.has(fieldTime) {
		return d.now, nil
	}
	return f.time, d.limits.checkTime(f.time, d.now)
}
