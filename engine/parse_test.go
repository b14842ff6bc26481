package engine

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestDecodeRefusesWhatIsNoDocument(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"nothing", "", "the document is empty; an empty configuration is {}"},
		{"white space", " \n\t\r\n ", "the document is empty; an empty configuration is {}"},
		{"invalid UTF-8", "{\n\"revision\": \"\xff\"}", "line 2: the document is not valid UTF-8"},
		{"UTF-8 of a surrogate", "\"\xed\xa0\x80\"", "line 1: the document is not valid UTF-8"},
		{"truncated in an object", "{\n\"revision\": 1,\n", "line 2: the document is not JSON: unexpected end of JSON input"},
		{"truncated in a string", "{\n\"revi", "line 2: the document is not JSON: unexpected end of JSON input"},
		{"truncated in an array", `{"segments":[`, "line 1: the document is not JSON: unexpected end of JSON input"},
		{"trailing word", "{}\n\n x", "line 3: the document is not JSON: invalid character 'x' after top-level value"},
		{"trailing document", "{}\n{}", "line 2: the document is not JSON: invalid character '{' after top-level value"},
		{"trailing comma", "{\"segments\":[\n1,\n]}", "line 3: the document is not JSON: invalid character ']' looking for beginning of value"},
		{"wrong bracket", "{\"segments\":[\n}", "line 2: the document is not JSON: invalid character '}' looking for beginning of value"},
		{"control character", "{\n\n\"a\x01\":1}", "line 3: the document is not JSON: invalid character '\\x01' in string literal"},
		{"escape that is none", "{\n\"a\":\n\"\\q\"}", "line 3: the document is not JSON: invalid character 'q' in string escape code"},
		{"comment", "{\n// all of it\n}", "line 2: the document is not JSON: invalid character '/' looking for beginning of object key string"},
		{"NaN", "{\"revision\":\nNaN}", "line 2: the document is not JSON: invalid character 'N' looking for beginning of value"},
		{"number with a leading zero", `{"revision":01}`, "line 1: the document is not JSON: invalid character '1' after object key:value pair"},

		{"key given twice", "{\"revision\":1,\n\"revision\":1}", "line 2: revision: is given twice"},
		{"key given twice in another spelling", "{\"revision\":1,\n\"rev\\u0069sion\":1}", "line 2: revision: is given twice"},
		{"key given twice deep inside", strings.Replace(whole, `"value": "blue"`, `"value": {"a":[0,{"b":1,"b":2}]}`, 1), "line 12: feature_flags[0].parameters.color.value.a[1].b: is given twice"},
		{"last of many keys given twice", manyKeys(100, `"k99":1,`), `line 1: k99: is given twice`},
		{"first of many keys given twice", manyKeys(100, `"k0":1,`), `line 1: k0: is given twice`},
		{"nested too deep", strings.Repeat("[", 33) + strings.Repeat("]", 33), "line 1: " + strings.Repeat("[0]", 32) + ": is nested deeper than 32 levels"},
		{"nested too deep in a value", strings.Replace(whole, `"value": "blue"`, `"value": `+strings.Repeat(`{"a":`, 40)+"1"+strings.Repeat("}", 40), 1),
			"line 12: feature_flags[0].parameters.color.value" + strings.Repeat(".a", 27) + ": is nested deeper than 32 levels"},
		{"nested 100,000 deep", strings.Repeat("[", 1e5) + strings.Repeat("]", 1e5), "line 1: the document is not JSON: invalid character '[' exceeded max depth"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Decode([]byte(test.text))
			if err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
}

func manyKeys(n int, last string) string {
	var b strings.Builder
	b.WriteByte('{')
	for i := range n {
		fmt.Fprintf(&b, `"k%d":1,`, i)
	}
	return strings.TrimSuffix(b.String()+last, ",") + "}"
}

func TestNestingUpToTheLimit(t *testing.T) {
	value := strings.Repeat("[", 27) + strings.Repeat("]", 27)
	text := strings.Replace(whole, `"type": "string",
      "value": "blue"`, `"type": "array",
      "value": `+value, 1)
	text = strings.Replace(text, `"value": "red"`, `"value": []`, 1)
	if got := string(decode(t, text).FeatureFlags[0].Parameters["color"].Value); got != value {
		t.Errorf("the value is %s", got)
	}
}

// Every truncation of a document is an error and none a panic.
func TestDecodeTruncated(t *testing.T) {
	for i := range len(whole) {
		if _, err := Decode([]byte(whole[:i])); err == nil {
			t.Fatalf("Decode took the first %d bytes", i)
		}
	}
}

// White space wherever JSON allows it changes nothing.
func TestDecodeWhiteSpace(t *testing.T) {
	want := marshal(t, decode(t, whole))
	spaced := strings.NewReplacer("{", " {\r\n\t", "}", " }\n", "[", " [ ", "]", " ] ", ",", " ,\n ", `":`, "\" :\t").Replace(want)
	if got := marshal(t, decode(t, "\n\t "+spaced+" \r\n")); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Hostile texts of the usual limit's size: time and messages stay bounded. The
// bound is generous, as the tests share a machine; what takes quadratic time
// takes hours.
func TestDecodeHostileTexts(t *testing.T) {
	if testing.Short() {
		t.Skip("large documents")
	}
	const size = 8 << 20
	tests := []struct{ name, text string }{
		{"brackets open", strings.Repeat("[", size)},
		{"braces open", strings.Repeat(`{"":`, size/4)},
		{"brackets side by side", "[" + strings.Repeat("[],", size/3) + "[]]"},
		{"list of wrong entities", `{"experiments":[` + strings.Repeat("[],", size/3) + "[]]}"},
		{"list of empty entities", `{"experiments":[` + strings.Repeat("{},", size/3) + "{}]}"},
		{"million keys", manyKeys(1_000_000, "")},
		{"million parameters", `{"feature_flags":[{"id":"flg_1","name":"f","status":"draft","parameters":` + manyKeys(1_000_000, "") + `}]}`},
		{"million repetitions", "{" + strings.Repeat(`"a":1,`, 1_000_000) + `"a":1}`},
		{"long key", `{"` + strings.Repeat("k", size) + `":1}`},
		{"long word", `{"experiments":[{"status":"` + strings.Repeat("ü", size/2) + `"}]}`},
		{"long number", `{"revision":` + strings.Repeat("9", size) + `}`},
		{"long id", `{"segments":[{"id":"seg_` + strings.Repeat("0", size) + `"}]}`},
		{"escapes", `{"` + strings.Repeat(`\u0000`, size/6) + `":1}`},
		{"line ends", strings.Repeat("\n", size) + "["},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			start := time.Now()
			_, err := Decode([]byte(test.text))
			if took := time.Since(start); took > 5*time.Minute {
				t.Errorf("took %v", took)
			}
			var faults Faults
			if !errors.As(err, &faults) || len(faults) == 0 || len(faults) > maxFaults {
				t.Fatalf("%d faults, want 1 to %d", len(faults), maxFaults)
			}
			if n := len(err.Error()); n > maxFaults*3*longestFault {
				t.Errorf("the message has %d bytes", n)
			}
		})
	}
}

// Decoding and compiling stay linear where many entities refer to many others.
func TestManyAllocations(t *testing.T) {
	if testing.Short() {
		t.Skip("a large document")
	}
	const n = 40_000
	var variations, allocations []string
	for i := range n {
		id := "var_" + base58Number(i)
		variations = append(variations, `{"id":"`+id+`","name":"v"}`)
		allocations = append(allocations, `{"variation_id":"`+id+`","weight":0.001,"is_control":false}`)
	}
	text := `{"feature_flags":[{"id":"flg_1","name":"f","status":"active","parameters":{},"variations":[` + strings.Join(variations, ",") +
		`]}],"experiments":[{"id":"exp_1","name":"e","feature_flag_id":"flg_1","allocation_strategy":"percentage","status":"active","allocations":[` + strings.Join(allocations, ",") + `]}]}`
	start := time.Now()
	snapshot := compile(t, text)
	if took := time.Since(start); took > 5*time.Minute {
		t.Errorf("took %v", took)
	}
	if len(snapshot.Treatments) != 2*n {
		t.Errorf("%d treatments, want %d", len(snapshot.Treatments), 2*n)
	}
}

func TestFaultsAreInTheOrderOfTheText(t *testing.T) {
	text := "{\"experiments\":[\n{\"id\":1}],\n\"segments\":\n1,\n\"x\":\n2}"
	_, err := Decode([]byte(text))
	var faults Faults
	if !errors.As(err, &faults) {
		t.Fatal(err)
	}
	for i := 1; i < len(faults); i++ {
		if faults[i].Line < faults[i-1].Line {
			t.Errorf("fault %v comes after %v", faults[i], faults[i-1])
		}
	}
	if last := faults[len(faults)-1]; last.Path != "x" || last.Line != 6 {
		t.Errorf("the last fault is %v", last)
	}
}

func TestFaultError(t *testing.T) {
	tests := []struct {
		fault Fault
		want  string
	}{
		{Fault{Path: "a.b", Line: 3, Rule: "is missing"}, "line 3: a.b: is missing"},
		{Fault{Path: "a.b", Rule: "is missing"}, "a.b: is missing"},
		{Fault{Line: 3, Rule: "is broken"}, "line 3: is broken"},
		{Fault{Rule: "is broken"}, "is broken"},
	}
	for _, test := range tests {
		if got := test.fault.Error(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
	if got := (Faults{tests[0].fault, tests[3].fault}).Error(); got != "line 3: a.b: is missing; is broken" {
		t.Errorf("got %q", got)
	}
}
