package management

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// segments looks for rules that requests to this edge cannot meet, and for
// segments that an earlier one leaves nothing to.
func (d *diagnosis) segments() {
	if d.experiment.Strategy != engine.StrategySegment {
		return
	}
	byID := make(map[string]*engine.Segment, len(d.Document.Segments))
	for i := range d.Document.Segments {
		byID[d.Document.Segments[i].ID] = &d.Document.Segments[i]
	}
	var fallback string
	var earlier []*engine.Segment
	for _, a := range byPriority(d.experiment.Allocations) {
		if a.IsFallback && fallback == "" {
			fallback = a.VariationID
		}
		s := byID[a.SegmentID]
		if s == nil {
			continue
		}
		d.reachable(s)
		d.shadowed(s, a, earlier)
		earlier = append(earlier, s)
	}
	if fallback != "" {
		d.add("fallback", ResultNote, d.command("decide /authorize --header 'User-Agent: …' --ip …"),
			"requests that no segment matches get %s, the fallback; that is right, and looks as if the segments did nothing", fallback)
	}
}

// byPriority orders allocations as they are tried.
func byPriority(allocations []engine.Allocation) []engine.Allocation {
	rank := func(a engine.Allocation) int {
		if a.Priority == 0 {
			return math.MaxInt
		}
		return a.Priority
	}
	sorted := slices.Clone(allocations)
	slices.SortStableFunc(sorted, func(a, b engine.Allocation) int { return cmp.Compare(rank(a), rank(b)) })
	return sorted
}

// obstacle is why a condition of a rule cannot hold, and what to do about it.
type obstacle struct{ reason, remedy string }

// reachable looks at each rule of a segment for conditions that cannot hold.
func (d *diagnosis) reachable(s *engine.Segment) {
	needsEdge := false
	var stuck []obstacle // one of each rule that never holds
	var idle []string    // conditions of not_match that never exclude
	for _, rule := range s.Rules {
		var first *obstacle
		for _, attribute := range attributesOf(rule.Match) {
			needsEdge = needsEdge || fillable(attribute)
			if o := d.obstructed(s, attribute, rule.Match[attribute]); o != nil && first == nil {
				first = o
			}
		}
		if first != nil {
			stuck = append(stuck, *first)
		}
		for _, attribute := range attributesOf(rule.NotMatch) {
			needsEdge = needsEdge || fillable(attribute)
			if o := d.missing(attribute); o != nil && !rule.NotMatch[attribute].Holds("") {
				idle = append(idle, attribute.String()+": "+o.reason)
			}
		}
	}
	switch {
	case len(s.Rules) == 0:
		d.add("segment_rules", ResultProblem, d.send("PATCH", "segments/"+s.ID, `{"rules": [{"match": {"device_type": ["mobile"]}}]}`), "%s has no rules, so nobody belongs to it", s.ID)
	case len(stuck) == len(s.Rules):
		d.add("segment_rules", ResultProblem, stuck[0].remedy, "%s matches nobody on this edge: %s", s.ID, reasons(stuck))
	case len(stuck) > 0:
		d.add("segment_rules", ResultNote, stuck[0].remedy, "%d of %d rules of %s match nobody on this edge: %s", len(stuck), len(s.Rules), s.ID, reasons(stuck))
	case needsEdge && d.Edge == nil:
		d.blind("segment_rules")
	default:
		d.add("segment_rules", ResultOK, "", "%s: this edge can know every attribute that its rules match (%d)", s.ID, len(s.Rules))
	}
	if len(idle) > 0 {
		d.add("segment_exclusions", ResultNote, "", "not_match of %s never excludes anybody: %s", s.ID, strings.Join(idle, "; "))
	}
	if d.Edge != nil && d.Edge.Location.Loaded && mentions(s, engine.Country, engine.Region) {
		d.add("location", ResultNote, d.command("decide /authorize --ip <address>"),
			"%s looks at country or region, which come from the client's address: local and private addresses are nowhere, and behind a proxy Caddy needs trusted_proxies", s.ID)
	}
}

func reasons(stuck []obstacle) string {
	texts := make([]string, len(stuck))
	for i, o := range stuck {
		texts[i] = o.reason
	}
	slices.Sort(texts)
	return strings.Join(slices.Compact(texts), "; ")
}

func mentions(s *engine.Segment, attributes ...engine.Attribute) bool {
	return slices.ContainsFunc(s.Rules, func(r engine.Rule) bool {
		return slices.ContainsFunc(attributes, func(a engine.Attribute) bool {
			_, match := r.Match[a]
			_, not := r.NotMatch[a]
			return match || not
		})
	})
}

func attributesOf(conditions map[engine.Attribute]engine.Expression) []engine.Attribute {
	return slices.Sorted(maps.Keys(conditions))
}

// fillable reports whether it depends on the edge that an attribute is known.
func fillable(a engine.Attribute) bool {
	return a == engine.Country || a == engine.Region || a == engine.ConnectionType
}

// obstructed says why a condition can never hold here; nil if it can.
func (d *diagnosis) obstructed(s *engine.Segment, a engine.Attribute, e engine.Expression) *obstacle {
	if o := d.missing(a); o != nil && !e.Holds("") {
		return &obstacle{fmt.Sprintf("it wants %s, and %s", a, o.reason), o.remedy}
	}
	if e.Operator != engine.OneOf || slices.ContainsFunc(e.Values, func(v string) bool { return possible(a, v) }) {
		return nil
	}
	return &obstacle{
		fmt.Sprintf("no request has a %s of %s; %s", a, firstFew(e.Values), forms[a]),
		d.get("segments/"+s.ID) + "\n" + d.send("PATCH", "segments/"+s.ID, `{"rules": […]}`),
	}
}

// firstFew lists the first values of many.
func firstFew(values []string) string {
	const most = 10
	if len(values) <= most {
		return strings.Join(values, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(values[:most], ", "), len(values)-most)
}

// missing says why an attribute is never known on this edge; nil if it can be,
// or nobody knows.
func (d *diagnosis) missing(a engine.Attribute) *obstacle {
	if d.Edge == nil || !fillable(a) {
		return nil
	}
	location := d.Edge.Location
	switch {
	case a == engine.ConnectionType:
		for _, s := range d.Edge.Sites {
			if s.Connections {
				return nil
			}
		}
		return &obstacle{"no site has a connections map that tells the types", inCaddyfile("experiments of the site", "connections {\n\tgoogle-oauth2 social\n}")}
	case !location.Configured:
		return &obstacle{"no location database is configured (geoip)", app("geoip ./GeoLite2-City.mmdb")}
	case !location.Loaded:
		return &obstacle{fmt.Sprintf("%s is not loaded: %s", location.name(), location.LastError), app("geoip " + cmp.Or(location.Path, "<file>"))}
	case a == engine.Region && !location.Regions:
		return &obstacle{location.name() + " has countries but no regions", app("geoip ./GeoLite2-City.mmdb")}
	}
	return nil
}

// vocabularies are the values that an attribute can have, where they are few.
var vocabularies = map[engine.Attribute][]string{
	engine.DeviceType: {"mobile", "desktop", "tablet", "tv", "bot", "other"},
	engine.Platform:   {"windows", "macos", "ios", "android", "linux", "chromeos", "other"},
}

// forms say what the values of an attribute look like.
var forms = map[engine.Attribute]string{
	engine.DeviceType: "it is one of " + strings.Join(vocabularies[engine.DeviceType], ", "),
	engine.Platform:   "it is one of " + strings.Join(vocabularies[engine.Platform], ", "),
	engine.Country:    "it is an ISO 3166-1 code of two letters, such as US",
	engine.Region:     "it is an ISO 3166-2 code without the country, such as WA",
}

// possible reports whether an attribute can have a value.
func possible(a engine.Attribute, value string) bool {
	switch a {
	case engine.Country:
		return len(value) == 2
	case engine.Region:
		return len(value) >= 1 && len(value) <= 3
	}
	words, few := vocabularies[a]
	return !few || slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, value) })
}

// shadowed looks for a segment that gets nobody because those before it match
// whatever it matches.
func (d *diagnosis) shadowed(s *engine.Segment, a engine.Allocation, earlier []*engine.Segment) {
	var by []string
	for _, rule := range s.Rules {
		i := slices.IndexFunc(earlier, func(before *engine.Segment) bool {
			return slices.ContainsFunc(before.Rules, func(wide engine.Rule) bool { return d.covers(wide, rule) })
		})
		if i < 0 {
			return
		}
		if !slices.Contains(by, earlier[i].ID) {
			by = append(by, earlier[i].ID)
		}
	}
	if len(by) > 0 {
		d.add("segment_order", ResultProblem, d.reallocate("[…]")+"\nwith a smaller priority for "+s.ID,
			"%s (%s, priority %d) gets nobody: whatever it matches, %s matches before it", s.ID, a.VariationID, a.Priority, strings.Join(by, ", "))
	}
}

// covers reports whether one rule surely holds wherever another does.
func (d *diagnosis) covers(wide, narrow engine.Rule) bool {
	for a, e := range wide.Match {
		within, there := narrow.Match[a]
		if !there || !d.implied(within, e) {
			return false
		}
	}
	for a, e := range wide.NotMatch {
		if same, there := narrow.NotMatch[a]; !there || !d.implied(e, same) {
			return false
		}
	}
	return true
}

// maxComparisons bounds how many values of segments one diagnosis compares with
// each other, so that large segments cannot keep a processor busy.
const maxComparisons = 1_000_000

// implied reports whether an expression is surely true wherever another is. It
// is not sure of anything once there were too many comparisons.
func (d *diagnosis) implied(narrow, wide engine.Expression) bool {
	switch {
	case narrow.Operator == engine.Exists:
		return wide.Operator == engine.Exists && wide.Present == narrow.Present
	case wide.Operator == engine.Exists:
		return wide.Present
	}
	d.comparisons -= len(narrow.Values) + len(wide.Values)
	if d.comparisons < 0 {
		return false
	}
	holds := wide.Test()
	for _, value := range narrow.Values {
		within := holds(value) && (narrow.Operator == engine.OneOf || wide.Operator == engine.Contains || wide.Operator == narrow.Operator)
		if !within {
			return false
		}
	}
	return len(narrow.Values) > 0
}
