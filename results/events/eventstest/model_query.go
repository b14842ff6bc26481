package eventstest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/caddy-experiments/caddy-experiments/results"
	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// Query implements events.Log.
func (m *Model) Query(ctx context.Context, q events.Query) (*events.Answer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, attribute := range q.Attributes {
		if !slices.Contains(attributes, attribute) {
			return nil, fmt.Errorf("attribute %q is not kept", attribute)
		}
	}
	r := m.tenants[q.Tenant]
	if r == nil {
		r = &records{}
	}
	units := r.units(&q)
	answer := &events.Answer{Splits: r.splitsOf(&q), Apart: r.apart(&q)}
	var grouped []*unit
	for _, name := range slices.Sorted(maps.Keys(units)) {
		u := units[name]
		if answer.FirstExposure == 0 || u.first.Time < answer.FirstExposure {
			answer.FirstExposure = u.first.Time
		}
		answer.LastExposure = max(answer.LastExposure, u.first.Time)
		if u.crossed {
			answer.Crossed++
			answer.CrossedFirst = cross(answer.CrossedFirst, u)
		} else {
			grouped = append(grouped, u)
		}
	}
	answer.Caps = capsOf(&q, grouped)
	answer.Groups = groupsOf(&q, grouped, answer.Caps)
	for _, attribute := range q.Attributes {
		byValue := map[string][]*unit{}
		for _, u := range grouped {
			value := attributeOf(u.first, attribute)
			byValue[value] = append(byValue[value], u)
		}
		for _, value := range slices.Sorted(maps.Keys(byValue)) {
			answer.Slices = append(answer.Slices, events.Slice{
				Attribute: attribute, Value: value, Groups: groupsOf(&q, byValue[value], answer.Caps),
			})
		}
	}
	if q.Days {
		answer.Days = daysOf(&q, grouped, answer.Caps)
	}
	return answer, ctx.Err()
}

var attributes = []string{"device_type", "browser", "country", "region"}

func attributeOf(e events.Exposure, attribute string) string {
	return map[string]string{
		"device_type": e.DeviceType, "browser": e.Browser, "country": e.Country, "region": e.Region,
	}[attribute]
}

func (r *records) splitsOf(q *events.Query) []events.Split {
	smallest := map[string]events.Split{}
	for _, s := range r.splits {
		if s.Experiment != q.Experiment || s.Iteration != q.Iteration {
			continue
		}
		if before, ok := smallest[s.WeightsVersion]; !ok || text(s.Weights) < text(before.Weights) {
			smallest[s.WeightsVersion] = s
		}
	}
	return slices.SortedFunc(maps.Values(smallest), func(a, b events.Split) int {
		return cmp.Compare(a.WeightsVersion, b.WeightsVersion)
	})
}

func (r *records) apart(q *events.Query) []events.Apart {
	type seen struct{ unit, variation string }
	bots, forced, variations := map[seen]bool{}, map[seen]bool{}, map[string]*events.Apart{}
	for _, e := range r.bounded(q) {
		if e.Analysed() {
			continue
		}
		key := seen{e.Unit, e.Variation}
		a := variations[e.Variation]
		if a == nil {
			a = &events.Apart{Variation: e.Variation}
			variations[e.Variation] = a
		}
		if e.Bot && !bots[key] {
			bots[key] = true
			a.Bots++
		}
		if e.Source == events.SourceOverride && !forced[key] {
			forced[key] = true
			a.Forced++
		}
	}
	var apart []events.Apart
	for _, variation := range slices.Sorted(maps.Keys(variations)) {
		apart = append(apart, *variations[variation])
	}
	return apart
}

// part names a group.
type part struct{ weightsVersion, variation string }

func partOf(u *unit) part { return part{u.first.WeightsVersion, u.first.Variation} }

func compareParts(a, b part) int {
	return cmp.Or(cmp.Compare(a.weightsVersion, b.weightsVersion), cmp.Compare(a.variation, b.variation))
}

func groupsOf(q *events.Query, units []*unit, caps []*float64) []events.Group {
	byPart := map[part][]*unit{}
	for _, u := range units {
		byPart[partOf(u)] = append(byPart[partOf(u)], u)
	}
	var groups []events.Group
	for _, p := range slices.SortedFunc(maps.Keys(byPart), compareParts) {
		group := events.Group{
			WeightsVersion: p.weightsVersion, Variation: p.variation, Traffic: int64(len(byPart[p])),
		}
		for i, m := range q.Measures {
			group.Cells = append(group.Cells, cellOf(q, m, byPart[p], caps[i]))
		}
		for _, chain := range q.Chains {
			var funnel results.Funnel
			for _, u := range byPart[p] {
				if matured(q, chain.Window, u) {
					funnel.Add(u.steps(q, chain))
				}
			}
			group.Funnels = append(group.Funnels, funnel)
		}
		groups = append(groups, group)
	}
	return groups
}

// cross adds a unit that is crossed to those of its earliest exposure.
func cross(counted []events.CrossedUnits, u *unit) []events.CrossedUnits {
	i := slices.IndexFunc(counted, func(c events.CrossedUnits) bool {
		return c.WeightsVersion == u.first.WeightsVersion && c.Variation == u.first.Variation
	})
	if i < 0 {
		i = len(counted)
		counted = append(counted, events.CrossedUnits{WeightsVersion: u.first.WeightsVersion, Variation: u.first.Variation})
	}
	counted[i].Units++
	slices.SortFunc(counted, events.CrossedUnits.Compare)
	return counted
}

// steps is how far a unit came in a chain.
func (u *unit) steps(q *events.Query, chain events.Chain) int {
	var after events.Millis
	for k, event := range chain.Events {
		i := slices.IndexFunc(u.outcomes[event], func(o events.Outcome) bool {
			return counts(q, u.first.Time, chain.Window, o.Time) && (k == 0 || o.Time >= after)
		})
		if i < 0 {
			return k
		}
		after = u.outcomes[event][i].Time
	}
	return len(chain.Events)
}
