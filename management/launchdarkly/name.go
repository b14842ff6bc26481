package launchdarkly

import (
	"net/http"
	"strings"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// slug makes a key of a name: lower case, with "-" for everything but ASCII
// letters and digits. It may be empty.
func slug(name string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	return strings.TrimSuffix(b.String(), "-")
}

// only gives the one of n names that has a slug; -1 if none or several have.
func only(n int, name func(int) string, wanted string) int {
	found := -1
	for i := range n {
		if wanted == "" || slug(name(i)) != wanted {
			continue
		}
		if found >= 0 {
			return -1
		}
		found = i
	}
	return found
}

// flagOf finds a flag by its id, or the slug of its name where no other has it.
func flagOf(document *engine.Document, key string) (*engine.FeatureFlag, bool) {
	flags := document.FeatureFlags
	for i := range flags {
		if flags[i].ID == key {
			return &flags[i], true
		}
	}
	if i := only(len(flags), func(i int) string { return flags[i].Name }, key); i >= 0 {
		return &flags[i], true
	}
	return nil, false
}

// flagKey is the shortest that flagOf finds a flag by.
func flagKey(document *engine.Document, flag *engine.FeatureFlag) string {
	key := slug(flag.Name)
	if found, ok := flagOf(document, key); ok && found.ID == flag.ID {
		return key
	}
	return flag.ID
}

// variationOf finds a variation of a flag by its id or the slug of its name.
func variationOf(flag *engine.FeatureFlag, key string) (*engine.Variation, bool) {
	for i := range flag.Variations {
		if flag.Variations[i].ID == key {
			return &flag.Variations[i], true
		}
	}
	if i := only(len(flag.Variations), func(i int) string { return flag.Variations[i].Name }, key); i >= 0 {
		return &flag.Variations[i], true
	}
	return nil, false
}

// experimentOf finds an experiment by its key or id, or the slug of its name
// where it has no key and no other has the same.
func experimentOf(document *engine.Document, key string) (*engine.Experiment, *engine.FeatureFlag, error) {
	at := -1
	for i := range document.Experiments {
		if e := &document.Experiments[i]; key != "" && e.Key == key || e.ID == key && at < 0 {
			at = i
		}
	}
	if at < 0 {
		at = only(len(document.Experiments), func(i int) string {
			if document.Experiments[i].Key != "" {
				return ""
			}
			return document.Experiments[i].Name
		}, key)
	}
	if at < 0 {
		return nil, nil, notFound("experiment", key)
	}
	e := &document.Experiments[at]
	flag, ok := flagOf(document, e.FeatureFlagID)
	if !ok {
		return nil, nil, Refuse(http.StatusNotFound, "the experiment has no flag") // unreachable: the document was checked
	}
	return e, flag, nil
}

// experimentKey is what experimentOf finds an experiment by: its key if it has one.
func experimentKey(document *engine.Document, e *engine.Experiment) string {
	if e.Key != "" {
		return e.Key
	}
	key := slug(e.Name)
	if found, _, err := experimentOf(document, key); err == nil && found.ID == e.ID {
		return key
	}
	return e.ID
}
