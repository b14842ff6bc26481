package launchdarkly

import (
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// prefix is what all paths begin with.
const prefix = "/api/v2/"

// operation is one method of one path.
type operation struct {
	id     string
	right  Right
	status int
	// run gives the body of the answer; nil is none.
	run func(*request) (any, error)
	// parameters are those that the query may have.
	parameters []string
}

// route is a path with what can be done there, by method.
type route struct {
	api        *API
	operations map[string]operation
	allow      string
}

// request is one authorized request for an operation.
type request struct {
	*http.Request
	api       *API
	session   Session
	operation string
	writer    http.ResponseWriter
	now       time.Time
	query     url.Values // with the operation's parameters only
	comment   string     // why the client asks for it
}

func (a *API) register() {
	for path, operations := range operations() {
		methods := slices.Sorted(maps.Keys(operations))
		if operations[http.MethodGet].run != nil {
			methods = append(methods, http.MethodHead)
		}
		r := &route{api: a, operations: operations, allow: strings.Join(append(methods, http.MethodOptions), ", ")}
		a.routes[prefix+path] = r
		a.mux.Handle(prefix+path, r)
	}
}

// ServeHTTP answers whatever happens.
func (t *route) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		switch fault := recover(); fault {
		case nil:
		case http.ErrAbortHandler:
			panic(fault)
		default:
			t.api.config.Log.Error("handling a request failed", slog.String("path", r.URL.Path),
				slog.String("method", r.Method), slog.Any("panic", fault))
			write(w, told(nil))
		}
	}()
	w.Header().Set("Cache-Control", "no-store")
	share(w.Header(), r)
	if r.Method == http.MethodOptions {
		w.Header().Set("Allow", t.allow)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	status, body, err := t.handle(w, r)
	if err != nil {
		refusal := told(err)
		if refusal.Status == http.StatusServiceUnavailable {
			t.api.config.Log.Error("handling a request failed", slog.String("path", r.URL.Path), slog.Any("error", err))
		}
		write(w, refusal)
		return
	}
	respond(w, status, body)
}

// handle does what a request asks for if its token allows it.
func (t *route) handle(w http.ResponseWriter, r *http.Request) (int, any, error) {
	session, err := t.api.config.Authorize(w.Header(), r)
	if err != nil {
		return 0, nil, err
	}
	if t.api.config.RequireBeta && r.Header.Get("LD-API-Version") != "beta" {
		return 0, nil, Refuse(http.StatusForbidden, "these resources are in beta: send the header LD-API-Version: beta")
	}
	if err := belongs(session, r); err != nil {
		return 0, nil, err
	}
	method, err := methodOf(r)
	if err != nil {
		return 0, nil, err
	}
	operation, known := t.operations[method]
	if !known {
		w.Header().Set("Allow", t.allow)
		return 0, nil, Refuse(http.StatusMethodNotAllowed, "method not allowed: this path has %s", t.allow)
	}
	if !session.May(operation.right) {
		return 0, nil, Refuse(http.StatusForbidden, "the token's scopes do not allow this")
	}
	q := &request{Request: r, api: t.api, session: session, operation: operation.id, writer: w, now: t.api.config.Now()}
	if err := q.readQuery(operation.parameters); err != nil {
		return 0, nil, err
	}
	body, err := operation.run(q)
	return operation.status, body, err
}

// belongs refuses a path of another tenant than the token's.
func belongs(session Session, r *http.Request) error {
	tenant, project, environment := session.Tenant(), r.PathValue("project"), r.PathValue("environment")
	if (project == "" || project == tenant.Project()) && (environment == "" || environment == tenant.Environment()) {
		return nil
	}
	return Refuse(http.StatusForbidden, "access to the requested resource was denied: the token is for project %s, environment %s", tenant.Project(), tenant.Environment())
}

// methodOf is the method that a request means: some clients and proxies know no
// others than GET and POST.
func methodOf(r *http.Request) (string, error) {
	override := strings.ToUpper(r.Header.Get("X-HTTP-Method-Override"))
	switch {
	case r.Method == http.MethodHead:
		return http.MethodGet, nil
	case r.Method != http.MethodPost || override == "" || override == http.MethodPost:
		return r.Method, nil
	case override == http.MethodPatch || override == http.MethodPut || override == http.MethodDelete:
		return override, nil
	}
	return "", invalid("X-HTTP-Method-Override", "must be PATCH, PUT or DELETE")
}

// change changes the document of the session.
func (q *request) change(apply func(*engine.Document) (string, error)) error {
	return q.session.Change(q.operation, q.comment, apply)
}

// stamp is the time of a change as it is stored.
func (q *request) stamp() *time.Time {
	t := q.now.UTC().Truncate(time.Microsecond)
	return &t
}
