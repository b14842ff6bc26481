package events_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

func TestDecodeLines(t *testing.T) {
	var text bytes.Buffer
	for i := range 12_000 {
		fmt.Fprintf(&text, `{"id":"%d","event":"s","unit":"u%d","t":%d}`+"\n", i, i, i+1)
	}
	text.WriteString("\n{\"event\":7}\n" + `{"id":"last","event":"s","unit":"u","t":1}`) // no line feed at the end
	var all events.Report
	var ids int
	err := events.DecodeLines(&text, events.Limits{}, time.Now(), func(b *events.Batch, r *events.Report) error {
		all.Add(r)
		ids += len(b.Outcomes)
		return nil
	})
	if err != nil || all.Accepted != 12_001 || ids != 12_001 || all.Rejected != 1 {
		t.Fatalf("got %+v, %d outcomes, %v", all, ids, err)
	}
	if line := all.Faults[0].Line; line != 12_002 {
		t.Errorf("the fault is in line %d", line)
	}
}

func TestDecodeLinesStops(t *testing.T) {
	full := errors.New("full")
	tests := map[string]struct {
		text  string
		yield error
		want  string
	}{
		"nothing":         {"", nil, ""},
		"a long line":     {"{}\n" + strings.Repeat("x", 1<<20), nil, "line 2 is longer"},
		"nobody takes it": {`{"id":"1","event":"s","unit":"u","t":1}`, full, "full"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := events.DecodeLines(strings.NewReader(test.text), events.Limits{}, time.Now(), func(*events.Batch, *events.Report) error { return test.yield })
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}
