package management

import (
	"fmt"
	"net/http"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
)

// Diagnosis answers, check by check, why an experiment may not do what was
// expected of it.
type Diagnosis struct {
	ExperimentID string       `json:"experiment_id"`
	Tenant       store.Tenant `json:"tenant"`
	// Result is problem if any check found one, else ok.
	Result Result  `json:"result"`
	Checks []Check `json:"checks"`
}

// Check is one thing that was looked at.
type Check struct {
	Question Question `json:"question"`
	ID       string   `json:"check"`
	Result   Result   `json:"result"`
	// Finding is what was found, with the values that it was found in.
	Finding string `json:"finding"`
	// Remedy is what to do: a command, a request or lines of configuration;
	// empty where there is nothing to do.
	Remedy string `json:"remedy"`
}

// Result is what a check came to.
type Result string

// The results. A note is nothing wrong, but may be what surprises.
const (
	ResultOK      Result = "ok"
	ResultProblem Result = "problem"
	ResultNote    Result = "note"
	ResultUnknown Result = "unknown"
)

// Question is what people ask when an experiment puzzles them.
type Question string

// The questions.
const (
	QuestionTraffic    Question = "traffic"
	QuestionSame       Question = "same_variation"
	QuestionLogs       Question = "logs"
	QuestionActivation Question = "activation"
)

// Questions lists all questions in the order in which a diagnosis answers them.
var Questions = [...]Question{QuestionTraffic, QuestionSame, QuestionLogs, QuestionActivation}

// Text is the question in the words of who asks it.
func (q Question) Text() string {
	switch q {
	case QuestionTraffic:
		return "My experiment is not getting traffic"
	case QuestionSame:
		return "A user is always getting the same variation"
	case QuestionLogs:
		return "I don't see the experiment in my logs"
	}
	return "My experiment will not activate"
}

// Examination is what a diagnosis is made from.
type Examination struct {
	Tenant   store.Tenant
	Document *engine.Document
	// Revision is the document's; 0 if it is not known.
	Revision uint64
	// MaxActive and HeaderBudget are as in engine.Settings.
	MaxActive    int
	HeaderBudget int
	// Edge is nil where nobody knows the edge; its checks are unknown then.
	Edge *EdgeFacts
}

// Diagnose examines an experiment. It reports false if the document does not
// have it.
func Diagnose(experimentID string, x Examination) (Diagnosis, bool) {
	e, flag, problem := findExperiment(x.Document, experimentID)
	if problem != nil {
		return Diagnosis{}, false
	}
	setDefault(&x.MaxActive, 1)
	setDefault(&x.HeaderBudget, engine.DefaultHeaderBudget)
	d := &diagnosis{
		Examination: x, experiment: e, flag: flag, comparisons: maxComparisons,
		Diagnosis: Diagnosis{ExperimentID: e.ID, Tenant: x.Tenant, Result: ResultOK, Checks: []Check{}},
	}
	d.traffic()
	d.same()
	d.logs()
	d.activation()
	return d.Diagnosis, true
}

// diagnosis is one that is being made.
type diagnosis struct {
	Examination
	Diagnosis
	experiment *engine.Experiment
	flag       *engine.FeatureFlag
	question   Question
	// comparisons is how many values of segments may still be compared with each
	// other.
	comparisons int
}

func (d *diagnosis) add(id string, result Result, remedy, finding string, values ...any) {
	if result == ResultProblem {
		d.Result = ResultProblem
	}
	if len(values) > 0 {
		finding = fmt.Sprintf(finding, values...)
	}
	d.Checks = append(d.Checks, Check{Question: d.question, ID: id, Result: result, Finding: finding, Remedy: remedy})
}

// blind notes a check that needs to know the edge, and reports whether it
// cannot be made.
func (d *diagnosis) blind(id string) bool {
	if d.Edge == nil {
		d.add(id, ResultUnknown, d.command("doctor "+d.experiment.ID), "the edge is not known here")
	}
	return d.Edge == nil
}

func diagnoseExperiment(c *call) (answer, *refusal) {
	if _, problem := c.query(); problem != nil {
		return answer{}, problem
	}
	document, problem := c.read()
	if problem != nil {
		return answer{}, problem
	}
	x := Examination{
		Tenant: c.token.Tenant, Document: document,
		MaxActive: c.api.config.MaxActive, HeaderBudget: c.api.config.HeaderBudget,
	}
	if c.api.config.Edge != nil {
		facts := c.api.config.Edge(c.token.Tenant, c.id())
		facts = facts.forToken()
		x.Edge = &facts
	}
	made, found := Diagnose(c.id(), x)
	if !found {
		return answer{}, failed(CodeExperimentNotFound, "")
	}
	return answer{status: http.StatusOK, body: made}, nil
}
