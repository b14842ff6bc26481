package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/results"
)

// WriteCSV writes the report as one table for spreadsheets: a row for each metric and
// variation, first of all units and then of each slice, or for each day where days
// were asked for. Shares are fractions, 0.1 is 10 %; what is not known is empty.
func (r *Report) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	if len(r.Series) > 0 {
		r.writeDays(out)
	} else {
		r.writeMetrics(out)
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("writing CSV: %w", err)
	}
	return nil
}

// The columns of the two tables.
var (
	metricColumns = []string{
		"attribute", "attribute_value", "metric", "metric_group", "step", "role", "kind", "lower_is_better", "decision",
		"variation_id", "variation", "is_control", "units", "mean", "std_dev", "sum", "p_best", "expected_loss",
		"relative_difference", "lower", "upper", "interval_level", "smallest_p", "state",
	}
	dayColumns = []string{
		"date", "metric", "variation_id", "variation", "is_control", "new_units", "new_events", "new_value",
		"units", "events", "mean", "relative_difference", "lower", "upper", "interval_level", "p",
	}
)

func (r *Report) writeMetrics(out *csv.Writer) {
	_ = out.Write(metricColumns) // Flush has the error
	rows := func(attribute, value string, metrics []Metric) {
		for i := range metrics {
			m := &metrics[i]
			for j := range m.TreatmentResults {
				t := &m.TreatmentResults[j]
				d := differenceOf(r.againstControl(t))
				step := ""
				if m.Step > 0 {
					step = strconv.Itoa(m.Step)
				}
				best, loss := t.PBest, t.ExpectedLoss
				if !m.ranks() {
					best, loss = nil, nil
				}
				_ = out.Write([]string{
					cell(attribute), cell(value), cell(m.Key), cell(m.Group), step, string(m.Role), string(m.Kind), strconv.FormatBool(m.LowerIsBetter), string(m.Decision.Status),
					cell(t.TreatmentID), cell(t.TreatmentName), strconv.FormatBool(r.isControl(t.TreatmentID)),
					strconv.FormatInt(t.Units, 10), digits(t.DataMean), digits(t.DataStdDev), digits(&t.EventValuesSum), digits(best), digits(loss),
					digits(d.Estimate), digits(d.Lower), digits(d.Upper), digits(&r.IntervalLevel), digits(t.SmallestP), string(t.State),
				})
			}
		}
	}
	rows("", "", r.Metrics)
	for _, s := range r.Slices {
		rows(s.Attribute, s.Value, s.Metrics)
	}
}

func (r *Report) writeDays(out *csv.Writer) {
	_ = out.Write(dayColumns) // Flush has the error
	called := map[string]string{}
	for _, v := range r.Variations {
		called[v.ID] = v.Name
	}
	for _, day := range r.Series {
		for _, m := range day.Metrics {
			for i := range m.Variations {
				v := &m.Variations[i]
				d := differenceOf(v.RelativeDifference)
				_ = out.Write([]string{
					cell(day.Date), cell(m.Key), cell(v.ID), cell(called[v.ID]), strconv.FormatBool(r.isControl(v.ID)),
					strconv.FormatInt(v.NewUnits, 10), strconv.FormatInt(v.NewEvents, 10), digits(&v.NewValue),
					strconv.FormatInt(v.Units, 10), strconv.FormatInt(v.Events, 10), digits(v.Mean),
					digits(d.Estimate), digits(d.Lower), digits(d.Upper), digits(&r.IntervalLevel), digits(v.P),
				})
			}
		}
	}
}

// differenceOf is the difference, or one of which nothing is known.
func differenceOf(d *results.DifferenceFromArm) results.DifferenceFromArm {
	if d == nil {
		return results.DifferenceFromArm{}
	}
	return *d
}

// digits writes a number so that it reads back as the same.
func digits(x *float64) string {
	if x == nil {
		return ""
	}
	return strconv.FormatFloat(*x, 'g', -1, 64)
}

// cell writes text that people have chosen. Spreadsheets run what begins like a
// formula, so that such a text begins with an apostrophe instead.
func cell(text string) string {
	text = engine.Printable(text)
	if text != "" && strings.ContainsRune("=+-@", rune(text[0])) {
		return "'" + text
	}
	return text
}
