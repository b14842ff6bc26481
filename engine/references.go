package engine

// maxTreatments bounds what a document compiles to: the variations that its
// experiments have together, each counted once for every experiment that can
// give it. A header is kept ready for each.
const maxTreatments = 50_000

// known are the ids that a document has, by kind of entity.
type known struct{ flags, variations, segments, experiments map[string]bool }

// references checks what one entity says of another: that ids are unique, that
// what an id names exists, and that overrides fit their flag's parameters.
func (d *decoder) references(root node, document *Document) {
	ids := known{map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}}
	d.entries(root, nil, "feature_flags", func(i int, n node, at *path) {
		flag := &document.FeatureFlags[i]
		d.unique(ids.flags, flag.ID, n, at)
		d.entries(n, at, "variations", func(j int, n node, at *path) {
			d.unique(ids.variations, flag.Variations[j].ID, n, at)
		})
		d.inside(flag, n, at)
	})
	d.entries(root, nil, "segments", func(i int, n node, at *path) {
		d.unique(ids.segments, document.Segments[i].ID, n, at)
	})
	treatments := 0
	variationsOf := make(map[string]int, len(document.FeatureFlags))
	for _, flag := range document.FeatureFlags {
		variationsOf[flag.ID] = len(flag.Variations)
	}
	d.entries(root, nil, "experiments", func(i int, n node, at *path) {
		experiment := &document.Experiments[i]
		before := treatments
		if treatments += variationsOf[experiment.FeatureFlagID]; before <= maxTreatments && treatments > maxTreatments {
			d.fault(n, at, "the experiments up to this one have more than %d variations to give; spread them over several tenants", maxTreatments)
		}
		d.unique(ids.experiments, experiment.ID, n, at)
		d.exists(ids.flags, "feature flag", n, at, "feature_flag_id", experiment.FeatureFlagID)
		d.entries(n, at, "allocations", func(j int, n node, at *path) {
			allocation := &experiment.Allocations[j]
			d.exists(ids.variations, "variation", n, at, "variation_id", allocation.VariationID)
			if allocation.SegmentID != "" {
				d.exists(ids.segments, "segment", n, at, "segment_id", allocation.SegmentID)
			}
		})
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

// consistent reports whether references finds nothing, for a document whose
// flags have been looked inside of.
func consistent(document *Document) bool {
	ids := known{map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}}
	ok := true
	add := func(seen map[string]bool, id string) {
		ok = ok && !seen[id]
		seen[id] = true
	}
	variationsOf := make(map[string]int, len(document.FeatureFlags))
	for i := range document.FeatureFlags {
		flag := &document.FeatureFlags[i]
		add(ids.flags, flag.ID)
		variationsOf[flag.ID] = len(flag.Variations)
		for j := range flag.Variations {
			add(ids.variations, flag.Variations[j].ID)
		}
	}
	for i := range document.Segments {
		add(ids.segments, document.Segments[i].ID)
	}
	treatments := 0
	for i := range document.Experiments {
		e := &document.Experiments[i]
		add(ids.experiments, e.ID)
		ok = ok && ids.flags[e.FeatureFlagID]
		treatments += variationsOf[e.FeatureFlagID]
		for _, a := range e.Allocations {
			ok = ok && ids.variations[a.VariationID] && (a.SegmentID == "" || ids.segments[a.SegmentID])
		}
	}
	return ok && treatments <= maxTreatments
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

func (d *decoder) unique(seen map[string]bool, id string, n node, at *path) {
	if seen[id] {
		value, _ := n.member("id")
		d.fault(value, &path{parent: at, name: "id"}, "%s is the id of another one already", id)
	}
	seen[id] = true
}

func (d *decoder) exists(known map[string]bool, what string, n node, at *path, field, id string) {
	if !known[id] {
		value, _ := n.member(field)
		d.fault(value, &path{parent: at, name: field}, "there is no %s %s", what, id)
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
