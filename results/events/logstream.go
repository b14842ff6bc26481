package events

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// DecodeLogStream reads rows of an identity provider's log in Auth0's form: an
// array of them, one, or one a line, each by itself or as the data of another
// object. Logins are the event s, signups ss, failed logins f. A row of another
// type is an event of that name if known says so, and skipped if not.
//
// The exposure is where the provider's configuration has put the id that came
// with the request: see exposureOf. Errors are those of Decode.
func DecodeLogStream(r io.Reader, limits Limits, now time.Time, known func(event string) bool) (*Batch, *Report, error) {
	text, err := readAll(r, limits.complete().MaxBytes)
	if err != nil {
		return nil, nil, err
	}
	return DecodeLogStreamText(text, limits, now, known)
}

// DecodeLogStreamText is DecodeLogStream of a text that has been read, whose length
// it does not bound.
func DecodeLogStreamText(text []byte, limits Limits, now time.Time, known func(event string) bool) (*Batch, *Report, error) {
	d := &rows{limits: limits.complete(), now: MillisOf(now), known: known, batch: &Batch{}}
	report := &Report{}
	err := read(text, "", d.limits, report, func(record []byte) (string, error) {
		id, err := d.take(record)
		if errors.Is(err, errSkipped) {
			report.Skipped++
		}
		return id, err
	})
	if err != nil {
		return nil, nil, err
	}
	report.Accepted = d.batch.Len()
	return d.batch, report, nil
}

type rows struct {
	limits Limits
	now    Millis
	known  func(event string) bool
	batch  *Batch
}

// row is an object of any form.
type row map[string]any

func (d *rows) take(record []byte) (id string, err error) {
	if !utf8.Valid(record) {
		return "", errors.New("it must be valid UTF-8")
	}
	var outer row
	if err := json.Unmarshal(record, &outer); err != nil {
		return "", fmt.Errorf("it is no row of a log: %w", err)
	}
	r := outer
	if data, ok := outer["data"].(map[string]any); ok {
		r = data
	}
	id, idErr := r.text("log_id", "_id")
	if id == "" && idErr == nil {
		id, idErr = outer.text("log_id", "_id")
	}
	o := Outcome{ID: id}
	if o.Event, err = d.event(r); err != nil {
		return id, err
	}
	exposureID, err := d.fill(&o, r)
	if err := cmp.Or(idErr, err); err != nil {
		return id, err
	}
	d.batch.Outcomes = append(d.batch.Outcomes, o)
	d.limits.Check.named(d.batch.Outcomes, exposureID)
	return id, nil
}

// event gives the event of a row by its type.
func (d *rows) event(r row) (string, error) {
	name, err := r.text("type")
	if err != nil {
		return "", err
	}
	switch name {
	case "":
		return "", errors.New("type: is missing")
	case "s", "ss":
		return name, nil
	case "f", "fp", "fu", "fc", "fco", "fcoa":
		return "f", nil
	}
	if d.known == nil || !d.known(name) {
		return "", errSkipped
	}
	return name, nil
}

// fill takes time and unit of an outcome from a row, and returns the id of the
// exposure that the row names.
func (d *rows) fill(o *Outcome, r row) (exposureID string, err error) {
	if o.Time, err = d.time(r); err != nil {
		return "", err
	}
	if o.UserID, err = r.text("user_id"); err != nil {
		return "", err
	}
	if exposureID, err = exposureOf(r); err != nil {
		return "", err
	}
	if o.ExposureID = exposureID; exposureID == "" {
		if o.Unit, err = r.text("unit"); err != nil {
			return "", err
		}
	}
	if err := o.settle(); err != nil {
		return "", errors.New("exposure_id: is nowhere in it, nor is there a unit or a user_id")
	}
	if o.ID == "" {
		o.ID = hashOf(appendOutcome(nil, o))
	}
	return exposureID, nil
}

func (d *rows) time(r row) (Millis, error) {
	date, _ := r["date"].(string)
	t, err := time.Parse(time.RFC3339, date)
	if err != nil {
		return 0, errors.New("date: must be a time in RFC 3339")
	}
	if err := d.limits.checkTime(MillisOf(t), d.now); err != nil {
		return 0, fmt.Errorf("date: %s", strings.TrimPrefix(err.Error(), "t: "))
	}
	return MillisOf(t), nil
}

// text gives the first of some fields that is there.
func (r row) text(keys ...string) (string, error) {
	for _, key := range keys {
		value, found := r[key]
		if !found || value == nil || value == "" {
			continue
		}
		text, err := plain(value)
		if err != nil {
			return "", fmt.Errorf("%s: %w", key, err)
		}
		return text, nil
	}
	return "", nil
}

// plain gives a text, also one that is the only one in an array, as values of
// headers are.
func plain(value any) (string, error) {
	if values, ok := value.([]any); ok && len(values) == 1 {
		value = values[0]
	}
	text, ok := value.(string)
	switch {
	case !ok:
		return "", errors.New("must be a string")
	case len(text) == 0 || len(text) > MaxText:
		return "", fmt.Errorf("has %d bytes; the limit is %d", len(text), MaxText)
	}
	return text, checkText([]byte(text))
}

// detailDepth is how deep below a row's details the exposure is looked for.
const detailDepth = 6

// exposureOf looks for the id of an exposure in a row: at exposure_id, in its
// details at exposure_id, experiment.exposure_id and experiment_exposure, then
// anywhere in its details under the name of the header.
func exposureOf(r row) (string, error) {
	details, _ := r["details"].(map[string]any)
	experiment, _ := details["experiment"].(map[string]any)
	for _, at := range []struct {
		object row
		key    string
	}{{r, "exposure_id"}, {details, "exposure_id"}, {experiment, "exposure_id"}, {details, "experiment_exposure"}} {
		if id, err := at.object.text(at.key); id != "" || err != nil {
			return id, err
		}
	}
	return exposureBelow(details, detailDepth), nil
}

// exposureBelow looks for the header that went with the exposure, however it is
// written.
func exposureBelow(value any, depth int) string {
	if depth == 0 {
		return ""
	}
	switch value := value.(type) {
	case map[string]any:
		keys := slices.Sorted(maps.Keys(value)) // so that it is the same one every time
		for _, key := range keys {
			if folded(key) != "xexperimentexposure" {
				continue
			}
			if id, err := plain(value[key]); err == nil {
				return id
			}
		}
		for _, key := range keys {
			if id := exposureBelow(value[key], depth-1); id != "" {
				return id
			}
		}
	case []any:
		for _, element := range value {
			if id := exposureBelow(element, depth-1); id != "" {
				return id
			}
		}
	}
	return ""
}

// folded is a key without what differs between ways to write it.
func folded(key string) string {
	return folding.Replace(strings.ToLower(key))
}

var folding = strings.NewReplacer("-", "", "_", "")
