package spool

import (
	"bytes"
	"math"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// everything lets all pass that a spool has taken: it was checked before.
var everything = events.Limits{MaxBytes: 1 << 40, MaxRecords: math.MaxInt32, MaxRecordBytes: math.MaxInt32, Future: math.MaxInt64}

// Decode reads lines that were in an entry. What cannot be read all the same is in
// the report.
func Decode(lines []byte) (*events.Batch, *events.Report, error) {
	return events.Decode(bytes.NewReader(lines), "application/x-ndjson", everything, time.Now())
}
