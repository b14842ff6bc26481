package launchdarkly

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

func TestClauses(t *testing.T) {
	for text, want := range map[string][]term{
		"":                                {},
		`tags contains ["a", "b"]`:        {{"tags", "contains", []string{"a", "b"}}},
		`tags contains ["a","b",]`:        nil,
		`tags contains []`:                {{"tags", "contains", nil}},
		`query equals "m"`:                {{"query", "equals", []string{"m"}}},
		`query equals m`:                  {{"query", "equals", []string{"m"}}},
		`query equals 'metric name'`:      {{"query", "equals", []string{"metric name"}}},
		`query equals 'it\'s', a anyOf b`: {{"query", "equals", []string{"it's"}}, {"a", "anyOf", []string{"b"}}},
		`query equals "a, b and \"c\""`:   {{"query", "equals", []string{`a, b and "c"`}}},
		`experimentStatus equals 'running' and query equals 'x'`: {{"experimentStatus", "equals", []string{"running"}}, {"query", "equals", []string{"x"}}},
		`isNumeric equals true AND kind equals funnel`:           {{"isNumeric", "equals", []string{"true"}}, {"kind", "equals", []string{"funnel"}}},
		`eventKeys anyOf [a,'b', "c"]`:                           {{"eventKeys", "anyOf", []string{"a", "b", "c"}}},
		` a  b  c `:                                              {{"a", "b", []string{"c"}}},
		`query:x`:                                                nil, `query`: nil, `query equals`: nil, `query equals "x`: nil, `tags contains [`: nil, `tags contains ["a" "b"]`: nil, `tags contains ["a"`: nil,
		`a b c d e f`: nil, `a b c and`: nil, `and`: nil, `a b ]`: nil, `a b [[c]]`: nil, "a b '\xff'": nil, `= b c`: nil, `a b c,, d e f`: nil,
	} {
		got, err := clauses([]string{text})
		if want == nil {
			if err == nil || !strings.HasPrefix(err.Error(), "400: filter: ") {
				t.Errorf("%q: got %v, %v, want an error", text, got, err)
			}
			continue
		}
		if err != nil || len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
	for text, words := range map[string]string{
		strings.Repeat("a b c,", maxTerms+1):                        "at most 20 conditions",
		"a b [" + strings.Repeat("c,", maxValues) + "c]":            "at most 100 values",
		"a b [" + strings.TrimSuffix(strings.Repeat("c,", 99), ","): "a bracket at the end",
	} {
		if _, err := clauses([]string{text}); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%.20s…: got %v, want %q", text, err, words)
		}
	}
}

func TestPairs(t *testing.T) {
	for text, want := range map[string][]term{
		"": {}, ",,": {}, "a:b": {{"a", "", []string{"b"}}}, " a : b , c:d:e": {{"a", "", []string{"b"}}, {"c", "", []string{"d:e"}}},
		`a:{"x":1,"y":"},{"},b:c`: {{"a", "", []string{`{"x":1,"y":"},{"}`}}, {"b", "", []string{"c"}}},
		`a:"`:                     {{"a", "", []string{`"`}}},
		"a":                       nil, "a:": nil, ":b": nil, "a:{": nil, "a:}": nil, "a:}{": nil, `a:{"`: nil, `a:{"}`: nil, `a:{"\"}`: nil, "a:b,c": nil,
		strings.Repeat("a:b,", maxTerms+1): nil,
	} {
		got, err := pairs([]string{text})
		if want == nil && err == nil || want != nil && (err != nil || len(got)+len(want) > 0 && !reflect.DeepEqual(got, want)) {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
}

// Whatever a filter is, it is read or refused; one that is read is read as the same
// when it is written again.
func FuzzClauses(f *testing.F) {
	for _, text := range []string{`tags contains ["a", 'b\'c']`, `a b c and d e "f"`, "a b [", "and and and", "\xff"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		terms, err := clauses([]string{text})
		if err != nil {
			return
		}
		var written []string
		for _, one := range terms {
			var values []string
			for _, value := range one.values {
				values = append(values, `"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value)+`"`)
			}
			written = append(written, one.field+" "+one.operator+" ["+strings.Join(values, ",")+"]")
		}
		again, err := clauses(written)
		if err != nil || len(terms) > maxTerms || fmt.Sprint(again) != fmt.Sprint(terms) {
			t.Errorf("%s: read as %q, again as %q, %v", strconv.Quote(text), terms, again, err)
		}
	})
}

func FuzzPairs(f *testing.F) {
	for _, text := range []string{`a:b,c:{"d":[1,"}"]}`, `:,`, `a:{`, "\\"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		terms, err := pairs([]string{text})
		if err == nil && len(terms) > maxTerms {
			t.Errorf("%q: %d terms", text, len(terms))
		}
		for _, one := range terms {
			if len(one.values) != 1 || one.field == "" || one.values[0] == "" {
				t.Errorf("%q: read as %q", text, terms)
			}
		}
	})
}
