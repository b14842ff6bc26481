package management

import (
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
	s := newSite(f, nil).world()
	pristine := s.document()
	f.Fuzz(func(t *testing.T, which uint8, body string, form bool) {
		s := &site{TB: t, api: s.api, store: s.store, clock: s.clock, words: s.words}
		w := writes[int(which)%len(writes)]
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
