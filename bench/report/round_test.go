package report

import "testing"

func TestRound(t *testing.T) {
	for value, want := range map[float64]string{
		0: "0", 1: "1.00", 0.01234: "0.0123", 12.345: "12.3", 123.4: "123", 9999: "10,000", 1234567: "1,230,000", -1500: "-1,500", 999.6: "1,000",
	} {
		if got := Round(value); got != want {
			t.Errorf("Round(%v) = %s, want %s", value, got, want)
		}
	}
}

func TestMedian(t *testing.T) {
	if m, low, high := Median([]float64{3, 1, 2}); m != 2 || low != 1 || high != 3 {
		t.Errorf("of three: %v [%v, %v]", m, low, high)
	}
	// Of 40 values the 14th and the 27th bound the median with 96 %: here they are
	// taken one further out, for rounding.
	var values []float64
	for i := range 40 {
		values = append(values, float64(i+1))
	}
	if m, low, high := Median(values); m != 20.5 || low != 13 || high != 28 {
		t.Errorf("of forty: %v [%v, %v]", m, low, high)
	}
}
