package engine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// naively is what an expression means, in the plainest words.
func naively(e Expression, value string) bool {
	if e.Operator == Exists {
		return (value != "") == e.Present
	}
	value = lowerASCII(value)
	return value != "" && slices.ContainsFunc(e.Values, func(v string) bool {
		v = lowerASCII(v)
		switch e.Operator {
		case Contains:
			return strings.Contains(value, v)
		case StartsWith:
			return strings.HasPrefix(value, v)
		case EndsWith:
			return strings.HasSuffix(value, v)
		}
		return value == v
	})
}

func compareWithNaive(t *testing.T, e Expression, value string) {
	t.Helper()
	if got, want := e.Holds(value), naively(e, value); got != want {
		t.Fatalf("%s on %q is %t, want %t", marshal(t, e), value, got, want)
	}
}

// Texts of few different letters overlap in every way.
func TestManyValuesMeanWhatFewMean(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	text := func(longest int) string {
		b := make([]byte, random.IntN(longest+1))
		for i := range b {
			b[i] = "abAB-"[random.IntN(5)]
		}
		return string(b)
	}
	for _, longest := range []int{1, 3, 12, longestIndexed + 5} {
		for range 2000 {
			values := make([]string, 1+random.IntN(40))
			for i := range values {
				values[i] = text(longest)
			}
			value := text(2 * longest)
			if random.IntN(3) == 0 {
				value = strings.ToUpper(values[0])
			}
			for _, operator := range []Operator{OneOf, Contains, StartsWith, EndsWith} {
				compareWithNaive(t, Expression{Operator: operator, Values: slices.Clone(values)}, value)
			}
		}
	}
}

func FuzzExpression(f *testing.F) {
	f.Add(byte(1), "he\nshe\nhis\nhers", "uSHErs")
	f.Add(byte(1), "aaab\naab\nab", "aaaaaac")
	f.Add(byte(1), "", "x")
	f.Add(byte(2), "a\nb\nc\nd\ne\nf\ng\nhh", "HHi")
	f.Add(byte(3), "a\nb\nc\nd\ne\nf\ng\nxy", "wxY")
	f.Add(byte(0), "a\nb\nc\nd\ne\nf\ng\n"+strings.Repeat("é", 100), strings.Repeat("é", 100))
	f.Fuzz(func(t *testing.T, operator byte, values, value string) {
		if len(value) > longestSearched {
			return // more of it is not searched
		}
		values = strings.ToValidUTF8(values, "?") // as in every document
		compareWithNaive(t, Expression{Operator: Operator(operator % 4), Values: strings.Split(values, "\n")}, value)
	})
}

// What a lookup costs must not grow with the number of values. 100,000 of them
// may take so much longer than ten that even a busy machine keeps to it, and
// comparing one by one, ten thousand times as long, does not.
func TestManyValuesCostWhatFewCost(t *testing.T) {
	const allowed = 500
	for operator := range Exists {
		var fastest [2]time.Duration
		for i, n := range []int{10, 100_000} {
			values := make([]string, n)
			for j := range values {
				values[j] = strings.Repeat("z", longestIndexed) + fmt.Sprintf("%06d", j)
			}
			c := compileCondition(UserAgent, Expression{Operator: operator, Values: values})
			attributes := Attributes{UserAgent: strings.Repeat("z", longestIndexed+len("999999")-1) + "x"}
			for range 200 {
				begin := time.Now()
				c.holds(&attributes)
				if took := time.Since(begin); fastest[i] == 0 || took < fastest[i] {
					fastest[i] = took
				}
			}
		}
		if fastest[1] > allowed*max(fastest[0], time.Microsecond) {
			t.Errorf("operator %d: %s with 10 values, %s with 100,000", operator, fastest[0], fastest[1])
		}
	}
}

func TestConditionDoesNotAllocate(t *testing.T) {
	values := make([]string, 1000)
	for i := range values {
		values[i] = fmt.Sprintf("Value%d", i)
	}
	values = append(values, strings.Repeat("long", longestIndexed))
	attributes := Attributes{UserAgent: strings.Repeat("Mozilla/5.0 value 99x ", 40)}
	for operator := range Exists {
		c := compileCondition(UserAgent, Expression{Operator: operator, Values: values})
		if n := testing.AllocsPerRun(100, func() { c.holds(&attributes) }); n != 0 {
			t.Errorf("operator %d allocates %.0f times", operator, n)
		}
	}
}

func BenchmarkContains(b *testing.B) {
	agent := "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0"
	hostile := strings.Repeat("zz00001", 1024/7)
	for _, n := range []int{1, 10, 1000, 100_000} {
		values := make([]string, n)
		for i := range values {
			values[i] = fmt.Sprintf("zz%06d", i)
		}
		c := compileCondition(UserAgent, Expression{Operator: Contains, Values: values})
		for name, value := range map[string]string{"usual": agent, "hostile": hostile} {
			attributes := Attributes{UserAgent: value}
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					c.holds(&attributes)
				}
			})
		}
	}
}

func BenchmarkNewTree(b *testing.B) {
	values := make([]string, 100_000)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range values {
		values[i] = fmt.Sprintf("%08x", random.Uint32())
	}
	b.ReportAllocs()
	for b.Loop() {
		newTree(slices.Clone(values), anywhere)
	}
}
