package events

import (
	"errors"
	"fmt"
	"strings"
)

// field is one of the fields that a record can have.
type field uint8

const (
	fieldID field = iota
	fieldEvent
	fieldUnit
	fieldExposureID
	fieldUserID
	fieldExperiment
	fieldIteration
	fieldVariation
	fieldSegment
	fieldSource
	fieldDeviceType
	fieldBrowser
	fieldCountry
	fieldRegion
	fieldWeightsVersion
	texts // the fields before are texts
)

const (
	fieldTime field = texts + iota
	fieldValue
	fieldBot
	fieldWeights
	unknown
)

var names = [unknown]string{
	"id", "event", "unit", "exposure_id", "user_id", "experiment", "iteration", "variation", "segment", "source",
	"device_type", "browser", "country", "region", "weights_version", "t", "value", "bot", "weights",
}

// set is a set of fields.
type set uint32

func setOf(fields ...field) (s set) {
	for _, f := range fields {
		s |= 1 << f
	}
	return s
}

func (s set) has(f field) bool { return s&(1<<f) != 0 }

var (
	// repeating are the fields whose values many records share.
	repeating = setOf(fieldEvent, fieldExperiment, fieldIteration, fieldVariation, fieldSegment, fieldSource,
		fieldDeviceType, fieldBrowser, fieldCountry, fieldRegion, fieldWeightsVersion)
	// vacant are the fields that may be empty, which is the same as not there.
	vacant = setOf(fieldSegment, fieldSource, fieldDeviceType, fieldBrowser, fieldCountry, fieldRegion)
)

// fields is a record of any kind, taken apart.
type fields struct {
	there   set
	text    [texts]string
	time    Millis
	value   float64
	bot     bool
	weights map[string]float64
}

// shared is how many values of repeating fields are kept to be used again.
const shared = 1000

// words keeps one copy of texts that repeat.
type words map[string]string

func (w words) word(text []byte) string {
	if word, found := w[string(text)]; found {
		return word
	}
	word := string(text)
	if len(w) < shared {
		w[word] = word
	}
	return word
}

// parse takes a record apart, which must be a JSON object. After a fault it only
// looks for the id.
func (f *fields) parse(record []byte, words words) error {
	*f = fields{}
	var fault error
	eachMember(record, func(key, raw []byte) {
		which := fieldOf(key)
		if fault != nil && which != fieldID {
			return
		}
		if err := f.set(which, key, raw, words); err != nil && fault == nil {
			fault = err
		}
	})
	return fault
}

// eachMember gives the keys and values of a JSON object.
func eachMember(object []byte, yield func(key, raw []byte)) {
	for at := space(object, 1); object[at] != '}'; {
		keyEnd, _ := scanString(object, at)
		begin, _ := scanKey(object, at)
		end, _ := scanValue(object, begin, bodyDepth)
		yield(object[at:keyEnd], object[begin:end])
		if at = space(object, end); object[at] == ',' {
			at = space(object, at+1)
		}
	}
}

func (f *fields) set(which field, key, raw []byte, words words) (err error) {
	if which == unknown {
		return fmt.Errorf("the field %.100s is unknown", strings.ToValidUTF8(string(key), "\ufffd"))
	}
	if f.there.has(which) {
		return fmt.Errorf("%s: is there twice", names[which])
	}
	f.there |= setOf(which)
	switch {
	case which < texts:
		err = f.setText(which, raw, words)
	case which == fieldTime:
		f.time, err = timeOf(raw)
	case which == fieldValue && string(raw) == "null":
		f.there &^= setOf(fieldValue)
	case which == fieldValue:
		f.value, err = numberOf(raw, maxValue)
	case which == fieldBot:
		f.bot, err = boolOf(raw)
	case which == fieldWeights:
		f.weights, err = weightsOf(raw, words)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", names[which], err)
	}
	return nil
}

func (f *fields) setText(which field, raw []byte, words words) error {
	text, err := textOf(raw)
	if err != nil {
		return err
	}
	if len(text) == 0 && !vacant.has(which) {
		return errors.New("must not be empty")
	}
	if repeating.has(which) {
		f.text[which] = words.word(text)
	} else {
		f.text[which] = string(text)
	}
	return nil
}

func boolOf(raw []byte) (bool, error) {
	switch string(raw) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, errors.New("must be true or false")
}

// weightsOf gives percentages by variation.
func weightsOf(raw []byte, words words) (map[string]float64, error) {
	if raw[0] != '{' {
		return nil, errors.New("must be an object of percentages by variation")
	}
	weights := map[string]float64{}
	var fault error
	eachMember(raw, func(key, raw []byte) {
		if fault == nil {
			fault = addWeight(weights, key, raw, words)
		}
	})
	if fault == nil && len(weights) == 0 {
		fault = errors.New("must not be empty")
	}
	return weights, fault
}

func addWeight(weights map[string]float64, key, raw []byte, words words) error {
	name, err := textOf(key)
	if err != nil {
		return fmt.Errorf("a variation %w", err)
	}
	if len(name) == 0 {
		return errors.New("a variation must not be empty")
	}
	if _, twice := weights[string(name)]; twice {
		return fmt.Errorf("%q is there twice", name)
	}
	weight, err := numberOf(raw, 100)
	if err != nil {
		return fmt.Errorf("%q %w", name, err)
	}
	weights[words.word(name)] = weight
	return nil
}

// fieldOf gives the field of a key, which is a JSON string.
func fieldOf(key []byte) field {
	text, err := textOf(key)
	if err != nil {
		return unknown
	}
	switch string(text) {
	case "id":
		return fieldID
	case "event":
		return fieldEvent
	case "unit":
		return fieldUnit
	case "exposure_id":
		return fieldExposureID
	case "user_id":
		return fieldUserID
	case "experiment":
		return fieldExperiment
	case "iteration":
		return fieldIteration
	case "variation":
		return fieldVariation
	case "segment":
		return fieldSegment
	case "source":
		return fieldSource
	case "device_type":
		return fieldDeviceType
	case "browser":
		return fieldBrowser
	case "country":
		return fieldCountry
	case "region":
		return fieldRegion
	case "weights_version":
		return fieldWeightsVersion
	case "t":
		return fieldTime
	case "value":
		return fieldValue
	case "bot":
		return fieldBot
	case "weights":
		return fieldWeights
	}
	return unknown
}
