package engine

import (
	"bytes"
	"encoding/json"
)

// Configuration is what an experiment works with as an activation found it: its
// feature flag without the variations, and the variations and segments of its
// allocations, by id. Each is a JSON object with the fields of the entity. What
// has changed or gone since then can be read there.
type Configuration struct {
	FeatureFlag json.RawMessage            `json:"feature_flag,omitempty"`
	Variations  map[string]json.RawMessage `json:"variations,omitempty"`
	Segments    map[string]json.RawMessage `json:"segments,omitempty"`
}

// longestKept bounds each part of a Configuration in bytes. What a flag or variation
// may have over the API is shorter; of segments, which can have long lists of
// values, only those within it are kept.
const longestKept = 10 << 10

// ConfigurationOf returns what an experiment works with now.
func ConfigurationOf(document *Document, e *Experiment) *Configuration {
	out := &Configuration{Variations: map[string]json.RawMessage{}, Segments: map[string]json.RawMessage{}}
	allocated := map[string]bool{}
	for _, a := range e.Allocations {
		allocated[a.VariationID], allocated[a.SegmentID] = true, true
	}
	for _, flag := range document.FeatureFlags {
		if flag.ID != e.FeatureFlagID {
			continue
		}
		for _, v := range flag.Variations {
			if text := portrait(v); allocated[v.ID] && text != nil {
				out.Variations[v.ID] = text
			}
		}
		type alone struct {
			FeatureFlag
			Variations *struct{} `json:"variations,omitempty"`
		}
		out.FeatureFlag = portrait(alone{FeatureFlag: flag})
	}
	for _, s := range document.Segments {
		if !allocated[s.ID] {
			continue
		}
		if text := portrait(s); text != nil {
			out.Segments[s.ID] = text
		}
	}
	return out
}

// configurationDepth is how deep in a document the parts of a Configuration stand.
const configurationDepth = 5

// portrait writes an entity as a part of a Configuration: nil if it is too long, or
// nested so deep that it could not stand there.
func portrait(entity any) json.RawMessage {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(entity); err != nil || text.Len() > longestKept {
		return nil
	}
	out := bytes.TrimSpace(text.Bytes())
	if _, faults := parseInside(out, configurationDepth); len(faults) > 0 {
		return nil
	}
	return out
}

// configuration reads what an activation has written.
func (d *decoder) configuration(n node, at *path) *Configuration {
	out := &Configuration{}
	d.object(n, at, nil, func(name string, v node, at *path) bool {
		switch name {
		case "feature_flag":
			out.FeatureFlag = d.portrait(v, at)
		case "variations":
			out.Variations = table(d, v, at, d.portrait)
		case "segments":
			out.Segments = table(d, v, at, d.portrait)
		default:
			return false
		}
		return true
	})
	return out
}

func (d *decoder) portrait(n node, at *path) json.RawMessage {
	if !d.is(n, at, objectNode) {
		return nil
	}
	return n.raw()
}
