package management

import (
	"slices"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// Whatever body comes, it is either done completely or refused with a status
// below 500 and without a trace.
func FuzzBody(f *testing.F) {
	for i, w := range writes {
		f.Add(uint8(i), w.body, false)
	}
	f.Add(uint8(0), `{"name":"abc","parameters":{"a":{"type":"object","value":{"x":[1e9999,"\ud800",null]}}}}`, false)
	f.Add(uint8(0), "name=abc&parameters[a][type]=string&parameters[a][value]=blue", true)
	f.Add(uint8(10), "name=abc&feature_flag_id={flag}&authentication_flow=x&allocation_strategy=percentage&assignment_config[subject]=device&allocations[0][variation_id]={control}&allocations[0][is_control]=true", true)
	f.Add(uint8(7), "name=abc&rules[0][match][country][0]=US&rules={}", true)
	for i, body := range []string{`{"target_level":50}`, `{"target_level":1e2}`, `{"target_level":99999999999999999999}`, "target_level=50", "target_level=%7B"} {
		f.Add(uint8(len(writes)), body, i > 2)
	}
	f.Add(uint8(11), "levels[0]=5&levels[1]=50&status=active", true)
	all := append(slices.Clone(writes), struct{ method, path, body string }{"POST", "experiments/{experiment}/advance-ramp", ""})
	s := newSite(f, nil).world()
	s.must(200, "PATCH", "experiments/{experiment}", `{"levels":[5,50],"status":"active"}`)
	pristine := s.document()
	f.Fuzz(func(t *testing.T, which uint8, body string, form bool) {
		s := &site{TB: t, api: s.api, store: s.store, clock: s.clock, words: s.words}
		w := all[int(which)%len(all)]
		r := s.request(w.method, w.path, body)
		r.Header.Set("Content-Type", "application/json")
		if form {
			r.Header.Set("Content-Type", formType)
		}
		before := marshalled(t, s)
		got := s.send(r)
		after := marshalled(t, s)
		if got.status >= 500 || got.status >= 300 && before != after {
			t.Errorf("%s %s: got %d %s, changed: %v", w.method, w.path, got.status, got.text, before != after)
		}
		s.document()
		if before != after {
			s.edit(func(d *engine.Document) { *d = *pristine })
		}
	})
}
