package postgres

import (
	"math"
	"math/big"
	"strings"
	"testing"
	"unicode/utf8"
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

func FuzzStored(f *testing.F) {
	for _, text := range []string{"", "a\x00b", "\xff", escape + "0", "\xf4\x8f\xbf", "'; --"} {
		f.Add(text, escape+text)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if plain(stored(a)) != a || !utf8.ValidString(stored(a)) || strings.Contains(stored(a), "\x00") {
			t.Errorf("%q is kept as %q", a, stored(a))
		}
		if (stored(a) == stored(b)) != (a == b) {
			t.Errorf("%q and %q are kept as %q and %q", a, b, stored(a), stored(b))
		}
	})
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

// TestShift has numbers taken apart as the database does it.
func TestShift(t *testing.T) {
	text := func(s string) *string { return &s }
	sum, err := ofSingle.sum([]*string{text("1048577"), text("-4611686018427387904"), text("1e-300")})
	if err != nil {
		t.Fatal(err)
	}
	if f, _ := sum.Float64(); f != 1 {
		t.Errorf("got %v", f)
	}
	if sum, err = ofProduct.sum(make([]*string, 3)); err != nil || sum.Sign() != 0 {
		t.Errorf("nothing is %v, %v", sum, err)
	}
	if _, err := ofSingle.sum([]*string{text("1"), text("x"), nil}); err == nil {
		t.Error("what is no number is read as one")
	}
}
