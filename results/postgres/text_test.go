package postgres

import (
	"math"
	"math/big"
	"testing"
)

func TestStored(t *testing.T) {
	for _, text := range []string{"", "plain", "ä", "\x00", "a\xffb", escape, escape + "00", "\x00\x00" + escape + "\xc3"} {
		if got := plain(stored(text)); got != text {
			t.Errorf("%q comes back as %q", text, got)
		}
	}
	if stored("plain ä") != "plain ä" {
		t.Error("an ordinary text is changed")
	}
}

func TestTotal(t *testing.T) {
	sum := new(big.Float).SetPrec(precision).SetFloat64(math.Pi)
	sum.Add(sum, big.NewFloat(1e-30))
	t1 := total(sum)
	if t1.Float64() != math.Pi {
		t.Errorf("got %v", t1.Float64())
	}
	t1.Add(-math.Pi)
	if got := t1.Float64(); math.Abs(got-1e-30) > 1e-45 {
		t.Errorf("the rest is %v", got)
	}
}
