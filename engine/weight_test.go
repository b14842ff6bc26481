package engine

import "testing"

func TestParseWeight(t *testing.T) {
	tests := []struct {
		number string
		want   Weight
		fault  string
	}{
		{number: "0", want: 0},
		{number: "0.0", want: 0},
		{number: "50", want: 50_000},
		{number: "100", want: 100_000},
		{number: "100.000", want: 100_000},
		{number: "33.333", want: 33_333},
		{number: "0.001", want: 1},
		{number: "0.5", want: 500},
		{number: "12.3400000000000000000", want: 12_340},
		{number: "33.3333", fault: "must have at most three decimals, got 33.3333"},
		{number: "0.0001", fault: "must have at most three decimals, got 0.0001"},
		{number: "100.001", fault: "must be a number between 0 and 100, got 100.001"},
		{number: "101", fault: "must be a number between 0 and 100, got 101"},
		{number: "-1", fault: "must be a number between 0 and 100, got -1"},
		{number: "-0.001", fault: "must be a number between 0 and 100, got -0.001"},
		{number: "99999999999999999999999", fault: "must be a number between 0 and 100, got 99999999999999999999999"},
		{number: "1e1", fault: "must be a plain number of percent, got 1e1"},
		{number: "1E400", fault: "must be a plain number of percent, got 1E400"},
		{number: "", fault: "must be a number between 0 and 100, got "},
		{number: ".", fault: "must be a number between 0 and 100, got ."},
		{number: "5.", fault: "must be a number between 0 and 100, got 5."},
		{number: ".5", fault: "must be a number between 0 and 100, got .5"},
		{number: "+5", fault: "must be a number between 0 and 100, got +5"},
		{number: " 5", fault: "must be a number between 0 and 100, got  5"},
		{number: "5.0.0", fault: "must be a number between 0 and 100, got 5.0.0"},
		{number: "5.1-", fault: "must be a number between 0 and 100, got 5.1-"},
		{number: "0x10", fault: "must be a number between 0 and 100, got 0x10"},
	}
	for _, test := range tests {
		t.Run(test.number, func(t *testing.T) {
			got, err := ParseWeight(test.number)
			if test.fault != "" {
				if err == nil || err.Error() != test.fault {
					t.Fatalf("ParseWeight(%q) = %d, %v; want the error %q", test.number, got, err, test.fault)
				}
				return
			}
			if err != nil || got != test.want {
				t.Fatalf("ParseWeight(%q) = %d, %v; want %d", test.number, got, err, test.want)
			}
		})
	}
}

// Every weight is written as the number it is read from.
func TestWeightRoundTrip(t *testing.T) {
	for w := Weight(0); w <= WholeWeight; w++ {
		if got, err := ParseWeight(w.String()); err != nil || got != w {
			t.Fatalf("weight %d is written %s and read as %d, %v", int(w), w, got, err)
		}
	}
	if got := marshal(t, Weight(33_330)); got != "33.33" {
		t.Errorf("33.33 %% is written %s", got)
	}
}
