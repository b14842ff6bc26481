package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestHeaderBytes(t *testing.T) {
	snapshot := compile(t, oneExperiment("percentage", "active", halves))
	want := map[string]string{
		"var_A true":  `{"experiment_id":"exp_1","variation_id":"var_A","is_control":true,"config":{"color":{"value":"blue"},"limit":{"value":3}}}`,
		"var_A false": `{"experiment_id":"exp_1","variation_id":"var_A","is_control":false,"config":{"color":{"value":"blue"},"limit":{"value":3}}}`,
		"var_B false": `{"experiment_id":"exp_1","variation_id":"var_B","is_control":false,"config":{"color":{"value":"red"},"limit":{"value":3}}}`,
		"var_C false": `{"experiment_id":"exp_1","variation_id":"var_C","is_control":false,"config":{"color":{"value":"blue"},"limit":{"value":9}}}`,
	}
	for _, treatment := range snapshot.Treatments {
		key := fmt.Sprint(treatment.VariationID, " ", treatment.IsControl)
		if header, ok := want[key]; ok {
			if treatment.Header() != header || treatment.HeaderSize != len(header) {
				t.Errorf("%s: got %s (%d), want %s (%d)", key, treatment.Header(), treatment.HeaderSize, header, len(header))
			}
			delete(want, key)
		}
	}
	if len(want) > 0 {
		t.Errorf("no treatment for %v", want)
	}
}

// configOf compiles a flag with one parameter, whose name and value are JSON
// texts, and gives what its only variation makes of it.
func configOf(t testing.TB, declared ParameterType, name, value string) *Treatment {
	t.Helper()
	return compile(t, `{"feature_flags":[{"id":"flg_1","name":"f","status":"active","parameters":{`+name+`:{"type":"`+string(declared)+`","value":`+value+`}},
	"variations":[{"id":"var_A","name":"a"}]}],
	"experiments":[{"id":"exp_1","name":"e","feature_flag_id":"flg_1","allocation_strategy":"percentage","status":"active","allocations":[]}]}`).Treatments[0]
}

// fitForHeader is what net/http and its peers allow in a field value, less what
// is not ASCII.
func fitForHeader(value string) bool {
	for i := range len(value) {
		if value[i] < 0x20 || value[i] > 0x7e {
			return false
		}
	}
	return strings.TrimSpace(value) == value
}

func TestConfigValues(t *testing.T) {
	tests := []struct {
		name     string
		declared ParameterType
		value    string
		json     string
		text     string
	}{
		{"string", TypeString, `"blue"`, `"blue"`, `blue`},
		{"empty string", TypeString, `""`, `""`, ``},
		{"CJK", TypeString, `"日本"`, `"\u65e5\u672c"`, `日本`},
		{"emoji", TypeString, `"👍🏽"`, `"\ud83d\udc4d\ud83c\udffd"`, `👍🏽`},
		{"escaped emoji", TypeString, `"\uD83D\uDC4D"`, `"\ud83d\udc4d"`, `👍`},
		{"line separators", TypeString, "\"\u2028\u2029\u0085\"", `"\u2028\u2029\u0085"`, "\u2028\u2029\u0085"},
		{"DEL", TypeString, "\"a\x7fb\"", `"a\u007fb"`, "a\x7fb"},
		{"NUL", TypeString, `"\u0000"`, `"\u0000"`, "\x00"},
		{"line ends", TypeString, `"a\r\nb\tc"`, `"a\r\nb\tc"`, "a\r\nb\tc"},
		{"lone high surrogate", TypeString, `"\uD800"`, `"\ud800"`, "\ufffd"},
		{"lone low surrogate", TypeString, `"\udfffx"`, `"\udfffx"`, "\ufffdx"},
		{"quotes", TypeString, `"\"\\\u0022\u005c"`, `"\"\\\u0022\u005c"`, `"\"\`},
		{"backslash before a u", TypeString, `"\\u0041"`, `"\\u0041"`, `\u0041`},
		{"markup", TypeString, `"<a href='/'>&</a>"`, `"<a href='/'>&</a>"`, `<a href='/'>&</a>`},
		{"markup as escapes", TypeString, `"\u003cb\u003E\u0026\/"`, `"<b>&/"`, `<b>&/`},
		{"spaces kept in strings", TypeString, `"  a  "`, `"  a  "`, `  a  `},
		{"true", TypeBoolean, `true`, `true`, `true`},
		{"false", TypeBoolean, `false`, `false`, `false`},
		{"zero", TypeNumber, `0`, `0`, `0`},
		{"number beyond float64", TypeNumber, `1e400`, `1e400`, `1e400`},
		{"number beyond its precision", TypeNumber, `12345678901234567890`, `12345678901234567890`, `12345678901234567890`},
		{"number with trailing zeros", TypeNumber, `-1.500E+02`, `-1.500E+02`, `-1.500E+02`},
		{"array", TypeArray, "[ 1 , null,\n\"ä\" ,[ ] ]", `[1,null,"\u00e4",[]]`, `[1,null,"\u00e4",[]]`},
		{"object keeps the order of its keys", TypeObject, `{ "z": {"b":1, "a":2}, "a" : "\u2028" }`, `{"z":{"b":1,"a":2},"a":"\u2028"}`, `{"z":{"b":1,"a":2},"a":"\u2028"}`},
		{"empty object", TypeObject, `{ }`, `{}`, `{}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			treatment := configOf(t, test.declared, `"p"`, test.value)
			got := treatment.Config[0]
			if want := (ConfigValue{Parameter: "p", JSON: test.json, Text: test.text}); got != want {
				t.Errorf("got  %+q\nwant %+q", got, want)
			}
			if want := `{"experiment_id":"exp_1","variation_id":"var_A","is_control":false,"config":{"p":{"value":` + test.json + `}}}`; treatment.Header() != want {
				t.Errorf("got  %s\nwant %s", treatment.Header(), want)
			}
			if !fitForHeader(treatment.Header()) {
				t.Errorf("unfit for a header: %q", treatment.Header())
			}
			if written, read := meaning(t, test.value), meaning(t, got.JSON); !reflect.DeepEqual(written, read) {
				t.Errorf("%s means %v, written %v", got.JSON, read, written)
			}
		})
	}
}

// meaning decodes a JSON text without losing digits.
func meaning(t testing.TB, text string) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%q is not JSON: %v", text, err)
	}
	return v
}

func TestParameterNames(t *testing.T) {
	names := []string{"", "a b", "日本語", "👩‍👩‍👧‍👦", "\u2028", "\x7f", "\x00", "\r\nSet-Cookie: a", `"`, `\`, "<script>", "a.b[0]", strings.Repeat("n", 3000)}
	for _, name := range names {
		quoted := marshal(t, name)
		treatment := configOf(t, TypeNumber, quoted, "1")
		if !fitForHeader(treatment.Header()) {
			t.Errorf("unfit for a header: %q", treatment.Header())
		}
		var header struct {
			Config map[string]struct{ Value int }
		}
		if err := json.Unmarshal([]byte(treatment.Header()), &header); err != nil {
			t.Fatal(err)
		}
		if header.Config[name].Value != 1 || treatment.Config[0].Parameter != name {
			t.Errorf("parameter %q is written %s", name, treatment.Header())
		}
	}
}

// The order is that of the names, not of the document.
func TestConfigOrder(t *testing.T) {
	snapshot := compile(t, `{"feature_flags":[{"id":"flg_1","name":"f","status":"active",
	"parameters":{"b":{"type":"number","value":1},"ä":{"type":"number","value":2},"a":{"type":"number","value":3},"B":{"type":"number","value":4}},
	"variations":[{"id":"var_A","name":"a","overrides":{"ä":{"value":0},"B":{"value":9}}}]}],
	"experiments":[{"id":"exp_1","name":"e","feature_flag_id":"flg_1","allocation_strategy":"percentage","status":"draft","allocations":[]}]}`)
	want := `"config":{"B":{"value":9},"a":{"value":3},"b":{"value":1},"\u00e4":{"value":0}}}`
	if got := snapshot.Treatments[0].Header(); !strings.HasSuffix(got, want) {
		t.Errorf("got %s, want it to end with %s", got, want)
	}
}

// What a document's header is must not depend on how often it was stored.
func TestHeaderSurvivesStorage(t *testing.T) {
	text := strings.Replace(oneExperiment("percentage", "active", halves), `"value":"red"`, `"value":"<b>Rot &amp; grün</b> \u2028 \/"`, 1)
	document := decode(t, text)
	stored := decode(t, marshal(t, document))
	before, after := Compile(document, Settings{}), Compile(stored, Settings{})
	for i := range before.Treatments {
		if b, a := before.Treatments[i].Header(), after.Treatments[i].Header(); a != b {
			t.Errorf("stored and read again the header is\n%s\nwant\n%s", a, b)
		}
	}
}

func TestHeaderBudget(t *testing.T) {
	text := oneExperiment("percentage", "active", halves)
	exact := len(compile(t, text).Treatments[0].Header())
	tests := []struct {
		name   string
		budget int
		empty  bool
	}{
		{"exactly", exact, false},
		{"one less", exact - 1, true},
		{"default", 0, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			treatment := Compile(decode(t, text), Settings{HeaderBudget: test.budget}).Treatments[0]
			if (treatment.Header() == "") != test.empty || treatment.HeaderSize != exact {
				t.Errorf("header %q of size %d, want size %d and empty %t", treatment.Header(), treatment.HeaderSize, exact, test.empty)
			}
			if len(treatment.Config) != 2 {
				t.Errorf("the configuration is %v, want it whatever the header's size", treatment.Config)
			}
		})
	}

	overhead := len(configOf(t, TypeString, `"p"`, `""`).Header())
	for size, fits := range map[int]bool{DefaultHeaderBudget: true, DefaultHeaderBudget + 1: false} {
		treatment := configOf(t, TypeString, `"p"`, `"`+strings.Repeat("v", size-overhead)+`"`)
		if (treatment.Header() != "") != fits || treatment.HeaderSize != size {
			t.Errorf("a header of %d bytes: %d bytes, size %d", size, len(treatment.Header()), treatment.HeaderSize)
		}
	}
	if size := configOf(t, TypeString, `"p"`, `"`+strings.Repeat("ü", 2000)+`"`).HeaderSize; size != overhead+2000*6 {
		t.Errorf("the size is %d, want the escapes counted: %d", size, overhead+2000*6)
	}
}

// Every byte and many runes, each as itself and as an escape.
func TestEveryCharacter(t *testing.T) {
	for r := rune(0); r < 0x11000; r++ {
		if r > 0x2100 && r < 0xd700 || r >= 0xd800 && r < 0xe000 {
			continue
		}
		plain, _ := json.Marshal(string(r))
		got := []byte(compactASCII(plain))
		if !fitForHeader(string(got)) {
			t.Fatalf("%U gives %q", r, got)
		}
		if r < 0x10000 {
			if escaped := compactASCII(fmt.Appendf(nil, `"\u%04X"`, r)); meaning(t, escaped) != string(r) || r != '"' && r != '\\' && r >= 0x20 && escaped != string(got) {
				t.Fatalf("%U as an escape gives %s, as itself %s", r, escaped, got)
			}
		}
		if meaning(t, string(got)) != string(r) || bytes.ContainsAny(got, "\x7f") {
			t.Fatalf("%U gives %s", r, got)
		}
	}
}
