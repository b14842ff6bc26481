package events

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"
)

// The size of the parts that DecodeLines reads.
const (
	linesAtOnce = 5000
	bytesAtOnce = 4 << 20
)

// DecodeLines reads records of any number, one in a line, and gives them to yield
// in parts together with what became of them. It stops at the first error, of r
// or of yield. Lines that are longer than a record may be are an error: it is not
// known where the next one begins.
func DecodeLines(r io.Reader, limits Limits, now time.Time, yield func(*Batch, *Report) error) error {
	limits = limits.complete()
	scanner := bufio.NewScanner(r)
	scanner.Buffer(make([]byte, 64<<10), limits.MaxRecordBytes+1)
	var part []byte
	lines, read := 0, 0
	flush := func() error {
		batch, report, err := Decode(bytes.NewReader(part), "application/x-ndjson", limits, now)
		if err != nil {
			return fmt.Errorf("reading events after line %d: %w", read, err)
		}
		for i := range report.Faults {
			report.Faults[i].Line += read
		}
		read, lines, part = read+lines, 0, part[:0]
		return yield(batch, report)
	}
	for scanner.Scan() {
		part = append(append(part, scanner.Bytes()...), '\n')
		if lines++; lines == linesAtOnce || len(part) >= bytesAtOnce {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := scanner.Err(); errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("reading events: line %d is longer than %d bytes", read+lines+1, limits.MaxRecordBytes)
	} else if err != nil {
		return fmt.Errorf("reading events after line %d: %w", read+lines, err)
	}
	if lines == 0 {
		return nil
	}
	return flush()
}

// Add counts what became of further records.
func (r *Report) Add(other *Report) {
	r.Accepted += other.Accepted
	r.Rejected += other.Rejected
	r.Skipped += other.Skipped
	for _, fault := range other.Faults {
		if len(r.Faults) < maxFaults {
			r.Faults = append(r.Faults, fault)
		}
	}
}
