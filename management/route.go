package management

import (
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// Prefix is what the paths of all routes begin with.
const Prefix = "/api/v2/experimentation/"

// operation is one method of one path.
type operation struct {
	id    string
	scope Scope
	run   func(*call) (answer, *refusal)
}

// route is a path with what can be done there, by method.
type route struct {
	api        *API
	operations map[string]operation
	allow      string
}

// public is the scope of an operation that needs no token.
const public Scope = ""

// call is one authenticated request for an operation.
type call struct {
	api       *API
	operation operation
	request   *http.Request
	writer    http.ResponseWriter
	token     *Token // nil if the operation is public
	now       time.Time
	comment   string // of the client, for the audit
}

// id gives the path's id of the entity that the call is about.
func (c *call) id() string { return c.request.PathValue("id") }

// answer is what an operation answers when it has succeeded.
type answer struct {
	status int
	body   any    // nil: none
	text   []byte // the body where it is written already
	etag   string
}

func (a *API) register() {
	for path, operations := range map[string]map[string]operation{
		"experiments": {
			http.MethodGet:  {"get_experiments", ScopeRead, listExperiments},
			http.MethodPost: {"create_experiment", ScopeCreate, createExperiment},
		},
		"experiments/{id}": {
			http.MethodGet:    {"get_experiment", ScopeRead, getExperiment},
			http.MethodPatch:  {"update_experiment", ScopeUpdate, updateExperiment},
			http.MethodDelete: {"delete_experiment", ScopeDelete, deleteExperiment},
		},
		"experiments/{id}/status": {
			http.MethodPost: {"update_experiment_status", ScopeUpdate, updateExperimentStatus},
		},
		"experiments/{id}/advance-ramp": {
			http.MethodPost: {"advance_experiment_ramp", ScopeUpdate, advanceRamp},
		},
		"experiments/{id}/validate": {
			http.MethodPost: {"validate_experiment", ScopeRead, validateExperiment},
		},
		"experiments/{id}/diagnosis": {
			http.MethodGet: {"get_experiment_diagnosis", ScopeRead, diagnoseExperiment},
		},
		"experiments/{id}/results": {
			http.MethodGet: {"get_experiment_results", ScopeRead, getResults},
		},
		"openapi.json": {
			http.MethodGet: {"get_openapi", public, getOpenAPI},
		},
		"events": {
			http.MethodPost: {operationEvents, ScopeCreate, postEvents},
		},
		"log-stream": {
			http.MethodPost: {"create_log_stream_events", ScopeCreate, postLogStream},
		},
		"feature-flags": {
			http.MethodGet:  {"get_feature_flags", ScopeRead, listFlags},
			http.MethodPost: {"create_feature_flag", ScopeCreate, createFlag},
		},
		"feature-flags/{id}": {
			http.MethodGet:    {"get_feature_flag", ScopeRead, getFlag},
			http.MethodPatch:  {"update_feature_flag", ScopeUpdate, updateFlag},
			http.MethodDelete: {"delete_feature_flag", ScopeDelete, deleteFlag},
		},
		"feature-flags/{id}/status": {
			http.MethodPost: {"update_feature_flag_status", ScopeUpdate, updateFlagStatus},
		},
		"feature-flags/{id}/variations": {
			http.MethodGet:  {"get_variations", ScopeRead, listVariations},
			http.MethodPost: {"create_variation", ScopeCreate, createVariation},
		},
		"feature-flags/{id}/variations/{vid}": {
			http.MethodGet:    {"get_variation", ScopeRead, getVariation},
			http.MethodPatch:  {"update_variation", ScopeUpdate, updateVariation},
			http.MethodDelete: {"delete_variation", ScopeDelete, deleteVariation},
		},
		"segments": {
			http.MethodGet:  {"get_segments", ScopeRead, listSegments},
			http.MethodPost: {"create_segment", ScopeCreate, createSegment},
		},
		"segments/{id}": {
			http.MethodGet:    {"get_segment", ScopeRead, getSegment},
			http.MethodPatch:  {"update_segment", ScopeUpdate, updateSegment},
			http.MethodDelete: {"delete_segment", ScopeDelete, deleteSegment},
		},
	} {
		methods := slices.Sorted(maps.Keys(operations))
		if operations[http.MethodGet].run != nil {
			methods = append(methods, http.MethodHead)
		}
		r := &route{api: a, operations: operations, allow: strings.Join(methods, ", ")}
		a.routes[Prefix+path] = r
		a.mux.Handle(Prefix+path, r)
	}
}

// ServeHTTP answers whatever happens: a fault of ours is an answer too, because
// the request may not have been lost on the client alone.
func (t *route) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		switch fault := recover(); fault {
		case nil:
		case http.ErrAbortHandler:
			panic(fault)
		default:
			t.api.config.Log.Error("handling a request failed", slog.String("path", r.URL.Path),
				slog.String("method", r.Method), slog.Any("panic", fault))
			write(w, failed(CodeServiceFailed, ""))
		}
	}()
	w.Header().Set("Cache-Control", "no-store")
	answer, problem := t.handle(w, r)
	if problem != nil {
		write(w, problem)
		return
	}
	respond(w, answer)
}

// handle does what a request asks for if its token allows it.
func (t *route) handle(w http.ResponseWriter, r *http.Request) (answer, *refusal) {
	a := t.api
	now := a.config.Now()
	held := a.holder(bearer(r.Header), now)
	quota := a.strangers
	if held != nil {
		quota = held.quota
	}
	if problem := quota.spend(w.Header(), now); problem != nil {
		return answer{}, problem
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	operation, known := t.operations[method]
	if known && operation.scope == public {
		return operation.run(&call{api: a, operation: operation, request: r, writer: w, now: now})
	}
	if held == nil {
		w.Header().Set("WWW-Authenticate", "Bearer")
		return answer{}, failed(CodeInvalidToken, "")
	}
	if !a.config.Entitled(held.token.Tenant) {
		return answer{}, failed(CodeNotEntitled, "")
	}
	if !known {
		w.Header().Set("Allow", t.allow)
		return answer{}, failed(CodeMethodNotAllowed, "")
	}
	if !slices.Contains(held.token.Scopes, operation.scope) {
		return answer{}, failed(CodeInsufficientScope, "Insufficient scope; expected any of: %s.", operation.scope)
	}
	return operation.run(&call{api: a, operation: operation, request: r, writer: w, token: &held.token, now: now})
}

// described gives the faults of a body as a refusal.
func described(err error) *refusal {
	if faults, ok := err.(engine.Faults); ok {
		return failed(CodeInvalidBody, "Invalid request body. %s.", faults.Describe())
	}
	return failed(CodeInvalidBody, "Invalid request body. %s.", err)
}
