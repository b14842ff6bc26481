package engine

import (
	"bytes"
	"hash/maphash"
)

// Reader decodes and compiles the versions of one document as they come. What
// has not changed since the version before is taken over instead of being read
// again: a change to one entity costs little more than that entity. The results
// are those of Decode and Compile.
//
// Documents of a reader share what they have in common, and must not be changed.
// A Reader is not safe for concurrent use.
type Reader struct {
	seed     maphash.Seed
	entities map[uint64]*kept // of the last version, by hash of text and kind
	last     *Document
	flags    []*kept // of last, in its order
	segments []*kept
}

// kept is an entity as it was read, with what it comes to.
type kept struct {
	text []byte

	flag       FeatureFlag
	segment    Segment
	experiment Experiment
	metric     *Metric // pointers, because there are few of these
	group      *MetricGroup
	unit       *RandomizationUnit

	configs  map[string]mergedConfig // of the flag's variations, once compiled
	audience *audience               // of the segment, once compiled
	cost     cost                    // of the segment
}

// NewReader makes a reader that has read nothing yet.
func NewReader() *Reader {
	return &Reader{seed: maphash.MakeSeed(), entities: map[uint64]*kept{}}
}

// Decode reads the next version of the document as the function Decode does.
func (r *Reader) Decode(text []byte) (*Document, error) {
	if document := r.update(bytes.TrimPrefix(text, byteOrderMark)); document != nil {
		return document, nil
	}
	// There is a fault, which is to be named with its line, or a text in an
	// unusual form.
	r.last, r.flags, r.segments = nil, nil, nil
	return Decode(text)
}

// update decodes what is new in a version. It gives nil if it is not sure.
func (r *Reader) update(text []byte) *Document {
	o, ok := outlined(text)
	if !ok {
		return nil
	}
	now := make(map[uint64]*kept, len(o.featureFlags)+len(o.segments)+len(o.experiments)+len(o.metrics)+len(o.metricGroups)+len(o.randomizationUnits))
	flags := r.keep(now, o.featureFlags, 'f', func(d *decoder, n node, k *kept) {
		if k.flag = d.featureFlag(n, nil); len(d.faults) == 0 {
			d.inside(&k.flag, n, nil)
		}
	})
	segments := r.keep(now, o.segments, 's', func(d *decoder, n node, k *kept) {
		k.segment = d.segment(n, nil)
		k.cost = costOf(&k.segment)
	})
	experiments := r.keep(now, o.experiments, 'e', func(d *decoder, n node, k *kept) { k.experiment = d.experiment(n, nil) })
	metrics := r.keep(now, o.metrics, 'm', func(d *decoder, n node, k *kept) { k.metric = pointer(d.metric(n, nil)) })
	groups := r.keep(now, o.metricGroups, 'g', func(d *decoder, n node, k *kept) { k.group = pointer(d.metricGroup(n, nil)) })
	units := r.keep(now, o.randomizationUnits, 'u', func(d *decoder, n node, k *kept) { k.unit = pointer(d.randomizationUnit(n, nil)) })
	if flags == nil || segments == nil || experiments == nil || metrics == nil || groups == nil || units == nil {
		return nil
	}
	document := &Document{
		Revision:     o.revision,
		FeatureFlags: entities(flags, func(k *kept) FeatureFlag { return k.flag }),
		Segments:     entities(segments, func(k *kept) Segment { return k.segment }),
		Experiments:  entities(experiments, func(k *kept) Experiment { return k.experiment }),
	}
	if o.metrics != nil {
		document.Metrics = entities(metrics, func(k *kept) Metric { return *k.metric })
	}
	if o.metricGroups != nil {
		document.MetricGroups = entities(groups, func(k *kept) MetricGroup { return *k.group })
	}
	if o.randomizationUnits != nil {
		document.RandomizationUnits = entities(units, func(k *kept) RandomizationUnit { return *k.unit })
	}
	consistent := true
	references(document, func(position, string, ...any) { consistent = false })
	if !consistent {
		return nil
	}
	r.entities, r.last, r.flags, r.segments = now, document, flags, segments
	return document
}

func pointer[T any](v T) *T { return &v }

func entities[T any](list []*kept, entity func(*kept) T) []T {
	out := make([]T, len(list))
	for i, k := range list {
		out[i] = entity(k)
	}
	return out
}

// entityDepth is how deep in a document an entity stands.
const entityDepth = 2

// keep finds each entity among those of the last version, or decodes it. It gives
// nil if one has a fault.
func (r *Reader) keep(now map[uint64]*kept, texts [][]byte, kind byte, decode func(*decoder, node, *kept)) []*kept {
	list := make([]*kept, len(texts))
	var hash maphash.Hash
	hash.SetSeed(r.seed)
	for i, text := range texts {
		hash.Reset()
		_ = hash.WriteByte(kind) // never fails
		_, _ = hash.Write(text)
		sum := hash.Sum64()
		k := r.entities[sum]
		if k == nil || !bytes.Equal(k.text, text) {
			n, faults := parseInside(text, entityDepth)
			if len(faults) > 0 {
				return nil
			}
			k = &kept{text: bytes.Clone(text)}
			d := decoder{text: text}
			if decode(&d, n, k); len(d.faults) > 0 {
				return nil
			}
		}
		list[i], now[sum] = k, k
	}
	return list
}

// Compile compiles a document as the function Compile does.
func (r *Reader) Compile(document *Document, settings Settings) *Snapshot {
	if document != r.last {
		return Compile(document, settings)
	}
	configs := map[string]mergedConfig{}
	for _, k := range r.flags {
		if k.configs == nil {
			k.configs = make(map[string]mergedConfig, len(k.flag.Variations))
			mergeConfigs(&k.flag, k.configs)
		}
		for id, config := range k.configs {
			configs[id] = config
		}
	}
	segments, costs := make(map[string]*kept, len(r.segments)), make([]cost, len(r.segments))
	for i, k := range r.segments {
		segments[k.segment.ID], costs[i] = k, k.cost
	}
	audienceOf := func(id string) *audience {
		k := segments[id]
		if k.audience == nil {
			k.audience = compileAudience(&k.segment)
		}
		return k.audience
	}
	return assemble(document, configs, efforts(document.Segments, costs), audienceOf, settings)
}
