package launchdarkly

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// maxUnits is how many randomization units a project may have.
const maxUnits = 50

// standardUnits are the units that every other one is a kind of.
var standardUnits = []string{"guest", "guestTime", "organization", "request", "user", "userTime"}

// presetUnits are those of a project that has not chosen any. What is randomized
// is always the subject that the edge finds: by default the device, or whatever a
// site's subject names. Clients that name no unit mean the user.
var presetUnits = []engine.RandomizationUnit{
	{Unit: "user", Standard: "user", Default: true},
	{Unit: "device", Standard: "guest"},
}

// settingsView is a project's settings as clients get them.
type settingsView struct {
	ProjectID          string          `json:"_projectId"`
	ProjectKey         string          `json:"_projectKey"`
	RandomizationUnits []unitView      `json:"randomizationUnits"`
	CreationDate       int64           `json:"_creationDate"`
	Links              map[string]link `json:"_links"`
}

type unitView struct {
	RandomizationUnit         string `json:"randomizationUnit"`
	StandardRandomizationUnit string `json:"standardRandomizationUnit"`
	Default                   bool   `json:"default"`
	Hidden                    bool   `json:"_hidden"`
	DisplayName               string `json:"_displayName"`
}

func units(document *engine.Document) []engine.RandomizationUnit {
	if len(document.RandomizationUnits) == 0 {
		return presetUnits
	}
	return document.RandomizationUnits
}

// defaultUnit is the unit of an iteration that names none.
func defaultUnit(document *engine.Document) string {
	all := units(document)
	if i := slices.IndexFunc(all, func(u engine.RandomizationUnit) bool { return u.Default }); i >= 0 {
		return all[i].Unit
	}
	return all[0].Unit
}

func enabledUnit(document *engine.Document, name string) bool {
	return slices.ContainsFunc(units(document), func(u engine.RandomizationUnit) bool { return u.Unit == name })
}

// unitsOf are the units that a metric is measured by; all, if it does not say.
func (v *viewer) unitsOf(m engine.Metric) []string {
	if len(m.RandomizationUnits) > 0 {
		return m.RandomizationUnits
	}
	var out []string
	for _, u := range units(v.document) {
		out = append(out, u.Unit)
	}
	return out
}

// settings shows the settings, the default unit first.
func (v *viewer) settings() settingsView {
	out := settingsView{
		ProjectID: v.tenant.Project(), ProjectKey: v.tenant.Project(),
		Links: links("self", v.projectPath()+"/experimentation-settings", "parent", v.projectPath()),
	}
	chosen := defaultUnit(v.document)
	for _, u := range units(v.document) {
		out.RandomizationUnits = append(out.RandomizationUnits, unitView{
			u.Unit, cmp.Or(u.Standard, standardUnit(u.Unit)), u.Unit == chosen, u.Hidden, displayName(u.Unit),
		})
	}
	slices.SortStableFunc(out.RandomizationUnits, func(a, b unitView) int {
		switch {
		case a.Default == b.Default:
			return 0
		case a.Default:
			return -1
		}
		return 1
	})
	return out
}

// standardUnit is the standard unit of one that does not say.
func standardUnit(name string) string {
	if slices.Contains(standardUnits, name) {
		return name
	}
	return "user"
}

func displayName(unit string) string {
	runes := []rune(strings.NewReplacer("-", " ", "_", " ").Replace(unit))
	runes[0] = unicode.ToUpper(runes[0])
	return string(runes)
}

func getSettings(q *request) (any, error) {
	document, err := q.session.Read()
	if err != nil {
		return nil, err
	}
	return q.viewer(document, nil).settings(), nil
}

func putSettings(q *request) (any, error) {
	body, err := q.object()
	if err != nil {
		return nil, err
	}
	chosen, err := readUnits(body)
	if err != nil {
		return nil, err
	}
	var view settingsView
	err = q.change(func(document *engine.Document) (string, error) {
		changed := !slices.Equal(document.RandomizationUnits, chosen)
		document.RandomizationUnits = chosen
		view = q.viewer(document, nil).settings()
		if !changed {
			return "", nil
		}
		return "experimentation-settings", nil
	})
	return view, err
}

func readUnits(o object) ([]engine.RandomizationUnit, error) {
	e, there := o.need("randomizationUnits")
	if !there {
		return nil, o.err()
	}
	items := e.items(maxUnits)
	if *e.fault == nil && len(items) == 0 {
		e.refuse("must have at least one entry")
	}
	var out []engine.RandomizationUnit
	for _, item := range items {
		member := item.object()
		var unit engine.RandomizationUnit
		if e, there := member.need("randomizationUnit"); there {
			unit.Unit = e.label()
			if slices.ContainsFunc(out, func(u engine.RandomizationUnit) bool { return u.Unit == unit.Unit }) {
				e.refuse("is there already")
			}
		}
		if e, there := member.find("standardRandomizationUnit"); there {
			unit.Standard = e.word(standardUnits...)
		} else {
			unit.Standard = standardUnit(unit.Unit)
		}
		if e, there := member.find("default"); there {
			unit.Default = e.boolean()
			if unit.Default && slices.ContainsFunc(out, func(u engine.RandomizationUnit) bool { return u.Default }) {
				e.refuse("only one randomization unit may be the default")
			}
		}
		member.complete()
		out = append(out, unit)
	}
	o.complete()
	if err := o.err(); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(out, func(u engine.RandomizationUnit) bool { return u.Default }) {
		out[max(slices.IndexFunc(out, func(u engine.RandomizationUnit) bool { return u.Unit == "user" }), 0)].Default = true
	}
	return out, nil
}
