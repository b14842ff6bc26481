package management

import (
	"math/big"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

func TestIDs(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := newID(engine.FlagPrefix)
		if len(id) != len(engine.FlagPrefix)+idLength || !engine.ValidID(engine.FlagPrefix, id) || seen[id] {
			t.Fatalf("got %q", id)
		}
		seen[id] = true
	}
}

func TestEncode58(t *testing.T) {
	var most [16]byte
	for i := range most {
		most[i] = 0xff
	}
	for _, c := range []struct {
		number [16]byte
		want   string
	}{
		{[16]byte{}, "1111111111111111111111"},
		{[16]byte{15: 57}, "111111111111111111111z"},
		{[16]byte{15: 58}, "1111111111111111111121"},
		{most, "YcVfxkQb6JRzqk5kF2tNLv"},
	} {
		got := encode58(c.number)
		if got != c.want {
			t.Errorf("%x: got %s, want %s", c.number, got, c.want)
		}
		sum := new(big.Int)
		for _, digit := range []byte(got) {
			for value := range len(base58) {
				if base58[value] == digit {
					sum.Add(sum.Mul(sum, big.NewInt(58)), big.NewInt(int64(value)))
				}
			}
		}
		if sum.Cmp(new(big.Int).SetBytes(c.number[:])) != 0 {
			t.Errorf("%x is read back as %x", c.number, sum)
		}
	}
}
