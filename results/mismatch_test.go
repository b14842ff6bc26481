package results

import (
	"math"
	"testing"
)

func TestCheckSplit(t *testing.T) {
	tests := []struct {
		name    string
		units   []int64
		weights []float64
		unknown int64
		status  SplitStatus
		leaked  int64
		tested  bool
	}{
		{"fair", []int64{5000, 5050}, []float64{1, 1}, 0, SplitFine, 0, true},
		{"uneven as planned", []int64{9000, 1010}, []float64{90, 10}, 0, SplitFine, 0, true},
		{"mismatched", []int64{5000, 5500}, []float64{1, 1}, 0, SplitMismatched, 0, true},
		{"few units", []int64{60, 39}, []float64{1, 1}, 0, SplitUntested, 0, false},
		{"few expected", []int64{1000, 2}, []float64{999, 1}, 0, SplitUntested, 0, false},
		{"one variation", []int64{1000}, []float64{1}, 0, SplitUntested, 0, false},
		{"none", nil, nil, 0, SplitUntested, 0, false},
		{"weight zero within tolerance", []int64{5000, 5000, 5}, []float64{1, 1, 0}, 0, SplitFine, 5, true},
		{"weight zero leaking", []int64{5000, 5000, 4}, []float64{1, 1, 0}, 2, SplitLeaking, 6, true},
		{"leak among millions", []int64{5_000_000, 5_000_000}, []float64{1, 1}, 900, SplitFine, 900, true},
		{"trillions", []int64{1_000_000_000_000, 1_000_000_100_000}, []float64{1, 1}, 0, SplitFine, 0, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := CheckSplit(test.units, test.weights, test.unknown)
			if got.Status != test.status || got.Leaked != test.leaked || (got.P != nil) != test.tested || got.State != OK {
				t.Errorf("got %+v", got)
			}
		})
	}
	for _, bad := range []SplitCheck{CheckSplit([]int64{1}, []float64{1, 2}, 0), CheckSplit([]int64{-1, 2}, []float64{1, 1}, 0), CheckSplit([]int64{1, 2}, []float64{math.NaN(), 1}, 0)} {
		if bad.State != InvalidInput {
			t.Errorf("bad input gives %+v", bad)
		}
	}
}

// The numbers of units alone decide: looking in between changes nothing but
// the smallest p.
func TestSplitSequenceAddsUp(t *testing.T) {
	often, _ := NewSplitSequence([]float64{1, 2}, nil, 1)
	once, _ := NewSplitSequence([]float64{1, 2}, nil, 1)
	for range 50 {
		often.Add([]int64{40, 60})
	}
	once.Add([]int64{2000, 3000})
	if math.Abs(often.LogBayesFactor-once.LogBayesFactor) > 1e-9 || often.P > once.P*(1+1e-9) {
		t.Errorf("in parts %v (p %v), at once %v (p %v)", often.LogBayesFactor, often.P, once.LogBayesFactor, once.P)
	}
}

func TestDrillDownNamesTheCause(t *testing.T) {
	weights := []float64{50, 50}
	found := DrillDown([]Slice{
		{"browser", "Chrome", []int64{6000, 6040}},
		{"browser", "Firefox", []int64{2000, 2015}},
		{"browser", "Safari", []int64{3000, 2200}},
		{"country", "DE", []int64{5500, 5130}},
		{"country", "FR", []int64{5500, 5125}},
		{"device_type", "tablet", []int64{20, 10}},
	}, weights)
	if first := found[0]; first.Value != "Safari" || !first.Cause || first.RestP == nil {
		t.Fatalf("the first is %+v", first)
	}
	for _, other := range found[1:] {
		if other.Cause {
			t.Errorf("%s=%s is named a cause too", other.Attribute, other.Value)
		}
		if other.Value == "tablet" && (other.P != nil || other.Total != 30) {
			t.Errorf("30 units were tested: %+v", other)
		}
		if other.Attribute == "browser" && other.Mismatched {
			t.Errorf("%s is called mismatched", other.Value)
		}
	}
	for _, slice := range DrillDown([]Slice{{"browser", "a", []int64{500, 510}}, {"browser", "b", []int64{1}}}, weights) {
		if slice.Mismatched || slice.Cause {
			t.Errorf("a fair split has %+v", slice)
		}
	}
}

func TestCheckCrossover(t *testing.T) {
	for crossed, want := range map[int64]CrossoverStatus{0: CrossoverFine, 9: CrossoverFine, 10: CrossoverWarning, 49: CrossoverWarning, 50: CrossoverBlocking} {
		if got := CheckCrossover(crossed, 1000); got != want {
			t.Errorf("%d of 1000: %s, want %s", crossed, got, want)
		}
	}
}
