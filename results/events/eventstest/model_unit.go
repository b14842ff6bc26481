package eventstest

import (
	"cmp"
	"slices"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// unit is one with analysed exposures, and what it did.
type unit struct {
	first   events.Exposure
	crossed bool
	// outcomes are by event, those with equal ids being one, by time.
	outcomes map[string][]events.Outcome
}

// units finds the units of a query, with their outcomes.
func (r *records) units(q *events.Query) map[string]*unit {
	found := map[string]*unit{}
	for _, e := range r.bounded(q) {
		if !e.Analysed() {
			continue
		}
		u := found[e.Unit]
		if u == nil {
			found[e.Unit] = &unit{first: e, outcomes: map[string][]events.Outcome{}}
			continue
		}
		u.crossed = u.crossed || e.Variation != u.first.Variation
		if earlier(e, u.first) < 0 {
			u.first = e
		}
	}
	r.assign(found)
	return found
}

// bounded gives the exposures that a query looks at.
func (r *records) bounded(q *events.Query) []events.Exposure {
	var found []events.Exposure
	for _, e := range r.exposures {
		if e.Experiment == q.Experiment && e.Iteration == q.Iteration &&
			(q.From == 0 || e.Time >= q.From) && (q.Until == 0 || e.Time < q.Until) {
			found = append(found, e)
		}
	}
	return found
}

func earlier(a, b events.Exposure) int {
	return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(a.Variation, b.Variation), cmp.Compare(a.ID, b.ID),
		cmp.Compare(a.WeightsVersion, b.WeightsVersion), cmp.Compare(a.DeviceType, b.DeviceType),
		cmp.Compare(a.Browser, b.Browser), cmp.Compare(a.Country, b.Country), cmp.Compare(a.Region, b.Region))
}

// assign gives the outcomes to their units.
func (r *records) assign(units map[string]*unit) {
	named := map[string][]string{} // units by foreign id
	for _, e := range r.exposures {
		if _, ok := events.UnitOf(e.ID); !ok {
			named[e.ID] = append(named[e.ID], e.Unit)
		}
	}
	seen := map[string][]string{} // units by user
	for _, o := range r.outcomes {
		if o.UserID != "" {
			seen[o.UserID] = append(seen[o.UserID], owners(o, named)...)
		}
	}
	first := map[string][]string{} // by user
	for user, names := range seen {
		first[user] = firstOf(names, units)
	}
	type key struct{ unit, event, id string }
	kept := map[key]events.Outcome{}
	for _, o := range r.outcomes {
		whose := owners(o, named)
		if o.Unit == "" && o.ExposureID == "" {
			whose = first[o.UserID]
		}
		for _, name := range whose {
			k := key{name, o.Event, o.ID}
			if before, ok := kept[k]; !ok || sooner(o, before) < 0 {
				kept[k] = o
			}
		}
	}
	for k, o := range kept {
		if u := units[k.unit]; u != nil {
			u.outcomes[k.event] = append(u.outcomes[k.event], o)
		}
	}
	for _, u := range units {
		for _, outcomes := range u.outcomes {
			slices.SortFunc(outcomes, func(a, b events.Outcome) int {
				return cmp.Or(sooner(a, b), cmp.Compare(a.ID, b.ID))
			})
		}
	}
}

// owners are the units that an outcome names.
func owners(o events.Outcome, named map[string][]string) []string {
	if o.Unit != "" {
		return []string{o.Unit}
	}
	if name, ok := events.UnitOf(o.ExposureID); ok {
		return []string{name}
	}
	if o.ExposureID == "" {
		return nil
	}
	return named[o.ExposureID]
}

// firstOf is the one of the units seen with a user that was exposed first.
func firstOf(seen []string, units map[string]*unit) []string {
	exposed := slices.DeleteFunc(slices.Clone(seen), func(name string) bool { return units[name] == nil })
	if len(exposed) == 0 {
		return nil
	}
	return []string{slices.MinFunc(exposed, func(a, b string) int {
		return cmp.Or(cmp.Compare(units[a].first.Time, units[b].first.Time), cmp.Compare(a, b))
	})}
}

func sooner(a, b events.Outcome) int {
	if c := cmp.Compare(a.Time, b.Time); c != 0 {
		return c
	}
	switch {
	case a.Value != nil && b.Value != nil:
		return cmp.Compare(*a.Value, *b.Value)
	case a.Value != nil:
		return -1
	case b.Value != nil:
		return 1
	}
	return 0
}
