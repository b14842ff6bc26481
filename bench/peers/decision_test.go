package peers

import (
	"fmt"
	"reflect"
	"testing"
)

// BenchmarkDecision has one flag loaded, and a hundred.
func BenchmarkDecision(b *testing.B) {
	all := people(1024)
	for _, contestant := range contestants {
		for _, flags := range []int{1, 100} {
			b.Run(fmt.Sprintf("%s/%d", contestant.name, flags), func(b *testing.B) {
				d := contestant.open(b, flags)
				b.ReportAllocs()
				i := 0
				for b.Loop() {
					d.decide(all[i%len(all)])
					i++
				}
				if _, err := d.config(); err != nil {
					b.Fatal(err)
				}
			})
		}
	}
}

// TestEveryoneDecidesTheSame shows that what is measured is the same decision:
// nobody outside of the audience gets anything but the fallback, the audience is
// halved, and a person always gets the same.
func TestEveryoneDecidesTheSame(t *testing.T) {
	const n = 4000
	for _, contestant := range contestants {
		for _, flags := range []int{1, 100} {
			t.Run(fmt.Sprintf("%s/%d", contestant.name, flags), func(t *testing.T) {
				d := contestant.open(t, flags)
				for _, outsider := range []person{
					{"somebody", "FR", "mobile"}, {"somebody", "DE", "desktop"}, {"somebody", "", ""}, {"somebody", "mobile", "DE"},
				} {
					if got := decided(t, d, outsider); got != "fallback" {
						t.Errorf("%v gets %s, want the fallback", outsider, got)
					}
				}
				counts := map[string]int{}
				for _, p := range people(n) {
					got := decided(t, d, p)
					if again := decided(t, d, p); again != got {
						t.Fatalf("%v gets %s and then %s", p, got, again)
					}
					counts[got]++
				}
				// Four standard deviations of a fair split are 126.
				if counts["fallback"] != 0 || counts["password"] < n/2-126 || counts["password"] > n/2+126 {
					t.Errorf("the audience gets %v, want halves of %d", counts, n)
				}
			})
		}
	}
}

// TestOursDoesNotAllocate holds what the benchmark shows.
func TestOursDoesNotAllocate(t *testing.T) {
	d := openOurs(t, 100)
	p := people(1)[0]
	if n := testing.AllocsPerRun(1000, func() { d.decide(p) }); n != 0 {
		t.Errorf("a decision allocates %v times", n)
	}
}

// decided gives the name of the variation whose configuration comes out.
func decided(t *testing.T, d decider, p person) string {
	t.Helper()
	d.decide(p)
	text, err := d.config()
	if err != nil {
		t.Fatalf("deciding for %v: %v", p, err)
	}
	var got map[string]any
	decode(t, text, &got)
	for name, config := range configurations {
		var want map[string]any
		decode(t, config, &want)
		if reflect.DeepEqual(got, want) {
			return name
		}
	}
	t.Fatalf("%v gets %s, which is no configuration", p, text)
	return ""
}
