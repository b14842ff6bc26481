package engine

import (
	"fmt"
	"strings"
	"testing"
)

func TestExpressions(t *testing.T) {
	list := func(values ...string) string { return `["` + strings.Join(values, `","`) + `"]` }
	long := make([]string, 50)
	for i := range long {
		long[i] = fmt.Sprintf("App-%d", i)
	}
	endless := strings.Repeat("Ab", 100) // longer than what the index takes
	withEndless := append([]string{endless}, long...)
	tests := []struct {
		name, expression, value string
		want                    bool
	}{
		{"equals", list("chrome"), "chrome", true},
		{"equals any", list("firefox", "chrome"), "chrome", true},
		{"equals ignores case of values", list("CHROME"), "chrome", true},
		{"equals ignores case of attribute", list("chrome"), "ChRoMe", true},
		{"equals not a part", list("chrome"), "chrome mobile", false},
		{"equals not a longer value", list("chrome mobile"), "chrome", false},
		{"equals absent", list("chrome"), "", false},
		{"equals absent with an empty value", list(""), "", false},
		{"equals nothing", "[]", "chrome", false},
		{"equals characters next to letters", list("@[`{"), "`{@[", false},
		{"equals @ is not `", list("@"), "`", false},
		{"equals [ is not {", list("["), "{", false},
		{"equals ` is not @", list("`"), "@", false},
		{"equals { is not [", list("{"), "[", false},
		{"equals non-ASCII", list("Zürich"), "zürich", true},
		{"equals does not fold non-ASCII", list("ZÜRICH"), "zürich", false},
		{"equals does not fold the Kelvin sign", list("\u212a"), "k", false},
		{"equals does not fold the long s", list("\u017f"), "s", false},
		{"equals bytes that are no UTF-8", list("a"), "a\xff", false},

		{"long list has it", list(long...), "APP-49", true},
		{"long list has not", list(long...), "app-50", false},
		{"long list, a part", list(long...), "app-", false},
		{"long list absent", list(long...), "", false},
		{"long list, value beyond the index", list(withEndless...), strings.ToUpper(endless), true},
		{"long list, other value beyond the index", list(withEndless...), endless + "x", false},
		{"long list, value as long as the index takes", list(append(long, strings.Repeat("Q", longestIndexed))...), strings.Repeat("q", longestIndexed), true},
		{"long list non-ASCII", list(append(long, "Ünï")...), "ÜNï", true},
		{"list of eight", list("a", "b", "c", "d", "e", "f", "g", "H"), "h", true},
		{"list of seven", list("a", "b", "c", "d", "e", "f", "G"), "g", true},
		{"list of eight with an empty value", list("", "b", "c", "d", "e", "f", "g", "h"), "", false},

		{"contains", `{"contains":["ome"]}`, "Chrome", true},
		{"contains any", `{"contains":["x","CHR"]}`, "chrome", true},
		{"contains whole", `{"contains":["chrome"]}`, "chrome", true},
		{"contains at the end", `{"contains":["ME"]}`, "chrome", true},
		{"contains after a false start", `{"contains":["aab"]}`, "aaab", true},
		{"contains not", `{"contains":["xyz"]}`, "chrome", false},
		{"contains longer", `{"contains":["chromes"]}`, "chrome", false},
		{"contains absent", `{"contains":["a"]}`, "", false},
		{"contains empty value", `{"contains":[""]}`, "a", true},
		{"contains empty value absent", `{"contains":[""]}`, "", false},
		{"contains nothing", `{"contains":[]}`, "a", false},
		{"contains non-ASCII", `{"contains":["日本"]}`, "in 日本 now", true},
		{"contains does not fold non-ASCII", `{"contains":["Ä"]}`, "ä", false},
		{"contains @ is not `", `{"contains":["@"]}`, "`", false},

		{"starts with", `{"starts_with":["App_"]}`, "aPP_1", true},
		{"starts with any", `{"starts_with":["x","a"]}`, "app", true},
		{"starts with whole", `{"starts_with":["app"]}`, "app", true},
		{"starts with not", `{"starts_with":["pp"]}`, "app", false},
		{"starts with longer", `{"starts_with":["apps"]}`, "app", false},
		{"starts with absent", `{"starts_with":[""]}`, "", false},
		{"starts with non-ASCII", `{"starts_with":["é"]}`, "état", true},

		{"ends with", `{"ends_with":[".Example.com"]}`, "login.EXAMPLE.com", true},
		{"ends with any", `{"ends_with":["x",".org",".com"]}`, "a.com", true},
		{"ends with whole", `{"ends_with":["a.com"]}`, "a.com", true},
		{"ends with not", `{"ends_with":["a."]}`, "a.com", false},
		{"ends with longer", `{"ends_with":["aa.com"]}`, "a.com", false},
		{"ends with absent", `{"ends_with":[".com"]}`, "", false},
		{"ends with non-ASCII", `{"ends_with":["é"]}`, "café", true},

		{"exists", `{"exists":true}`, "x", true},
		{"exists absent", `{"exists":true}`, "", false},
		{"exists not", `{"exists":false}`, "x", false},
		{"exists not absent", `{"exists":false}`, "", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for attribute := range attributeCount {
				text := fmt.Sprintf(`{"segments":[{"id":"seg_1","name":"s","rules":[{"match":{%q:%s}}]}]}`, attribute.String(), test.expression)
				audience := audienceOf(t, text)
				var attributes Attributes
				for other := range attributeCount {
					if other != attribute {
						attributes[other] = "of something else"
					}
				}
				attributes[attribute] = test.value
				if got := audience.matches(&attributes); got != test.want {
					t.Fatalf("%s on %s %q is %t, want %t", test.expression, attribute, test.value, got, test.want)
				}
			}
		})
	}
}

// audienceOf compiles the first segment of a document.
func audienceOf(t *testing.T, text string) *audience {
	t.Helper()
	a := &audience{}
	for _, r := range decode(t, text).Segments[0].Rules {
		a.rules = append(a.rules, compileRule(r))
	}
	return a
}

func TestRules(t *testing.T) {
	us := Attributes{Country: "US", Browser: "chrome"}
	usFirefox := Attributes{Country: "US", Browser: "firefox"}
	germany := Attributes{Country: "DE", Browser: "chrome"}
	nothing := Attributes{}
	tests := []struct {
		name, rules string
		attributes  Attributes
		want        bool
	}{
		{"all conditions of match", `[{"match":{"country":["US"],"browser":["chrome"]}}]`, us, true},
		{"one condition of match fails", `[{"match":{"country":["US"],"browser":["chrome"]}}]`, usFirefox, false},
		{"not_match fails", `[{"not_match":{"country":["US"]}}]`, us, false},
		{"not_match holds", `[{"not_match":{"country":["US"]}}]`, germany, true},
		{"not_match holds for the absent", `[{"not_match":{"country":["US"]}}]`, nothing, true},
		{"not_match, one of two is true", `[{"not_match":{"country":["US"],"browser":["chrome"]}}]`, usFirefox, false},
		{"not_match, none of two is true", `[{"not_match":{"country":["FR"],"browser":["opera"]}}]`, usFirefox, true},
		{"not_match of exists false", `[{"not_match":{"country":{"exists":false}}}]`, nothing, false},
		{"match and not_match", `[{"match":{"country":["US"]},"not_match":{"browser":["firefox"]}}]`, us, true},
		{"match but not not_match", `[{"match":{"country":["US"]},"not_match":{"browser":["firefox"]}}]`, usFirefox, false},
		{"not_match but not match", `[{"match":{"country":["US"]},"not_match":{"browser":["firefox"]}}]`, germany, false},
		{"second rule", `[{"match":{"country":["FR"]}},{"match":{"country":["DE"]}}]`, germany, true},
		{"no rule", `[{"match":{"country":["FR"]}},{"match":{"country":["IT"]}}]`, germany, false},
		{"no rules", `[]`, us, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			audience := audienceOf(t, `{"segments":[{"id":"seg_1","name":"s","rules":`+test.rules+`}]}`)
			if got := audience.matches(&test.attributes); got != test.want {
				t.Errorf("%s matches %v: %t, want %t", test.rules, test.attributes, got, test.want)
			}
		})
	}
}

func TestExpressionRoundTrip(t *testing.T) {
	for _, expression := range []string{`["a","B"]`, `[]`, `{"contains":["x"]}`, `{"starts_with":[]}`, `{"ends_with":["é"]}`, `{"exists":true}`, `{"exists":false}`} {
		text := `{"segments":[{"id":"seg_1","name":"s","rules":[{"match":{"country":` + expression + `}}]}]}`
		if got := marshal(t, decode(t, text).Segments[0].Rules[0].Match[Country]); got != expression {
			t.Errorf("%s is written %s", expression, got)
		}
	}
}
