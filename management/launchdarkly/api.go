package launchdarkly

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/results"
	"github.com/caddy-experiments/caddy-experiments/results/report"
	"github.com/caddy-experiments/caddy-experiments/store"
)

// Config says what an API works with. Authorize and NewID are needed.
type Config struct {
	// Authorize lets a request in. It writes what is left of the client's quota
	// into the answer's header, and returns an *Error for who is not let in.
	Authorize func(answer http.Header, r *http.Request) (Session, error)
	// NewID makes an id that nobody has, with a prefix of package engine.
	NewID func(prefix string) string
	// MaxActive is as in engine.Settings.
	MaxActive int
	// RequireBeta refuses requests that do not say "LD-API-Version: beta".
	RequireBeta bool
	// Prior is what results assume.
	Prior results.Prior
	// Log takes what went wrong on our side; nil discards it.
	Log *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Session is an authorized request's way to the document of its token's tenant.
// Its errors are *Error where the client is to be told of them.
type Session interface {
	Tenant() store.Tenant
	// Name is that of the token.
	Name() string
	May(Right) bool
	// Read gives the document, for reading only.
	Read() (*engine.Document, error)
	// Change makes a change: once, however many attempts it takes, or not at all.
	// apply may be called several times, each time with a document of its own,
	// which it may leave half changed when it returns an error. It returns the id
	// of what it changed; an empty one says that there is nothing to write. The
	// comment, which may be empty, says why the client does it.
	Change(operation, comment string, apply func(*engine.Document) (id string, err error)) error
	// Answer returns what answer returns, in turn with others who ask. Equal
	// questions, which must be comparable, may be answered once. The function is
	// called with a session and a time of its own: it may outlive the request.
	Answer(asked any, answer func(context.Context, Session, time.Time) ([]byte, error)) ([]byte, error)
	// Report reports on an experiment of the document, within an Answer.
	Report(document *engine.Document, experimentID string, o report.Options) (*report.Report, error)
}

// Right is something that a token may be allowed to do.
type Right uint8

// The rights.
const (
	Read Right = iota
	Create
	Update
	Delete
)

// API answers the routes. It is safe for concurrent use.
type API struct {
	config Config
	mux    *http.ServeMux
	routes map[string]*route
}

// New makes an API.
func New(config Config) (*API, error) {
	if config.Authorize == nil || config.NewID == nil {
		return nil, errors.New("launchdarkly: Authorize and NewID are needed")
	}
	config.MaxActive = max(config.MaxActive, 1)
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	a := &API{config: config, mux: http.NewServeMux(), routes: map[string]*route{}}
	a.register()
	return a, nil
}

// Handles reports whether a request is for one of the routes, whatever its
// method.
func (a *API) Handles(r *http.Request) bool {
	// The mux would redirect a path that is not clean.
	if !strings.HasPrefix(r.URL.Path, prefix) || path.Clean(r.URL.Path) != r.URL.Path {
		return false
	}
	_, pattern := a.mux.Handler(r)
	return a.routes[pattern] != nil
}

// ServeHTTP answers a request that Handles reports true for, and any other one
// with 404.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !a.Handles(r) {
		write(w, Refuse(http.StatusNotFound, "there is nothing at this path"))
		return
	}
	a.mux.ServeHTTP(w, r)
}
