package caddymodule

import (
	"encoding/base64"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// forgeries is how many values of each kind are made up.
const forgeries = 100_000

// forger makes up signed values as somebody would who knows their form and has
// seen good ones, but has no key. It makes the same ones every time.
type forger struct {
	*rand.Rand
	good []string // values that verify
}

func (f *forger) text(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(f.Uint32())
	}
	return base64.RawURLEncoding.EncodeToString(b)[:n]
}

// next gives a value that none of the good ones is.
func (f *forger) next() string {
	good := f.good[f.IntN(len(f.good))]
	parts := strings.Split(good, ".")
	last := len(parts) - 1
	switch f.IntN(6) {
	case 0: // a signature of its own
		parts[last] = f.text(signatureLength)
	case 1: // another field under the good signature
		at := f.IntN(last)
		parts[at] = f.text(1 + f.IntN(24))
	case 2: // a bit of it flipped
		b := []byte(good)
		b[f.IntN(len(b))] ^= 1 << f.IntN(8)
		return string(b)
	case 3: // made up altogether, under the name of the good key
		for i := 2; i < last; i++ {
			parts[i] = f.text(f.IntN(24))
		}
		parts[last] = f.text(signatureLength)
	case 4: // the signature of another good one
		other := f.good[f.IntN(len(f.good))]
		parts[last] = other[strings.LastIndexByte(other, '.')+1:]
	default: // fields moved
		f.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	}
	return strings.Join(parts, ".")
}

// Of 100,000 made-up values of each kind none is taken for one of ours.
func TestForgeries(t *testing.T) {
	keys := ring([]string{fuzzKey, "an older key of thirty-two bytes."})
	now := time.Now()
	const tenant, subject = "default/production", "AAAAAAAAAAAAAAAAAAAAAA"
	decision := engine.Decision{Treatment: &engine.Treatment{ExperimentID: "exp_A", VariationID: "var_A"}, Source: engine.SourceBucket}
	force := engine.Force{ExperimentID: "exp_A", VariationID: "var_A"}
	tests := []struct {
		name    string
		good    func(i int) string
		accepts func(value string) bool
	}{
		{"device", func(int) string { return keys.writeDevice(newDeviceID(), now) }, func(value string) bool {
			id, _ := keys.readDevice(http.Header{"Cookie": {deviceCookie + "=" + value}})
			return id != ""
		}},
		{"carry", func(i int) string { return keys.writeCarry(&decision, tenant, "subject "+strconv.Itoa(i), now) }, func(value string) bool {
			_, ok := keys.readCarry(http.Header{"Cookie": {carryCookie + "=" + value}}, tenant, subject, now, time.Hour, overridesOpen)
			return ok
		}},
		{"token", func(i int) string { return keys.writeToken(tenant, force, now.Add(time.Duration(i-50)*time.Hour)) }, func(value string) bool {
			return keys.allowsOverride(value, tenant, force, now) || keys.allowsOverride(value, "default/staging", force, now) ||
				keys.allowsOverride(value, tenant, engine.Force{ExperimentID: "exp_B", VariationID: "var_A"}, now)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := &forger{Rand: rand.New(rand.NewPCG(3, 4))}
			known := map[string]bool{}
			for i := range 100 {
				f.good = append(f.good, test.good(i))
				known[f.good[i]] = true
			}
			for range forgeries {
				if value := f.next(); !known[value] && test.accepts(value) {
					t.Fatalf("%q is accepted", value)
				}
			}
		})
	}
}

// A token with any bit of it changed allows nothing; whole it can be used again
// until it expires, by whoever has it, and not a second longer.
func TestTokenIsExact(t *testing.T) {
	keys := ring([]string{fuzzKey})
	now := time.Now().Truncate(time.Second)
	force := engine.Force{ExperimentID: "exp_A", VariationID: "var_A", SegmentID: "seg_A"}
	token := keys.writeToken("default/production", force, now.Add(time.Minute))
	allowed := func(token string, at time.Time) bool {
		return keys.allowsOverride(token, "default/production", force, at)
	}
	for bit := range 8 * len(token) {
		b := []byte(token)
		b[bit/8] ^= 1 << (bit % 8)
		if allowed(string(b), now) {
			t.Errorf("with bit %d flipped it is accepted", bit)
		}
	}
	for n := range len(token) {
		if allowed(token[:n], now) {
			t.Errorf("its first %d bytes are accepted", n)
		}
	}
	for after, want := range map[time.Duration]bool{0: true, 59 * time.Second: true, time.Minute: false, time.Hour: false, -time.Hour: true} {
		for range 2 {
			if got := allowed(token, now.Add(after)); got != want {
				t.Errorf("after %v: allowed %t", after, got)
			}
		}
	}
}
