package embedded

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestShelf adds rows of units in any order to shelves of little room, until all
// have been there.
func TestShelf(t *testing.T) {
	for seed := range 200 {
		r := rand.New(rand.NewPCG(23, uint64(seed)))
		type given struct {
			unit  []byte
			event int
			rest  string
		}
		var all []given
		for i := range r.IntN(400) {
			unit := appendUnit(nil, fmt.Sprint("u", r.IntN(1+r.IntN(50))))
			if r.IntN(2) == 0 {
				unit = appendUnit(nil, hashed(r.IntN(50)))
			}
			all = append(all, given{unit, r.IntN(3), fmt.Sprintf("%04d", i)})
		}
		room := 1 + r.IntN(5_000)
		var got, want []string
		for low := []byte(nil); ; {
			s := &shelf{low: low, room: room}
			for _, g := range all {
				s.add(g.unit, g.event, rowOutcome, []byte(g.rest))
			}
			s.sort()
			bounds := divide(3, s.low, s.end)
			for i := range len(bounds) - 1 {
				reading := s.read(bounds[i])
				for _, g := range sortedUnits(all, func(g given) []byte { return g.unit }) {
					if bytes.Compare(g, bounds[i]) < 0 || bounds[i+1] != nil && bytes.Compare(g, bounds[i+1]) >= 0 {
						continue
					}
					for event := range 3 {
						for _, row := range reading.of(g, event) {
							form, rest := reading.behind(row)
							got = append(got, fmt.Sprintf("%q %d %d %s", g, event, form, rest))
						}
					}
				}
			}
			if low = s.end; low == nil {
				break
			}
		}
		for _, g := range all {
			want = append(want, fmt.Sprintf("%q %d %d %s", g.unit, g.event, rowOutcome, g.rest))
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("with room for %d bytes there are %d rows, want %d", room, len(got), len(want))
		}
	}
}

// sortedUnits returns the units that there are, each once.
func sortedUnits[T any](all []T, unit func(T) []byte) [][]byte {
	var units [][]byte
	for _, one := range all {
		units = append(units, unit(one))
	}
	slices.SortFunc(units, bytes.Compare)
	return slices.CompactFunc(units, bytes.Equal)
}

func TestDivide(t *testing.T) {
	low, high := appendUnit(nil, hashed(1)), appendUnit(nil, hashed(2))
	if bytes.Compare(low, high) > 0 {
		low, high = high, low
	}
	for _, of := range [][2][]byte{{nil, nil}, {nil, low}, {low, nil}, {low, high}, {appendUnit(nil, "u"), low}, {nil, appendUnit(nil, "u")}, {low, after(low)}} {
		for n := range 300 {
			bounds := divide(n, of[0], of[1])
			if last := len(bounds) - 1; !bytes.Equal(bounds[0], of[0]) || !bytes.Equal(bounds[last], of[1]) || last > max(n, 1) {
				t.Fatalf("%q in %d parts is %q", of, n, bounds)
			}
			for i := 1; i < len(bounds)-1; i++ {
				if bytes.Compare(bounds[i-1], bounds[i]) >= 0 || of[1] != nil && bytes.Compare(bounds[i], of[1]) >= 0 {
					t.Fatalf("%q in %d parts is %q", of, n, bounds)
				}
			}
		}
	}
	if n := len(divide(4, low, high)); n != 5 {
		t.Errorf("a range of most units is divided in %d parts", n-1)
	}
}

func TestUnitSet(t *testing.T) {
	s := newUnitSet()
	const n = 100_000
	for i := range n {
		s.add(appendUnit(nil, hashed(i)))
	}
	wrong := 0
	for i := range n {
		if !s.has(appendUnit(nil, hashed(i))) {
			t.Fatalf("unit %d is missing", i)
		}
		if s.has(appendUnit(nil, hashed(n+i))) {
			wrong++
		}
	}
	if wrong > n/100 {
		t.Errorf("%d of %d others are in it", wrong, n)
	}
}
