package events

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
)

const (
	// recordDepth bounds the nesting of a record that stands on its own. It also
	// bounds how often a byte is read: a line that does not parse is read again
	// from the next line on, and each such reading is one level deeper.
	recordDepth = 64
	// bodyDepth bounds that of a whole, as encoding/json does.
	bodyDepth = 10000
)

// body is what was posted: an object, an array of objects, or objects one after
// another.
type body struct {
	text   []byte
	limits Limits
	report *Report
	// take reads a record that is a JSON value. It gives the record's id even
	// where it gives an error.
	take func(record []byte) (id string, err error)

	records       int
	line, counted int // the line of a place up to which lines are counted
}

// read reads a text record by record.
func read(text []byte, contentType string, limits Limits, report *Report, take func([]byte) (string, error)) error {
	b := &body{text: bytes.TrimPrefix(text, []byte("\ufeff")), limits: limits, report: report, take: take, line: 1}
	begin := space(b.text, 0)
	if isLines(contentType) {
		if begin < len(b.text) && b.text[begin] == '[' && b.isWhole(begin) {
			return b.array(begin)
		}
		return b.stream(begin)
	}
	switch {
	case begin == len(b.text):
		return b.fail(begin, errors.New("there is nothing"))
	case b.text[begin] == '[':
		return b.array(begin)
	case b.text[begin] != '{':
		return b.fail(begin, errors.New("it is neither a JSON object nor an array of them"))
	}
	if at, err := scanValue(b.text, begin, recordDepth); err != nil && !bytes.Contains(b.text[begin:], []byte("\n{")) {
		return b.fail(at, err)
	}
	return b.stream(begin)
}

func readAll(r io.Reader, limit int64) ([]byte, error) {
	var text bytes.Buffer
	if _, err := text.ReadFrom(io.LimitReader(r, limit+1)); err != nil {
		return nil, fmt.Errorf("reading events: %w", err)
	}
	if int64(text.Len()) > limit {
		return nil, fmt.Errorf("%w: the limit is %d bytes", ErrTooLarge, limit)
	}
	return text.Bytes(), nil
}

// isLines reports whether a content type says that lines stand on their own.
func isLines(contentType string) bool {
	name, _, _ := mime.ParseMediaType(contentType) // a wrong parameter does not matter
	switch name {
	case "application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines", "application/jsonlines":
		return true
	}
	return false
}

// isWhole reports whether all there is is one value.
func (b *body) isWhole(begin int) bool {
	end, err := scanValue(b.text, begin, bodyDepth)
	return err == nil && space(b.text, end) == len(b.text)
}

func (b *body) array(at int) error {
	for at = space(b.text, at+1); ; at = space(b.text, at+1) {
		if at < len(b.text) && b.text[at] == ']' && b.records == 0 {
			break
		}
		end, err := scanValue(b.text, at, bodyDepth-1)
		if err != nil {
			return b.fail(end, err)
		}
		if err := b.record(at, end, nil); err != nil {
			return err
		}
		at = space(b.text, end)
		if at >= len(b.text) {
			return b.fail(at, errEnd)
		}
		if b.text[at] == ']' {
			break
		}
		if b.text[at] != ',' {
			return b.fail(at, errUnexpected)
		}
	}
	if at = space(b.text, at+1); at < len(b.text) {
		return b.fail(at, errors.New("something follows the array"))
	}
	return nil
}

// stream reads values that follow each other. After one that is broken it goes
// on at the next line.
func (b *body) stream(at int) error {
	for at = space(b.text, at); at < len(b.text); at = space(b.text, at) {
		end, broken := scanValue(b.text, at, recordDepth)
		if broken != nil {
			end = len(b.text)
			if next := bytes.IndexByte(b.text[at:], '\n'); next >= 0 {
				end = at + next
			}
		}
		if err := b.record(at, end, broken); err != nil {
			return err
		}
		at = end
	}
	return nil
}

// record has one record taken, unless it is broken.
func (b *body) record(begin, end int, broken error) error {
	index := b.records
	if b.records++; b.records > b.limits.MaxRecords {
		return fmt.Errorf("%w: the limit is %d records", ErrTooLarge, b.limits.MaxRecords)
	}
	id, err := "", broken
	switch text := b.text[begin:end]; {
	case broken != nil:
	case text[0] != '{':
		err = errors.New("it is no JSON object")
	case len(text) > b.limits.MaxRecordBytes:
		err = fmt.Errorf("it has %d bytes; the limit is %d", len(text), b.limits.MaxRecordBytes)
	default:
		id, err = b.take(text)
	}
	if err != nil && !errors.Is(err, errSkipped) {
		b.report.reject(Fault{Line: b.lineOf(begin), Index: index, ID: id, Reason: err.Error()})
	}
	return nil
}

// errSkipped says that a record is well and none of ours.
var errSkipped = errors.New("it is no event")

func (b *body) fail(at int, err error) error {
	return &SyntaxError{Line: b.lineOf(at), Reason: err.Error()}
}

// lineOf gives the line of a place that is not before those it was asked for.
func (b *body) lineOf(at int) int {
	b.line += bytes.Count(b.text[b.counted:at], []byte("\n"))
	b.counted = at
	return b.line
}
