package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// unprintable are characters that must reach no terminal.
var unprintable = []rune{0, 1, 7, 8, '\t', '\n', '\v', '\f', '\r', 0x1b, 0x1f, 0x7f, 0x80, 0x85, 0x9b, 0x9f,
	0x061c, 0x200e, 0x200f, 0x2028, 0x2029, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069}

func TestPrintable(t *testing.T) {
	for _, r := range unprintable {
		want := fmt.Sprintf(`a\u%04xb`, r)
		text := "a" + string(r) + "b"
		if got := Printable(text); got != want {
			t.Errorf("%q is printed %s, want %s", text, got, want)
		}
		if r == '\n' || r == '\t' {
			want = text
		}
		if got := PrintableLines(text); got != want {
			t.Errorf("%q is printed %s in lines, want %s", text, got, want)
		}
	}
	for _, text := range []string{"", "plain", "Zürich, 日本, עברית, العربية", "👩‍💻", "“quoted” – −1 %", `\u001b`} {
		if got := Printable(text); got != text {
			t.Errorf("%q is printed %q", text, got)
		}
	}
	if got := Printable("a\xff\x9bb"); got != "a\ufffd\ufffdb" {
		t.Errorf("invalid bytes are printed %q", got)
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("x\u001b]0;pwned\u0007\u001b[31mred\u001b[2J")
	f.Add("\u202e\u009b\xff\xc2")
	f.Fuzz(func(t *testing.T, text string) {
		for _, got := range []string{Printable(text), strings.NewReplacer("\n", "", "\t", "").Replace(PrintableLines(text))} {
			if !utf8.ValidString(got) || strings.ContainsFunc(got, Unprintable) {
				t.Errorf("%q is printed %q", text, got)
			}
		}
	})
}

// No body can bring such characters into a document in what people read.
func TestBodiesWithUnprintableCharacters(t *testing.T) {
	quoted := func(text string) string {
		b, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	flag := func(text string) error { _, err := DecodeFlagBody([]byte(text), Patch); return err }
	variation := func(text string) error { _, err := DecodeVariationBody([]byte(text), Patch); return err }
	segment := func(text string) error { _, err := DecodeSegmentBody([]byte(text), Patch); return err }
	experiment := func(text string) error { _, err := DecodeExperimentBody([]byte(text), Patch); return err }
	created := func(text string) error { _, err := DecodeExperimentBody([]byte(text), Create); return err }
	for _, r := range unprintable {
		text := "a" + string(r) + "b"
		lines := r == '\n' || r == '\r' || r == '\t'
		for _, test := range []struct {
			path    string
			decode  func(string) error
			body    string
			allowed bool
		}{
			{"name", flag, `{"name":%s}`, false},
			{"name", variation, `{"name":%s}`, false},
			{"name", segment, `{"name":%s}`, false},
			{"name", experiment, `{"name":%s}`, false},
			{"description", flag, `{"description":%s}`, false},
			{"description", experiment, `{"description":%s}`, false},
			{"authentication_flow", created, `{"name":"abc","feature_flag_id":"flg_1","authentication_flow":%s,"allocation_strategy":"segment","assignment_config":{"subject":"device"},"allocations":[{"variation_id":"var_1","is_control":true}]}`, false},
			{"parameters.p.description", flag, `{"parameters":{"p":{"type":"string","value":"x","description":%s}}}`, lines},
			{`parameters[` + fmt.Sprintf("%q", text) + `]`, flag, `{"parameters":{%s:{"type":"string","value":"x"}}}`, false},
		} {
			err := test.decode(fmt.Sprintf(test.body, quoted(text)))
			var faults Faults
			switch {
			case test.allowed && err != nil:
				t.Errorf("%s %q is refused: %v", test.path, text, err)
			case !test.allowed && (!errors.As(err, &faults) || len(faults) != 1 || faults[0].Path != test.path):
				t.Errorf("%s %q: %v", test.path, text, err)
			}
		}
		// A document that has them already is no worse than yesterday.
		if r != 0 {
			decode(t, `{"segments":[{"id":"seg_1","name":`+quoted(text)+`,"description":`+quoted(text)+`,"rules":[]}]}`)
		}
	}
}
