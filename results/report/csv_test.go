package report_test

import (
	"encoding/csv"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/results/report"
)

// table reads CSV as rows by the names of the columns.
func table(t *testing.T, r *report.Report) []map[string]string {
	t.Helper()
	var b strings.Builder
	if err := r.WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
	if err != nil {
		t.Fatalf("%v:\n%s", err, b.String())
	}
	var rows []map[string]string
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, name := range lines[0] {
			row[name] = line[i]
		}
		rows = append(rows, row)
	}
	return rows
}

func TestCSVHasTheNumbers(t *testing.T) {
	f := newTraffic()
	f.split("even", map[string]float64{plain: 50, green: 50})
	f.add(plain, 2000, 0.30, 5, nil)
	f.add(green, 2000, 0.40, 5, nil)
	r := f.report(t, configured(t, "percentage", "", ""), report.Options{Attributes: []string{"device_type"}})
	rows := table(t, r)
	at := slices.IndexFunc(rows, func(row map[string]string) bool {
		return row["attribute"] == "" && row["metric"] == "login" && row["variation_id"] == green
	})
	if at < 0 {
		t.Fatalf("no row of login and green: %v", rows)
	}
	row, login := rows[at], metric(t, r, "login").TreatmentResults[1]
	d := login.RelativeDifferences[0]
	for column, want := range map[string]float64{
		"units": 2000, "mean": *login.DataMean, "sum": login.EventValuesSum, "p_best": *login.PBest,
		"relative_difference": *d.Estimate, "lower": *d.Lower, "upper": *d.Upper, "interval_level": 0.9, "smallest_p": *login.SmallestP,
	} {
		if got, err := strconv.ParseFloat(row[column], 64); err != nil || got != want {
			t.Errorf("%s is %q, want %v", column, row[column], want)
		}
	}
	if row["variation"] != "green" || row["is_control"] != "false" || row["decision"] != "winner" || row["role"] != "primary" {
		t.Errorf("row %v", row)
	}
	if !slices.ContainsFunc(rows, func(row map[string]string) bool {
		return row["attribute"] == "device_type" && row["attribute_value"] == "desktop"
	}) {
		t.Error("the slices are missing")
	}
}

func TestCSVOfDays(t *testing.T) {
	f := newTraffic()
	f.add(plain, 500, 0.3, 4, nil)
	f.add(green, 500, 0.4, 4, nil)
	var units int64
	for _, row := range table(t, f.report(t, configured(t, "percentage", "", ""), report.Options{Days: true})) {
		if row["metric"] == "login" && row["variation"] == "green" {
			n, err := strconv.ParseInt(row["new_units"], 10, 64)
			if err != nil || row["date"] == "" {
				t.Errorf("row %v: %v", row, err)
			}
			units += n
		}
	}
	if units != 500 {
		t.Errorf("the days have %d units, want 500", units)
	}
}

// Names do nothing to a spreadsheet or a terminal.
func TestCSVRunsNothing(t *testing.T) {
	for _, days := range []bool{false, true} {
		for hostile, want := range map[string]string{
			`=HYPERLINK("http://evil.example")`: `'=HYPERLINK("http://evil.example")`,
			"+1":                                "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)",
			"x\u001b[31m\r\n=1,\"2": `x\u001b[31m\u000d\u000a=1,"2`,
		} {
			f := newTraffic()
			f.add(plain, 50, 0.5, 2, nil)
			f.add(green, 50, 0.5, 2, nil)
			r := f.report(t, configured(t, "percentage", "", ""), report.Options{Days: days, Attributes: []string{"country"}})
			rename(reflect.ValueOf(r), hostile)
			for _, row := range table(t, r) {
				for column, value := range row {
					if strings.ContainsFunc(value, engine.Unprintable) {
						t.Errorf("%s is %q", column, value)
					}
					if _, err := strconv.ParseFloat(value, 64); err != nil && value != "" && strings.ContainsAny(value[:1], "=+-@") {
						t.Errorf("%s is %q, which a spreadsheet runs", column, value)
					}
				}
				if row["variation"] != want {
					t.Errorf("the variation is %q, want %q", row["variation"], want)
				}
			}
		}
	}
}

// Each line has its interval in numbers, so that the scale is not taken for it.
func TestTableHasIntervals(t *testing.T) {
	f := newTraffic()
	f.add(plain, 2000, 0.30, 5, nil)
	f.add(green, 2000, 0.40, 5, nil)
	r := f.report(t, configured(t, "percentage", "", ""), report.Options{Attributes: []string{"device_type"}})
	var b strings.Builder
	if err := r.Print(&b); err != nil {
		t.Fatal(err)
	}
	if len(regexp.MustCompile(`90 % interval +on a scale from \S+ % to \S+ %\n`).FindAllString(b.String(), -1)) < 2 {
		t.Errorf("the headings are others:\n%s", b.String())
	}
	for _, metrics := range [][]report.Metric{r.Metrics, r.Slices[0].Metrics} {
		for _, m := range metrics {
			for _, treatment := range m.TreatmentResults {
				for _, d := range treatment.RelativeDifferences {
					if treatment.TreatmentID != green || d.Lower == nil || !m.MetricSeen {
						continue
					}
					if want := fmt.Sprintf("%s to %s", shown(*d.Lower), shown(*d.Upper)); !strings.Contains(b.String(), want) {
						t.Errorf("the table of %s has no %q:\n%s", m.Key, want, b.String())
					}
				}
			}
		}
	}
}

// shown writes a relative difference with three digits that count.
func shown(x float64) string {
	return fmt.Sprintf("%+.3g %%", x*100)
}

// Of variations that have next to no units nothing is said in numbers.
func TestTableOfEmptyVariations(t *testing.T) {
	f := newTraffic()
	f.add(plain, 60, 0.5, 2, nil)
	var b strings.Builder
	if err := f.report(t, configured(t, "percentage", "", ""), report.Options{}).Print(&b); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "green" && fields[1] == "0" && strings.Contains(line, "%") {
			t.Errorf("it says %q", line)
		}
	}
	if text := b.String(); strings.Contains(text, "TOO_FEW") || strings.Contains(text, "best of all") || !strings.Contains(text, "too few units") {
		t.Errorf("it says:\n%s", text)
	}
	for _, row := range table(t, f.report(t, configured(t, "percentage", "", ""), report.Options{})) {
		if row["p_best"] != "" || row["expected_loss"] != "" {
			t.Errorf("CSV has %v", row)
		}
	}
}
