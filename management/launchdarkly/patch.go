package launchdarkly

import (
	"cmp"
	"net/http"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// maxInstructions bounds a semantic patch.
const maxInstructions = 50

// patch is an experiment that instructions are followed on.
type patch struct {
	*request
	document   *engine.Document
	experiment *engine.Experiment
	flag       *engine.FeatureFlag
	changed    bool
}

// instruction is one of a semantic patch: what it does, with its parameters read.
type instruction func(*patch) error

func patchExperiment(q *request) (any, error) {
	instructions, err := q.instructions()
	if err != nil {
		return nil, err
	}
	var view experimentView
	err = q.change(func(document *engine.Document) (string, error) {
		e, flag, err := experimentOf(document, q.PathValue("experiment"))
		if err != nil {
			return "", err
		}
		p := &patch{request: q, document: document, experiment: e, flag: flag}
		for _, follow := range instructions {
			if err := follow(p); err != nil {
				return "", err // nothing is written: all or none
			}
		}
		if p.changed {
			e.UpdatedAt = q.stamp()
		}
		view = q.viewer(document, everything).experiment(e, flag)
		if !p.changed {
			return "", nil
		}
		return e.ID, nil
	})
	return view, err
}

// instructions reads a semantic patch, and why it is sent: its comment, else the
// first justification in it.
func (q *request) instructions() ([]instruction, error) {
	value, err := q.body()
	if err != nil {
		return nil, err
	}
	if _, list := value.([]any); list {
		return nil, Refuse(http.StatusBadRequest, "invalid request body: this is a JSON patch; send a semantic patch, an object with instructions")
	}
	members, ok := value.(map[string]any)
	if !ok {
		return nil, Refuse(http.StatusBadRequest, "invalid request body: it must be an object")
	}
	body := newObject(new(*Error), "", members)
	q.comment = body.optionalText("comment", longestText)
	e, there := body.need("instructions")
	if !there {
		return nil, body.err()
	}
	items := e.items(maxInstructions)
	if *e.fault == nil && len(items) == 0 {
		e.refuse("must have at least one entry")
	}
	var out []instruction
	for _, item := range items {
		o := item.object()
		out = append(out, readInstruction(o))
		q.comment = cmp.Or(q.comment, justification(o))
		o.complete()
	}
	body.complete()
	return out, body.err()
}

func readInstruction(o object) instruction {
	e, there := o.need("kind")
	if !there {
		return nil
	}
	switch e.text(longestName) {
	case "updateName":
		if e, there := o.need("value"); there {
			return rename(e.name())
		}
	case "updateDescription":
		if e, there := o.need("value"); there {
			return describe(e.text(longestText))
		}
	case "startIteration":
		return start(justification(o))
	case "stopIteration":
		return stop(o.at, o.optionalText("winningTreatmentId", longestName), o.optionalText("winningReason", longestText))
	case "archiveExperiment":
		return archive
	case "restoreExperiment":
		return restore
	default:
		e.refuse("must be one of updateName, updateDescription, startIteration, stopIteration, archiveExperiment, restoreExperiment")
	}
	return nil
}

// justification is why an iteration starts in the place of one that is running.
func justification(o object) string {
	if o.members["kind"] != "startIteration" {
		return ""
	}
	return o.optionalText("changeJustification", longestText)
}

// rename gives another name. The key stays, also where it comes from the name.
func rename(name string) instruction {
	return func(p *patch) error {
		e := p.experiment
		if e.Name == name {
			return nil
		}
		if key := experimentKey(p.document, e); e.Key == "" && key != e.ID {
			e.Key = key
		}
		e.Name, p.changed = name, true
		return nil
	}
}

func describe(text string) instruction {
	return func(p *patch) error {
		p.changed = p.changed || p.experiment.Description != text
		p.experiment.Description = text
		return nil
	}
}
