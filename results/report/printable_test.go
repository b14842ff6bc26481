package report_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/results/report"
)

// rename sets every text of a report that is not one of some words.
func rename(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			rename(v.Elem(), text)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				rename(v.Field(i), text)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			rename(v.Index(i), text)
		}
	case reflect.String:
		if v.Type() == reflect.TypeFor[string]() {
			v.SetString(text)
		}
	}
}

// Whoever may name things does nothing to the terminal of who asks for results,
// not even by a line of their own.
func TestPrintIsPrintable(t *testing.T) {
	const hostile = "x\u001b]0;pwned\u0007\u001b[31mred\u001b[2J\u202e\u009b\u2066\u007f\r\n== forged\ty"
	printed := func(text string) string {
		f := newTraffic()
		f.add(plain, 300, 0.5, 3, nil)
		f.add(green, 300, 0.6, 3, nil)
		f.split("even", map[string]float64{plain: 50, green: 50})
		r := f.report(t, configured(t, "percentage", "", ""), report.Options{Attributes: []string{"country"}, Days: true})
		if len(r.Slices) == 0 || len(r.Series) == 0 {
			t.Fatal("the report has no slices or days")
		}
		r.Health.Notes = append(r.Health.Notes, "a note")
		rename(reflect.ValueOf(r), text)
		var b strings.Builder
		if err := r.Print(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	plainly, got := printed("x"), printed(hostile)
	if strings.ContainsFunc(strings.ReplaceAll(got, "\n", ""), engine.Unprintable) {
		t.Errorf("it prints %q", got)
	}
	if a, b := strings.Count(plainly, "\n"), strings.Count(got, "\n"); a != b {
		t.Errorf("it has %d lines, with plain names %d:\n%s", b, a, got)
	}
	if !strings.Contains(got, `x\u001b]0;pwned\u0007`) {
		t.Errorf("it does not say what is there:\n%s", got)
	}
}
