package engine

import (
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"
)

// sameReading fails the test unless a reader makes of a text what Decode and
// Compile make of it.
func sameReading(t *testing.T, r *Reader, text []byte) {
	t.Helper()
	want, wantErr := Decode(text)
	got, err := r.Decode(text)
	if fmt.Sprint(err) != fmt.Sprint(wantErr) {
		t.Fatalf("the reader says %v, Decode says %v", err, wantErr)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatal("the reader decodes another document")
	}
	if err != nil {
		return
	}
	compiled, wanted := r.Compile(got, Settings{MaxActive: 2}), Compile(want, Settings{MaxActive: 2})
	if !reflect.DeepEqual(compiled.Experiments, wanted.Experiments) || !reflect.DeepEqual(compiled.Splits, wanted.Splits) || len(compiled.Treatments) != len(wanted.Treatments) {
		t.Fatal("the reader compiles another snapshot")
	}
	for i, treatment := range compiled.Treatments {
		other := wanted.Treatments[i]
		if treatment.Header() != other.Header() || treatment.Index != i || treatment.Iteration != other.Iteration || treatment.WeightsVersion != other.WeightsVersion {
			t.Fatalf("treatment %d is another one", i)
		}
	}
	for i := range 20 {
		request := Request{Subject: fmt.Sprint(i), Attributes: Attributes{Country: []string{"US", "SE", ""}[i%3], DeviceType: []string{"mobile", "desktop"}[i%2]}}
		a, b := compiled.Decide(&request), wanted.Decide(&request)
		if (a.Treatment == nil) != (b.Treatment == nil) || a.Treatment != nil && a.Treatment.Header() != b.Treatment.Header() || a.SegmentID != b.SegmentID || a.Untracked != b.Untracked {
			t.Fatalf("request %d is decided differently", i)
		}
	}
}

// version writes a document of some flags, segments and experiments, each with a
// number that says which state it is in.
func version(flags, segments, experiments []int) string {
	var f, s, e []string
	for i, n := range flags {
		f = append(f, fmt.Sprintf(`{"id":"flg_%[1]s","name":"flag %[2]d","status":"active","parameters":{"p":{"type":"number","value":%[2]d}},
			"variations":[{"id":"var_%[1]sa","name":"a","overrides":{}},{"id":"var_%[1]sb","name":"b","overrides":{"p":{"value":1%[2]d}}}]}`, place(i), n))
	}
	for i, n := range segments {
		s = append(s, fmt.Sprintf(`{"id":"seg_%s","name":"segment","rules":[{"match":{"country":["%s"]}}]}`, place(i), []string{"US", "SE", "DE"}[n%3]))
	}
	for i, n := range experiments {
		strategy := fmt.Sprintf(`"allocation_strategy":"percentage","allocations":[{"variation_id":"var_%[1]sa","weight":%[2]d,"is_control":true},{"variation_id":"var_%[1]sb","weight":%[3]d,"is_control":false}]`, place(i), n%101, 100-n%101)
		if n%2 == 1 {
			strategy = fmt.Sprintf(`"allocation_strategy":"segment","allocations":[{"variation_id":"var_%[1]sb","segment_id":"seg_%[2]d","priority":1,"is_control":false},{"variation_id":"var_%[1]sa","is_control":true,"is_fallback":true}]`, place(i), 1+n%2)
		}
		if n%4 > 1 {
			strategy += fmt.Sprintf(`,"key":"key-%d","iterations":[{"id":"itr_%s","status":"running","salt":"%d","treatments":[{"variation_id":"var_Gone","weight":1}]}]`, i, place(n), n)
		}
		e = append(e, fmt.Sprintf(`{"id":"exp_%[1]s","name":"experiment","feature_flag_id":"flg_%[1]s","status":"%[2]s",%[3]s}`, place(i), []string{"active", "paused", "archived"}[n%3], strategy))
	}
	return fmt.Sprintf(`{"revision":%d,"feature_flags":[%s],"segments":[%s],"experiments":[%s]}`, 1+rand.IntN(1000), strings.Join(f, ","), strings.Join(s, ",\n"), strings.Join(e, " , "))
}

// place is an entity's place in base58, which has no 0.
func place(i int) string { return strings.ReplaceAll(fmt.Sprint(i+1), "0", "A") }

// measured adds metrics, groups and units to a document, each with a number that
// says which state it is in.
func measured(text string, metrics, groups, units []int) string {
	var m, g, u []string
	for i, n := range metrics {
		m = append(m, fmt.Sprintf(`{"key":"m%d","event_key":"event %d","event_default":{"value":%d}}`, i, n, n%3))
	}
	for i, n := range groups {
		g = append(g, fmt.Sprintf(`{"key":"g%d","kind":"%s","metrics":[{"key":"m%d"},{"key":"login"}]}`, i, []string{"funnel", "standard"}[n%2], n%4))
	}
	for i, n := range units {
		u = append(u, fmt.Sprintf(`{"randomization_unit":"u%d","hidden":%t}`, i, n%2 == 0))
	}
	more := fmt.Sprintf(`,"metrics":[%s],"metric_groups":[%s],"randomization_units":[%s]}`, strings.Join(m, ","), strings.Join(g, ", "), strings.Join(u, ",\n"))
	return strings.TrimSuffix(text, "}") + more
}

func TestReaderAgreesWithDecode(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4)) // the same each time
	numbers := func(n int) []int { return make([]int, n) }
	flags, segments, experiments := numbers(5), numbers(3), numbers(5)
	metrics, groups, units := numbers(4), numbers(2), numbers(3)
	r := NewReader()
	for step := range 400 {
		switch step % 4 {
		case 0:
			flags[random.IntN(len(flags))] = random.IntN(1000)
		case 1:
			segments[random.IntN(len(segments))] = random.IntN(1000)
		case 2:
			experiments[random.IntN(len(experiments))] = random.IntN(1000)
		case 3:
			if len(flags) < 9 {
				flags, experiments = append(flags, step), append(experiments, step)
			} else {
				flags, experiments = flags[:4], experiments[:4]
			}
		}
		switch step % 5 {
		case 0:
			metrics[random.IntN(len(metrics))] = random.IntN(1000)
		case 1:
			groups[random.IntN(len(groups))] = random.IntN(1000)
		case 2:
			units[random.IntN(len(units))] = random.IntN(1000)
		case 3: // sometimes without one that a group may refer to
			metrics = numbers(3 + random.IntN(2))
		}
		text := version(flags, segments, experiments)
		if step%11 > 0 { // else they are absent
			text = measured(text, metrics, groups, units)
		}
		switch step % 7 {
		case 3: // a fault
			text = strings.Replace(text, []string{`"name":"a"`, `flg_1`, `"weight"`, `,`, `seg_1`, `"m1"`, `"login"`, `u1`}[random.IntN(8)], []string{`"name":7`, `flg_0`, ``}[random.IntN(3)], 1)
		case 5: // broken off
			text = text[:random.IntN(len(text))]
		}
		sameReading(t, r, []byte(text))
	}
}

// What the reader takes a short cut for must be what Decode takes too.
func TestReaderForms(t *testing.T) {
	good := version([]int{1, 2}, []int{1, 2}, []int{2, 1})
	full := measured(good, []int{1, 2, 3, 4}, []int{5, 6}, []int{7, 8})
	for name, text := range map[string]string{
		"recorded": recorded, "metrics": full, "empty metrics": measured(good, nil, nil, nil),
		"one empty list": strings.TrimSuffix(good, "}") + `,"metrics":[]}`, "null metrics": strings.TrimSuffix(good, "}") + `,"metrics":null}`,
		"repeated metrics": strings.Replace(full, `"metrics":`, `"metrics":[],"metrics":`, 1), "repeated metric": strings.Replace(full, `"m2"`, `"m1"`, 1),
		"built-in": strings.Replace(full, `"m2"`, `"login"`, 1), "unknown metric": strings.Replace(full, `{"key":"login"}`, `{"key":"logout"}`, 1),
		"unknown unit field": strings.Replace(full, `"hidden"`, `"hiding"`, 1), "metric in a list": strings.Replace(full, `"metrics":[`, `"metrics":[[],`, 1),
		"same text of many kinds": `{"metrics":[{}],"metric_groups":[{}],"randomization_units":[{}]}`,
		"kinds change places":     `{"randomization_units":[{"key":"m0","event_key":"event 1","event_default":{"value":1}}]}`,
		"nothing":                 ``, "empty": `{}`, "null": `null`, "list": `[]`, "lists": `{"feature_flags":[],"segments":[],"experiments":[]}`,
		"missing list": `{"segments":[]}`, "null list": `{"segments":null}`, "space": " \n" + good + "\t\n", "mark": "\ufeff" + good, "two": good + good,
		"repeated member": strings.Replace(good, `"segments":`, `"segments":[],"segments":`, 1),
		"repeated entity": strings.Replace(good, `"segments":[`, `"segments":[{"id":"seg_1","name":"x","rules":[{"match":{"country":["US"]}}]},`, 1),
		"unknown member":  strings.Replace(good, `"segments":`, `"x":1,"segments":`, 1), "comma": strings.Replace(good, `]}`, `],}`, 1),
		"escaped name": strings.Replace(good, `"segments":`, `"\u0073egments":`, 1), "no revision": strings.Replace(good, `"revision":`, `"revision":-`, 1),
		"large revision": strings.Replace(good, `"revision":`, `"revision":99999999999999`, 1), "zero": strings.Replace(good, `"revision":`, `"revision":0`, 1),
		"brackets":               strings.Replace(good, `"rules":[{`, `"rules":[}`, 1),
		"mixed":                  strings.Replace(good, `"rules":[{"match":{"country":["US"]}}]`, `"rules":{{"match":{"country":["US"]}}}`, 1),
		"not UTF-8":              strings.Replace(good, `"name":"segment"`, "\"name\":\"\xff\"", 1),
		"deep":                   strings.Replace(good, `"value":1}`, `"value":`+strings.Repeat("[", 27)+strings.Repeat("]", 27)+`}`, 1),
		"too deep":               strings.Replace(good, `"type":"number","value":1}`, `"type":"array","value":`+strings.Repeat("[", 28)+strings.Repeat("]", 28)+`}`, 1),
		"unreferred":             strings.Replace(good, `"feature_flag_id":"flg_2"`, `"feature_flag_id":"flg_9"`, 1),
		"wrong owner":            strings.Replace(good, `"name":"b",`, `"name":"b","feature_flag_id":"flg_2",`, 1),
		"same text of two kinds": `{"feature_flags":[{}],"segments":[{}],"experiments":[{}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			r := NewReader()
			for _, version := range []string{good, text, full, text, good} {
				sameReading(t, r, []byte(version))
			}
		})
	}
	for _, file := range []string{"../demo/experiments/default/production.json", "../demo/experiments/default/segments.json"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sameReading(t, NewReader(), text)
	}
}

func FuzzReader(f *testing.F) {
	good := version([]int{1, 2}, []int{1, 2}, []int{2, 1})
	f.Add([]byte(good), []byte(version([]int{1, 3}, []int{1, 2}, []int{2, 1})))
	f.Add([]byte(measured(good, []int{1, 2, 3, 4}, []int{5}, []int{7})), []byte(measured(good, []int{1, 2, 9, 4}, nil, []int{8})))
	f.Add([]byte(recorded), []byte(strings.Replace(recorded, "revenue", "income", 1)))
	f.Add([]byte(good), []byte(strings.Replace(good, `"rules":[{`, `"rules":[}`, 1)))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		r := NewReader()
		sameReading(t, r, first)
		sameReading(t, r, second)
	})
}

func BenchmarkReader(b *testing.B) {
	numbers := make([]int, 50)
	numbers2 := append([]int{1}, make([]int, 49)...)
	texts := [2][]byte{[]byte(version(numbers, numbers, numbers)), []byte(version(numbers2, numbers, numbers))}
	r := NewReader()
	b.SetBytes(int64(len(texts[0])))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		document, err := r.Decode(texts[i%2])
		if err != nil {
			b.Fatal(err)
		}
		r.Compile(document, Settings{})
	}
}
