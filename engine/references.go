package engine

import "slices"

// maxTreatments bounds what a document compiles to: the variations that its
// experiments have together, each counted once for every experiment that can
// give it. A header is kept ready for each.
const maxTreatments = 50_000

// position is where in a document something stands: a field of an entity, or of an
// entry of a list inside of one.
type position struct {
	entities string // the name of the list that the entity is in
	entity   int
	inside   string // the name of the list inside; empty: the entity's own field
	entry    int
	field    string // empty: the entity as a whole
}

// references checks what one entity says of another: that ids are unique, that
// what an id names exists, and that no more is given away than can be compiled.
func references(document *Document, report func(at position, format string, args ...any)) {
	unique := func(seen map[string]bool, id string, at position) {
		if at.field == "" {
			at.field = "id"
		}
		if seen[id] {
			report(at, "%s is the %s of another one already", id, at.field)
		}
		seen[id] = true
	}
	exists := func(known map[string]bool, what, id string, at position) {
		if !known[id] {
			report(at, "there is no %s %s", what, id)
		}
	}
	flags, variations := map[string]bool{}, map[string]bool{}
	variationsOf := make(map[string]int, len(document.FeatureFlags))
	for i := range document.FeatureFlags {
		flag := &document.FeatureFlags[i]
		unique(flags, flag.ID, position{entities: "feature_flags", entity: i})
		variationsOf[flag.ID] = len(flag.Variations)
		for j := range flag.Variations {
			unique(variations, flag.Variations[j].ID, position{entities: "feature_flags", entity: i, inside: "variations", entry: j})
		}
	}
	segments := map[string]bool{}
	for i := range document.Segments {
		unique(segments, document.Segments[i].ID, position{entities: "segments", entity: i})
	}
	experiments, keys, treatments := map[string]bool{}, map[string]bool{}, 0
	for i := range document.Experiments {
		e, at := &document.Experiments[i], position{entities: "experiments", entity: i}
		before := treatments
		if treatments += variationsOf[e.FeatureFlagID]; before <= maxTreatments && treatments > maxTreatments {
			report(at, "the experiments up to this one have more than %d variations to give; spread them over several tenants", maxTreatments)
		}
		unique(experiments, e.ID, at)
		if e.Key != "" {
			at.field = "key"
			unique(keys, e.Key, at)
		}
		iterations := make(map[string]bool, len(e.Iterations))
		for j := range e.Iterations { // what they refer to may be gone
			unique(iterations, e.Iterations[j].ID, position{entities: "experiments", entity: i, inside: "iterations", entry: j})
		}
		at.field = "feature_flag_id"
		exists(flags, "feature flag", e.FeatureFlagID, at)
		for j, a := range e.Allocations {
			at := position{"experiments", i, "allocations", j, "variation_id"}
			exists(variations, "variation", a.VariationID, at)
			if a.SegmentID != "" {
				at.field = "segment_id"
				exists(segments, "segment", a.SegmentID, at)
			}
		}
	}
	metrics := map[string]bool{}
	for i := range document.Metrics {
		unique(metrics, document.Metrics[i].Key, position{entities: "metrics", entity: i, field: "key"})
	}
	for _, m := range BuiltInMetrics() {
		if metrics[m.Key] {
			i := slices.IndexFunc(document.Metrics, func(own Metric) bool { return own.Key == m.Key })
			report(position{entities: "metrics", entity: i, field: "key"}, "%s is the key of a built-in metric; take another one", m.Key)
		}
		metrics[m.Key] = true
	}
	groups := map[string]bool{}
	for i, group := range document.MetricGroups {
		unique(groups, group.Key, position{entities: "metric_groups", entity: i, field: "key"})
		for j, m := range group.Metrics {
			exists(metrics, "metric", m.Key, position{"metric_groups", i, "metrics", j, "key"})
		}
	}
	units, defaults := map[string]bool{}, 0
	for i, unit := range document.RandomizationUnits {
		at := position{entities: "randomization_units", entity: i, field: "randomization_unit"}
		unique(units, unit.Unit, at)
		if unit.Default {
			if defaults++; defaults > 1 {
				at.field = "default"
				report(at, "another randomization unit is the default already")
			}
		}
	}
}

// references reports what is wrong between the entities where it stands in the
// text.
func (d *decoder) references(root node, document *Document) {
	references(document, func(at position, format string, args ...any) {
		if d.full() {
			return // finding where takes time
		}
		n, where := root, (*path)(nil)
		step := func(name string) {
			n, _ = n.member(name) // it was decoded
			where = &path{parent: where, name: name}
		}
		item := func(list string, i int) {
			step(list)
			n, where = n.item(i), &path{parent: where, item: i + 1}
		}
		item(at.entities, at.entity)
		if at.inside != "" {
			item(at.inside, at.entry)
		}
		if at.field != "" {
			step(at.field)
		}
		d.fault(n, where, format, args...)
	})
	d.entries(root, nil, "feature_flags", func(i int, n node, at *path) {
		d.inside(&document.FeatureFlags[i], n, at)
	})
}

// inside checks what the variations of a flag say of the flag.
func (d *decoder) inside(flag *FeatureFlag, n node, at *path) {
	d.entries(n, at, "variations", func(_ int, n node, at *path) {
		if stated, there := n.member("feature_flag_id"); there && stated.string() != flag.ID {
			d.fault(stated, &path{parent: at, name: "feature_flag_id"}, "must be %s, the flag it stands in, got %s", flag.ID, stated.string())
		}
		if overrides, there := n.member("overrides"); there {
			d.overrides(flag, overrides, &path{parent: at, name: "overrides"})
		}
	})
}

// entries visits the entries of a list that is a member of n, if it is there.
func (d *decoder) entries(n node, at *path, name string, visit func(i int, n node, at *path)) {
	list, there := n.member(name)
	if !there {
		return
	}
	here := &path{parent: at, name: name}
	for i, item := range list.items() {
		visit(i, item, &path{parent: here, item: i + 1})
	}
}

func (d *decoder) overrides(flag *FeatureFlag, n node, at *path) {
	for key, override := range n.members() {
		here := &path{parent: at, name: key.name()}
		parameter, known := flag.Parameters[here.name]
		if !known {
			d.fault(override, here, "there is no parameter %q in feature flag %s", here.name, flag.ID)
			continue
		}
		value, _ := override.member("value")
		d.typed(value, &path{parent: here, name: "value"}, parameter.Type)
	}
}
