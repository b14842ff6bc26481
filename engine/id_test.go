package engine

import (
	"strings"
	"testing"
)

func TestValidID(t *testing.T) {
	tests := []struct {
		name, id string
		want     bool
	}{
		{"shortest", "exp_1", true},
		{"usual", "exp_uMP2ccYnKbSXPPNF8q1jsh", true},
		{"long", "exp_" + strings.Repeat("z", 10_000), true},
		{"whole alphabet", "exp_123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", true},
		{"no characters", "exp_", false},
		{"empty", "", false},
		{"prefix without underscore", "exp1", false},
		{"other prefix", "flg_1", false},
		{"prefix in capitals", "EXP_1", false},
		{"prefix twice", "exp_exp_1", false},
		{"zero", "exp_a0", false},
		{"capital O", "exp_Oa", false},
		{"capital I", "exp_aIa", false},
		{"small l", "exp_l", false},
		{"space before", " exp_1", false},
		{"space after", "exp_1 ", false},
		{"line end", "exp_1\n", false},
		{"NUL", "exp_1\x00", false},
		{"hyphen", "exp_a-b", false},
		{"neighbours of the ranges", "exp_/", false},
		{"non-ASCII", "exp_ä", false},
		{"fullwidth digit", "exp_\uff11", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := ValidID(ExperimentPrefix, test.id); got != test.want {
				t.Errorf("ValidID(%q) = %t, want %t", test.id, got, test.want)
			}
		})
	}
	for c := range 256 {
		want := strings.IndexByte("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", byte(c)) >= 0
		if got := ValidID(SegmentPrefix, "seg_"+string([]byte{byte(c)})); got != want {
			t.Errorf("ValidID of seg_ with byte %#x = %t, want %t", c, got, want)
		}
	}
}

func TestAttributeNames(t *testing.T) {
	for a := range attributeCount {
		if got, ok := ParseAttribute(a.String()); !ok || got != a {
			t.Errorf("ParseAttribute(%q) = %v, %t", a.String(), got, ok)
		}
	}
	for _, name := range []string{"", "Country", "country ", "ip"} {
		if a, ok := ParseAttribute(name); ok {
			t.Errorf("ParseAttribute(%q) = %v", name, a)
		}
	}
}
