package engine

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// crowded is a document of experiments that share one flag with many variations.
func crowded(experiments, variations int) string {
	var b strings.Builder
	b.WriteString(`{"feature_flags":[{"id":"flg_1","name":"n","status":"draft","parameters":{},"variations":[`)
	for i := range variations {
		fmt.Fprintf(&b, `%s{"id":"var_%s","name":"n"}`, comma(i), unary(i))
	}
	b.WriteString("]}],\n\"experiments\":[")
	for i := range experiments {
		fmt.Fprintf(&b, `%s{"id":"exp_%s","name":"n","feature_flag_id":"flg_1","allocation_strategy":"segment","status":"draft","allocations":[]}`, comma(i), unary(i))
		b.WriteByte('\n')
	}
	b.WriteString("]}")
	return b.String()
}

func comma(i int) string {
	if i == 0 {
		return ""
	}
	return ","
}

// unary numbers ids with base58 characters only.
func unary(i int) string { return strings.NewReplacer("0", "A", "-", "").Replace(fmt.Sprint(i + 1)) }

func TestDocumentsThatWouldCompileToTooMuch(t *testing.T) {
	if _, err := Decode([]byte(crowded(500, 100))); err != nil {
		t.Errorf("50,000 variations to give: %v", err)
	}
	_, err := Decode([]byte(crowded(506, 99)))
	var faults Faults
	if !errors.As(err, &faults) || len(faults) != 1 {
		t.Fatalf("50,094 variations to give: %v", err)
	}
	if want := "line 507: experiments[505]: the experiments up to this one have more than 50000 variations to give; spread them over several tenants"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

func TestByteOrderMark(t *testing.T) {
	document, err := Decode([]byte("\ufeff" + `{"segments":[{"id":"seg_1","name":"n","rules":[]}]}`))
	if err != nil || document.Segments[0].ID != "seg_1" {
		t.Errorf("with a byte order mark: %v, %v", document, err)
	}
}

// Pairs of variations and experiments are many, and hardly any is ever asked for.
func TestCompileKeepsNoHeadersThatNobodyNeeds(t *testing.T) {
	parameter := `"parameters":{"p":{"type":"string","value":"` + strings.Repeat("x", 7000) + `"}}`
	document, err := Decode([]byte(strings.Replace(crowded(500, 100), `"parameters":{}`, parameter, 1)))
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	snapshot := Compile(document, Settings{})
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 100<<20 {
		t.Errorf("100,000 headers of 7 kB took %d MB", grown>>20)
	}
	if last := snapshot.Treatments[len(snapshot.Treatments)-1]; len(last.Header()) != last.HeaderSize {
		t.Errorf("a header of %d bytes has %d", last.HeaderSize, len(last.Header()))
	}
}
