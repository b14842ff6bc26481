package embedded

import (
	"bytes"
	"cmp"
	"math"
	"reflect"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// behind reads a key behind its tenant.
func behind(t *testing.T, key []byte, kind byte, tenant string) *reader {
	t.Helper()
	r := &reader{rest: key[1:]}
	if got := string(r.string()); key[0] != kind || got != tenant {
		t.Fatalf("the key %q is of %q", key, got)
	}
	return r
}

// whole fails unless a key was read to its end.
func whole(t *testing.T, r *reader) {
	t.Helper()
	if r.bad || len(r.rest) > 0 {
		t.Fatalf("of the key %q is left", r.rest)
	}
}

func FuzzKeys(f *testing.F) {
	f.Add("shop", "signup", "AAECAwQFBgcICQoLDA0ODw", "id", int64(5), 1.5, true)
	f.Add("", "a\x00", "\x00", "\x00\xff", int64(-5), -1.5, true)
	f.Add("\xff", "\x00\x01", "AAECAwQFBgcICQoLDA0OD\n", "\x01", int64(math.MinInt64), math.Copysign(0, -1), false)
	f.Fuzz(func(t *testing.T, tenant, name, unit, id string, at int64, value float64, bot bool) {
		if math.IsNaN(value) {
			t.Skip()
		}
		e := events.Exposure{
			Experiment: name, Iteration: id, Unit: unit, Time: events.Millis(at), Variation: unit, ID: id,
			WeightsVersion: name, Country: unit, Source: tenant, Bot: bot,
		}
		r := behind(t, appendExposure(nil, tenant, &e), exposureKind, tenant)
		if got := r.exposure(); got != e {
			t.Errorf("%+v is read back as %+v", e, got)
		}
		whole(t, r)

		o := events.Outcome{ID: id, Event: name, Unit: unit, UserID: tenant, Time: events.Millis(at)}
		if bot {
			o.Value = &value
		}
		r = behind(t, appendOutcome(nil, tenant, appendUnit(nil, unit), &o, direct, o.UserID), outcomeKind, tenant)
		if got, ok := r.outcome(); !ok || !reflect.DeepEqual(got, o) {
			t.Errorf("%+v is read back as %+v", o, got)
		}
		whole(t, r)

		o.Unit, o.ExposureID = "", unit
		r = behind(t, appendHome(nil, tenant, alias{byForeign, unit}, &o), aliasKind, tenant)
		if got := r.home(); !reflect.DeepEqual(got, o) {
			t.Errorf("%+v is read back as %+v", o, got)
		}
		whole(t, r)

		for _, l := range []link{
			{alias{byForeign, id}, toUnit, string(appendUnit(nil, unit))}, {alias{byUser, id}, toForeign, unit},
		} {
			r = behind(t, l.append(nil, tenant), linkKind, tenant)
			if got := r.link(); got != l {
				t.Errorf("%+v is read back as %+v", l, got)
			}
			whole(t, r)
		}
	})
}

func FuzzOrder(f *testing.F) {
	f.Add("a", "a\x00", int64(-1), int64(1), -1.0, 1.0)
	f.Add("a\x00\x01", "a\x01", int64(math.MinInt64), int64(math.MaxInt64), 1e-9, 1e9)
	f.Add("", "\x00", int64(0), int64(0), math.Inf(-1), -math.SmallestNonzeroFloat64)
	f.Fuzz(func(t *testing.T, a, b string, s, u int64, v, w float64) {
		if math.IsNaN(v) || math.IsNaN(w) {
			t.Skip()
		}
		tail := []byte{0xff}
		if got, want := bytes.Compare(append(appendString(nil, a), tail...), appendString(nil, b)), cmp.Compare(a, b); a != b && got != want {
			t.Errorf("%q and %q are in the order %d", a, b, got)
		}
		if bytes.HasPrefix(appendString(nil, a), appendString(nil, b)) != (a == b) {
			t.Errorf("%q begins with %q", a, b)
		}
		if bytes.HasPrefix(appendUnit(nil, a), appendUnit(nil, b)) != (a == b) {
			t.Errorf("the unit %q begins with %q", a, b)
		}
		if got := bytes.Compare(appendTime(nil, events.Millis(s)), appendTime(nil, events.Millis(u))); got != cmp.Compare(s, u) {
			t.Errorf("%d and %d are in the order %d", s, u, got)
		}
		if got := bytes.Compare(appendValue(nil, &v), appendValue(nil, &w)); got != cmp.Compare(v, w) {
			t.Errorf("%v and %v are in the order %d", v, w, got)
		}
		if bytes.Compare(appendValue(nil, &v), appendValue(nil, nil)) >= 0 {
			t.Errorf("%v is not before none", v)
		}
	})
}

// FuzzReader checks that no key, however damaged, does more than be bad.
func FuzzReader(f *testing.F) {
	o := events.Outcome{ID: "id", Event: "login", Unit: "u", Time: 5}
	f.Add(appendOutcome(nil, "shop", appendUnit(nil, "u"), &o, direct, ""))
	f.Add([]byte{exposureKind, 0})
	f.Add([]byte{outcomeKind, 0, 1, 0, 1, packedUnit, 1, 2})
	f.Fuzz(func(_ *testing.T, key []byte) {
		if len(key) == 0 {
			return
		}
		_, _ = timeOf(key)
		for _, kind := range recordKinds {
			r := &reader{rest: key[1:]}
			r.string()
			_ = collect(&events.Batch{}, kind, r)
		}
		r := &reader{rest: key}
		_ = r.link()
		r = &reader{rest: key}
		_ = readShown(r)
	})
}

func TestAfter(t *testing.T) {
	for _, test := range []struct{ prefix, want []byte }{
		{[]byte("a"), []byte("b")}, {[]byte{1, 0xff}, []byte{2}}, {[]byte{0xff, 0xff}, nil},
	} {
		if got := after(test.prefix); !bytes.Equal(got, test.want) {
			t.Errorf("after %q is %q, want %q", test.prefix, got, test.want)
		}
	}
}
