package launchdarkly_test

import (
	"strings"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// Each fault of an iteration is refused with its path, at both places that take
// one, and nothing is written.
func TestIterationRefused(t *testing.T) {
	s := newSite(t, nil).world()
	s.create("red", iteration("", "50", "50"))
	s.must(200, "PUT", settings, `{"randomizationUnits":[{"randomizationUnit":"user","default":true},{"randomizationUnit":"org","standardRandomizationUnit":"organization"}]}`)
	s.must(201, "POST", metrics, `{"key":"per-org","kind":"custom","eventKey":"x","randomizationUnits":["org"]}`)
	s.must(201, "POST", groups, `{"key":"plain","name":"Plain","kind":"standard","maintainerId":"m","tags":[],"metrics":[{"key":"login","nameInGroup":""}]}`)
	swap := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(iteration("", "50", "50")) }
	for words, body := range map[string]string{
		"hypothesis: is missing":                              swap(`"hypothesis":"it helps",`, ""),
		"hypothesis: must be a string":                        swap(`"it helps"`, `7`),
		"canReshuffleTraffic: must be true or false":          iteration(`,"canReshuffleTraffic":"no"`, "50", "50"),
		"metrics: is missing":                                 swap(`"metrics":[{"key":"converted"},{"key":"revenue"},{"key":"steps","isGroup":true}],`, ""),
		"metrics[1].key: must be a string":                    swap(`{"key":"revenue"}`, `{"key":1}`),
		"metrics[1].key: is missing":                          swap(`{"key":"revenue"}`, `{}`),
		"metrics[1]: must be an object":                       swap(`{"key":"revenue"}`, `"revenue"`),
		`metrics: there is no metric "gone"`:                  swap(`{"key":"revenue"}`, `{"key":"gone"}`),
		`metrics: there is no metric group "gone"`:            swap(`{"key":"steps","isGroup":true}`, `{"key":"gone","isGroup":true}`),
		`primarySingleMetricKey: there is no metric "x"`:      swap(`"primarySingleMetricKey":"converted"`, `"primarySingleMetricKey":"x"`),
		"primarySingleMetricKey: is missing":                  swap(`"primarySingleMetricKey":"converted",`, ""),
		"primaryFunnelKey: must not be there beside":          iteration(`,"primaryFunnelKey":"steps"`, "50", "50"),
		`primaryFunnelKey: metric group "plain" is no funnel`: swap(`"primarySingleMetricKey":"converted"`, `"primaryFunnelKey":"plain"`),
		`primaryFunnelKey: there is no metric group "x"`:      swap(`"primarySingleMetricKey":"converted"`, `"primaryFunnelKey":"x"`),
		`metric "per-org" is not measured by`:                 swap(`{"key":"revenue"}`, `{"key":"per-org"}`),
		"randomizationUnit: \"device\" is not among":          iteration(`,"randomizationUnit":"device"`, "50", "50"),
		"randomizationUnit: must be a string":                 iteration(`,"randomizationUnit":{}`, "50", "50"),
		"attributes: must be a list":                          iteration(`,"attributes":"country"`, "50", "50"),
		"attributes[0]: must be a string":                     iteration(`,"attributes":[1]`, "50", "50"),
		"treatments[0].allocationPercent: must be a string":   swap(`"allocationPercent":"50"`, `"allocationPercent":50`),
		"treatments[1].allocationPercent: must have at most":  iteration("", "50", "0.0001"),
		"treatments[1].allocationPercent: must be a number":   iteration("", "50", "half"),
		"treatments: the allocationPercent of all must sum":   iteration("", "50", "50.001"),
		"treatments: only one may be the baseline":            swap(`"baseline":false`, `"baseline":true`),
		"treatments[0].baseline: must be true or false":       swap(`"baseline":true`, `"baseline":1`),
		"treatments[0].name: is missing":                      swap(`"name":"The control",`, ""),
		"treatments[0].parameters: must have exactly one":     swap(`[{"flagKey":"login-page","variationId":"control"}]`, `[]`),
		"treatments[0].parameters[0].variationId: flag":       swap(`"variationId":"control"`, `"variationId":"var_gone"`),
		"treatments[1].parameters[0].variationId: another":    swap(`"variationId":"treatment"`, `"variationId":"control"`),
		"treatments[0].parameters[0].flagKey: must be":        swap(`{"flagKey":"login-page","variationId":"control"}`, `{"flagKey":"other","variationId":"control"}`),
		"flags: must have exactly one":                        swap(`"flags":{`, `"flags":{"other":{"ruleId":"fallthrough","flagConfigVersion":1},`),
		`flags: there is no flag "gone"`:                      iterationOf("gone", "", "50", "50"),
		"flags.login-page.ruleId: is missing":                 swap(`"ruleId":"fallthrough",`, ""),
		"flags.login-page.flagConfigVersion: must be a whole": swap(`"flagConfigVersion":3`, `"flagConfigVersion":3.5`),
		"flags.login-page.notInExperimentVariationId: flag":   swap(`"flagConfigVersion":3`, `"flagConfigVersion":3,"notInExperimentVariationId":"x"`),
	} {
		s.refused(400, words, "POST", experiments+"/red/iterations", body)
		s.refused(400, words, "POST", experiments, `{"name":"n","key":"n","iteration":`+body+`}`)
	}
	s.refused(400, "iteration.treatments: only", "POST", experiments, `{"name":"n","key":"n","iteration":`+swap(`"baseline":false`, `"baseline":true`)+`}`)
}

func TestExperimentRefused(t *testing.T) {
	s := newSite(t, nil).world()
	s.create("red", iteration("", "50", "50"))
	good := iteration("", "50", "50")
	for words, body := range map[string]string{
		"name: is missing":                         `{"key":"n","iteration":` + good + `}`,
		"name: must not be empty":                  `{"name":" ","key":"n","iteration":` + good + `}`,
		"key: is missing":                          `{"name":"n","iteration":` + good + `}`,
		"key: must be letters":                     `{"name":"n","key":"a/b","iteration":` + good + `}`,
		"key: must be a string":                    `{"name":"n","key":1,"iteration":` + good + `}`,
		`key: an experiment with the key "red" al`: `{"name":"n","key":"red","iteration":` + good + `}`,
		"iteration: is missing":                    `{"name":"n","key":"n"}`,
		"iteration: must be an object":             `{"name":"n","key":"n","iteration":[]}`,
		"holdoutId: must be a string":              `{"name":"n","key":"n","holdoutId":[],"iteration":` + good + `}`,
		"it must be an object":                     `[]`,
		"it is no JSON":                            `{`,
		"something follows":                        `{} {}`,
		"larger than":                              `{"name":"` + strings.Repeat("x", 1<<20) + `"}`,
	} {
		s.refused(400, words, "POST", experiments, body)
	}
	s.edit(func(d *engine.Document) { d.FeatureFlags[0].Status = engine.FlagArchived })
	s.refused(400, "is archived", "POST", experiments, `{"name":"n","key":"n","iteration":`+good+`}`)
}

func TestPatchRefused(t *testing.T) {
	s := newSite(t, nil).world()
	s.create("red", iteration("", "50", "50"))
	for words, body := range map[string]string{
		"instructions: is missing":                           `{}`,
		"instructions: must have at least one":               `{"instructions":[]}`,
		"instructions: must be a list":                       `{"instructions":{}}`,
		"instructions[0]: must be an object":                 `{"instructions":["x"]}`,
		"instructions[0].kind: is missing":                   `{"instructions":[{}]}`,
		"instructions[1].kind: must be one of":               `{"instructions":[{"kind":"startIteration"},{"kind":"deleteExperiment"}]}`,
		"instructions[0].value: is missing":                  `{"instructions":[{"kind":"updateName"}]}`,
		"instructions[0].value: must not be empty":           `{"instructions":[{"kind":"updateName","value":""}]}`,
		"instructions[0].value: must be a string":            `{"instructions":[{"kind":"updateDescription","value":1}]}`,
		"instructions[0].changeJustification: must be a str": `{"instructions":[{"kind":"startIteration","changeJustification":1}]}`,
		"instructions[0].winningTreatmentId: must be a":      `{"instructions":[{"kind":"stopIteration","winningTreatmentId":1}]}`,
		"comment: must be a string":                          `{"comment":1,"instructions":[{"kind":"startIteration"}]}`,
		"this is a JSON patch":                               `[{"op":"replace","path":"/name","value":"x"}]`,
		"it must be an object":                               `"x"`,
	} {
		s.refused(400, words, "PATCH", experiments+"/red", body)
	}
	s.refused(404, "there is no experiment", "PATCH", experiments+"/gone", `{"instructions":[`+startIt+`]}`)
	s.refused(404, "there is no experiment", "POST", experiments+"/gone/iterations", iteration("", "50", "50"))
	s.refused(404, "there is no experiment", "GET", experiments+"/gone", "")
}

// What keeps an iteration from being started.
func TestStartRefused(t *testing.T) {
	for words, fault := range map[string]struct {
		iteration string
		edit      func(*engine.Document)
	}{
		"at least two treatments": {iteration: iteration("", "50")},
		"exactly one of its treatments must be the baseline": {
			iteration: strings.Replace(iteration("", "50", "50"), `"baseline":true`, `"baseline":false`, 1)},
		"an allocationPercent above 0": {iteration: iteration("", "0", "0")},
		"is not on":                    {edit: func(d *engine.Document) { d.FeatureFlags[0].Status = engine.FlagDraft }},
		"archived status":              {edit: func(d *engine.Document) { d.FeatureFlags[0].Status = engine.FlagArchived }},
		"is not among those": {edit: func(d *engine.Document) {
			d.RandomizationUnits = []engine.RandomizationUnit{{Unit: "device", Default: true}}
		}},
		`no metric "revenue" any more`: {edit: func(d *engine.Document) { d.Metrics = d.Metrics[:1] }},
		"of its treatments is gone": {iteration: iteration("", "50", "50", "0"), edit: func(d *engine.Document) {
			d.Experiments[0].Allocations = d.Experiments[0].Allocations[:2]
			d.FeatureFlags[0].Variations = d.FeatureFlags[0].Variations[:2]
		}},
	} {
		t.Run(words, func(t *testing.T) {
			s := newSite(t, nil).world()
			if fault.iteration == "" {
				fault.iteration = iteration("", "50", "50")
			}
			s.create("red", fault.iteration)
			if fault.edit != nil {
				s.edit(fault.edit)
			}
			s.patchRefused(400, words, "red", startIt)
		})
	}
}

// Both conflicts name who is in the way, and go away with it.
func TestStartConflicts(t *testing.T) {
	s := newSite(t, nil).world()
	s.flag("other flag")
	s.create("red", iteration("", "50", "50"))
	s.create("blue", iteration("", "50", "50"))
	s.create("green", iterationOf("other-flag", "", "50", "50"))
	s.patch("red", startIt)
	s.patchRefused(409, `running experiment "red"`, "blue", startIt)
	s.patchRefused(409, `"red" is active already`, "green", startIt)
	s.patch("red", stopIt)
	s.patch("green", startIt)
	s.patchRefused(409, `"green" is active already`, "blue", startIt)
}

// The other API's experiments have their rule too.
func TestStartConflictWithOtherAPI(t *testing.T) {
	s := newSite(t, nil).world()
	s.create("red", iteration("", "50", "50"))
	s.create("blue", iteration("", "50", "50"))
	s.edit(func(d *engine.Document) {
		e := &d.Experiments[0]
		e.Key, e.Name, e.Iterations, e.Status = "", "Made Elsewhere!", nil, engine.ExperimentPaused
	})
	s.patchRefused(409, `"made-elsewhere"`, "blue", startIt)
}

// What changes how a terminal or a page shows a name is refused where it stands.
// Texts of several lines may have lines.
func TestUnprintableTextsRefused(t *testing.T) {
	s := newSite(t, nil).world()
	s.create("red", iteration("", "50", "50"))
	const says = ": must not contain control characters"
	metric := func(name, description string) string {
		return `{"key":"m","kind":"custom","eventKey":"x","name":"` + name + `","description":"` + description + `"}`
	}
	for _, bad := range []string{`a\u001b[31m`, `a\u0007`, `a\u007f`, `a\u009b2J`, `a\u202eb`, `a\u200fb`, `a\u2066b`, `a\u2028b`} {
		s.refused(400, "name"+says, "POST", metrics, metric(bad, ""))
		s.refused(400, "description"+says, "POST", metrics, metric("n", bad))
		s.refused(400, "name"+says, "POST", experiments, `{"name":"`+bad+`","key":"n","iteration":`+iteration("", "50", "50")+`}`)
		s.refused(400, "hypothesis"+says, "POST", experiments+"/red/iterations", strings.Replace(iteration("", "50", "50"), "it helps", bad, 1))
		s.refused(400, "treatments[0].name"+says, "POST", experiments+"/red/iterations", strings.Replace(iteration("", "50", "50"), "The control", bad, 1))
		s.refused(400, "name"+says, "POST", groups, `{"key":"g","name":"`+bad+`","kind":"standard","maintainerId":"m","tags":[],"metrics":[{"key":"login","nameInGroup":""}]}`)
		s.refused(400, "metrics[0].nameInGroup"+says, "POST", groups, `{"key":"g","name":"G","kind":"standard","maintainerId":"m","tags":[],"metrics":[{"key":"login","nameInGroup":"`+bad+`"}]}`)
		s.refused(400, "value"+says, "PATCH", experiments+"/red", `{"instructions":[{"kind":"updateName","value":"`+bad+`"}]}`)
	}
	for _, bad := range []string{`a\nb`, `a\rb`, `a\tb`} {
		s.refused(400, "name"+says, "POST", metrics, metric(bad, ""))
	}
	s.must(201, "POST", metrics, metric("n", `one\ntwo\tthree`))
}
