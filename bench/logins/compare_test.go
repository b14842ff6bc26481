package logins

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

// attempt is a login with all that was seen of it.
type attempt struct {
	outcome  outcome
	hops     string
	received []received
	assigned int
}

// try has somebody log in, and looks at what that did.
func (f *front) try(t *testing.T, p *party, v *visitor, way flow) attempt {
	t.Helper()
	before, assigned := f.upstream.count(), f.assignments()
	v.hops = nil
	o, err := p.login(t.Context(), v, way)
	if err != nil {
		t.Fatalf("logging in at %s: %v\n%s", f.origin(), err, strings.Join(v.hops, ""))
	}
	return attempt{o, strings.Join(v.hops, ""), f.upstream.since(before), f.assignments() - assigned}
}

// compare runs the flows with the edge and without, cold and then again in the
// same browser, and wants the same to happen but for what is ours.
func compare(t *testing.T, edge, bare *front, issuer string, flows []flow) {
	ways := map[*front]*party{}
	for _, f := range []*front{edge, bare} {
		ways[f] = discover(t, f.origin()+issuer, &http.Client{})
	}
	for _, way := range flows {
		t.Run(way.name, func(t *testing.T) {
			silent := way.extra.Get("prompt") == "none"
			ours, theirs := newVisitor(edge.port, nil), newVisitor(bare.port, nil)
			with := edge.try(t, ways[edge], ours, way)
			without := bare.try(t, ways[bare], theirs, way)
			with.equals(t, without, edge, bare)
			if silent {
				with.carries(t, 0, "")
				if with.outcome.Error != "login_required" {
					t.Errorf("the outcome is %+v", with.outcome)
				}
				return
			}
			if with.outcome.Error != "" || with.outcome.Email != typed["login"] {
				t.Errorf("the outcome is %+v", with.outcome)
			}
			header := with.carries(t, 1, "any")

			// The same browser again, and without a page.
			way.extra = merged(way.extra, "prompt", "none")
			with = edge.try(t, ways[edge], ours, way)
			without = bare.try(t, ways[bare], theirs, way)
			with.equals(t, without, edge, bare)
			if with.outcome.Error != "" {
				t.Errorf("a second login ends with %s", with.outcome.Error)
			}
			with.carries(t, 0, header)

			for _, each := range []struct {
				f *front
				v *visitor
				o outcome
			}{{edge, ours, with.outcome}, {bare, theirs, without.outcome}} {
				each.v.hops = nil
				if err := ways[each.f].leave(context.Background(), each.v, each.o.token); err != nil {
					t.Errorf("logging out at %s: %v\n%s", each.f.origin(), err, strings.Join(each.v.hops, ""))
				}
			}
			same(t, "logging out", strings.Join(ours.hops, ""), strings.Join(theirs.hops, ""))
		})
	}
}

// equals wants a login with the edge to be like one without.
func (a attempt) equals(t *testing.T, bare attempt, edgeFront, bareFront *front) {
	t.Helper()
	ours, theirs := a.outcome, bare.outcome
	ours.token, theirs.token = "", ""
	if !reflect.DeepEqual(ours, theirs) {
		t.Errorf("the outcome is %+v with the edge and %+v without", ours, theirs)
	}
	same(t, "what the browser saw", a.hops, bare.hops)
	same(t, "what the provider received", text(a.received, edgeFront.port), text(bare.received, bareFront.port))
	for _, r := range bare.received {
		if r.Header.Get(configHeader) != "" {
			t.Error("without the edge there is the header")
		}
	}
}

// carries wants the decision in every request of the browser and in none of the
// back channel, and gives its header.
func (a attempt) carries(t *testing.T, assigned int, want string) string {
	t.Helper()
	if a.assigned != assigned {
		t.Errorf("there are %d assignments and not %d", a.assigned, assigned)
	}
	for _, r := range a.received {
		header := strings.Join(r.Header.Values(configHeader), "\n")
		if !r.browsed() {
			if header != "" {
				t.Errorf("on the back channel %s %s has the header", r.Method, r.path())
			}
			continue
		}
		if want == "any" {
			want = header
			if !strings.HasPrefix(header, `{"experiment_id":"`+experiment+`","variation_id":"var_`) {
				t.Errorf("the header is %q", header)
			}
		}
		if header != want {
			t.Errorf("%s %s has the header %q and not %q", r.Method, r.path(), header, want)
		}
	}
	return want
}

// same shows the first line in which two texts differ.
func same(t *testing.T, what, ours, theirs string) {
	t.Helper()
	if ours == theirs {
		return
	}
	a, b := strings.Split(ours, "\n"), strings.Split(theirs, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			t.Errorf("%s differs in line %d:\nwith the edge %.500s\nwithout       %.500s", what, i, a[i], b[i])
			return
		}
	}
	t.Errorf("%s differs in length:\nwith the edge\n%.2000s\nwithout\n%.2000s", what, ours, theirs)
}
