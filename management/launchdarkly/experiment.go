package launchdarkly

import (
	"net/http"
	"slices"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

func getExperiment(q *request) (any, error) {
	expand, err := q.words("expand", expandable...)
	if err != nil {
		return nil, err
	}
	document, err := q.session.Read()
	if err != nil {
		return nil, err
	}
	e, flag, err := experimentOf(document, q.PathValue("experiment"))
	if err != nil {
		return nil, err
	}
	return q.viewer(document, expand).experiment(e, flag), nil
}

// experimentPost is what a client asks of a new experiment.
type experimentPost struct {
	name, description, maintainerID, key string
	tags                                 []string
	iteration                            iterationInput
}

func readExperiment(o object) (experimentPost, error) {
	var in experimentPost
	if e, there := o.need("name"); there {
		in.name = e.name()
	}
	if e, there := o.need("key"); there {
		in.key = e.key()
	}
	in.description = o.optionalText("description", longestText)
	in.maintainerID = o.optionalText("maintainerId", longestName)
	in.tags = o.optionalTexts("tags", maxTags, entry.name)
	readAnalyses(o)
	e, there := o.need("iteration")
	o.complete()
	if !there {
		return in, o.err()
	}
	iteration := e.object()
	if err := o.err(); err != nil {
		return in, err
	}
	var err error
	in.iteration, err = readIteration(iteration)
	return in, err
}

// readAnalyses reads how an experiment is to be analyzed, where it says: there is one
// way.
func readAnalyses(o object) {
	for name, only := range map[string]string{"methodology": methodology, "type": experimentType, "dataSource": dataSource} {
		if e, there := o.find(name); there {
			e.word(only)
		}
	}
	if e, there := o.said("holdoutId"); there {
		if id := e.text(longestName); *e.fault == nil {
			e.refuse("there is no holdout %q", clip(id))
		}
	}
}

func createExperiment(q *request) (any, error) {
	body, err := q.object()
	if err != nil {
		return nil, err
	}
	in, err := readExperiment(body)
	if err != nil {
		return nil, err
	}
	if in.maintainerID == "" {
		in.maintainerID = q.session.Name()
	}
	id := q.api.config.NewID(engine.ExperimentPrefix)
	var view experimentView
	err = q.change(func(document *engine.Document) (string, error) {
		if err := freeKey(document, in.key); err != nil {
			return "", err
		}
		flag, ok := flagOf(document, in.iteration.flag.key)
		if !ok {
			return "", invalid(in.iteration.at+"flags", "there is no flag %q", clip(in.iteration.flag.key))
		}
		if flag.Status == engine.FlagArchived {
			return "", invalid(in.iteration.at+"flags", "flag %q is archived", clip(in.iteration.flag.key))
		}
		it, err := in.iteration.iteration(document, flag)
		if err != nil {
			return "", err
		}
		it.ID, it.CreatedAt = engine.FirstIterationID(id), q.stamp()
		document.Experiments = append(document.Experiments, engine.Experiment{
			ID: id, Key: in.key, Name: in.name, Description: in.description, FeatureFlagID: flag.ID,
			AuthenticationFlow: engine.FlowPreAuthentication, Strategy: engine.StrategyPercentage,
			AssignmentConfig: engine.AssignmentConfig{Subject: engine.SubjectDevice}, Status: engine.ExperimentDraft,
			Allocations: allocationsOf(&it), CreatedAt: q.stamp(), UpdatedAt: q.stamp(),
			MaintainerID: in.maintainerID, Tags: in.tags, Iterations: []engine.Iteration{it},
		})
		view = q.viewer(document, everything).experiment(&document.Experiments[len(document.Experiments)-1], flag)
		return id, nil
	})
	return view, err
}

// freeKey refuses a key that another experiment is found by.
func freeKey(document *engine.Document, key string) error {
	if _, _, err := experimentOf(document, key); err == nil {
		return invalid("key", "an experiment with the key %q already exists", key)
	}
	return nil
}

func createIteration(q *request) (any, error) {
	body, err := q.object()
	if err != nil {
		return nil, err
	}
	in, err := readIteration(body)
	if err != nil {
		return nil, err
	}
	id := q.api.config.NewID(engine.IterationPrefix)
	var view iterationView
	err = q.change(func(document *engine.Document) (string, error) {
		e, flag, err := experimentOf(document, q.PathValue("experiment"))
		if err != nil {
			return "", err
		}
		if err := in.suits(document, e, flag); err != nil {
			return "", err
		}
		it, err := in.iteration(document, flag)
		if err != nil {
			return "", err
		}
		it.ID, it.CreatedAt = id, q.stamp()
		draft(e, it)
		e.UpdatedAt = q.stamp()
		view = q.viewer(document, everything).iteration(last(e.Iterations, engine.IterationNotStarted), flag)
		return e.ID, nil
	})
	return view, err
}

// suits refuses an iteration that the experiment could not start.
func (in *iterationInput) suits(document *engine.Document, e *engine.Experiment, flag *engine.FeatureFlag) error {
	asked, ok := flagOf(document, in.flag.key)
	switch {
	case e.Status == engine.ExperimentArchived:
		return Refuse(http.StatusBadRequest, "the experiment is archived: restore it first")
	case e.Strategy != engine.StrategyPercentage:
		return Refuse(http.StatusBadRequest, "segments decide in this experiment, which no iteration can say: it is changed by the other API")
	case !ok:
		return invalid(in.at+"flags", "there is no flag %q", clip(in.flag.key))
	case asked.ID != flag.ID:
		return invalid(in.at+"flags", "the experiment's flag is %q and stays so", flagKey(document, flag))
	}
	return nil
}

// draft puts an iteration in the place of the one that has not started. As long
// as none has, it is what overrides and readiness go by.
func draft(e *engine.Experiment, it engine.Iteration) {
	if ran(e) {
		e.Iterations = slices.Clone(history(e))
	}
	e.Iterations = slices.DeleteFunc(e.Iterations, func(it engine.Iteration) bool { return !started(it) })
	e.Iterations = append(e.Iterations, it)
	if !ran(e) {
		e.Allocations = allocationsOf(&it)
	}
}
