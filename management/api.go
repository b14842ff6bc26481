package management

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"path"
	"sync"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/management/launchdarkly"
	"github.com/caddy-experiments/caddy-experiments/results"
	"github.com/caddy-experiments/caddy-experiments/results/intake"
	"github.com/caddy-experiments/caddy-experiments/results/reports"
	"github.com/caddy-experiments/caddy-experiments/store"
)

// Config says what an API works with. Store and at least one token are needed;
// the zero value of everything else is its default.
type Config struct {
	Store  store.Store
	Tokens []Token

	// Entitled reports whether a tenant may have experiments; nil means that
	// every tenant may.
	Entitled func(store.Tenant) bool
	// MaxActive and HeaderBudget are as in engine.Settings. They must be what
	// the edges are configured with, or the API promises what they do not hold.
	MaxActive    int
	HeaderBudget int

	// Rate is how many requests a second each token has, and Burst how many it
	// may save up; 0 means DefaultRate and DefaultBurst.
	Rate  float64
	Burst int
	// StoreTimeout bounds how long one request may work with the store; 0 means
	// DefaultStoreTimeout.
	StoreTimeout time.Duration

	// Events is where events go and results come from.
	Events Events
	// Prior is what results assume where a request does not say.
	Prior results.Prior
	// RequireBeta has the paths of LaunchDarkly's API refuse requests that do not
	// say "LD-API-Version: beta".
	RequireBeta bool

	// Edge gives what the edge that the API runs on knows of an experiment; nil
	// where there is no edge, and a diagnosis says so then.
	Edge func(tenant store.Tenant, experimentID string) EdgeFacts

	// Logins is told of the logins among the outcomes that were sent and kept, as far
	// as they name their exposure; nil discards them. It may be called
	// concurrently.
	Logins func(ctx context.Context, logins []Login)

	// Audit is told of every write after it has been committed and before it is
	// answered. It may be called concurrently.
	Audit func(Event)
	// Log takes what went wrong on our side; nil discards it.
	Log *slog.Logger
	// ClientAddress gives the address that an audit event names; nil means the
	// peer of the connection.
	ClientAddress func(*http.Request) string
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// The defaults of Config.
const (
	DefaultRate         = 100
	DefaultBurst        = 500
	DefaultStoreTimeout = 10 * time.Second
)

// API answers the management routes. It is safe for concurrent use.
type API struct {
	config    Config
	keyring   keyring
	strangers *quota // of everybody without a valid token
	mux       *http.ServeMux
	routes    map[string]*route
	documents cache
	exposures exposureTags
	dialect   *launchdarkly.API

	mu      sync.Mutex
	writing map[store.Tenant]chan *engine.Reader
}

// New makes an API. It refuses tokens that are not fit for use.
func New(config Config) (*API, error) {
	if config.Store == nil {
		return nil, errors.New("management: a store is needed")
	}
	if config.MaxActive < 0 || config.HeaderBudget < 0 || config.Burst < 0 || config.StoreTimeout < 0 || !(config.Rate >= 0) {
		return nil, errors.New("management: limits must not be negative")
	}
	setDefault(&config.MaxActive, 1)
	setDefault(&config.HeaderBudget, engine.DefaultHeaderBudget)
	setDefault(&config.Rate, DefaultRate)
	setDefault(&config.Burst, DefaultBurst)
	setDefault(&config.StoreTimeout, DefaultStoreTimeout)
	if config.Entitled == nil {
		config.Entitled = func(store.Tenant) bool { return true }
	}
	if config.Audit == nil {
		config.Audit = func(Event) {}
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.ClientAddress == nil {
		config.ClientAddress = peer
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Events.Reports == nil {
		config.Events.Reports = reports.New(reports.Limits{})
	}
	if config.Events.Intake == nil {
		config.Events.Intake = intake.New(intake.Limits{})
	}
	keyring, err := newKeyring(config.Tokens, config.Rate, config.Burst)
	if err != nil {
		return nil, err
	}
	a := &API{
		config:    config,
		keyring:   keyring,
		strangers: newQuota(config.Rate, config.Burst),
		mux:       http.NewServeMux(),
		routes:    map[string]*route{},
		documents: cache{held: map[store.Tenant]*held{}},
		exposures: exposureTags{held: map[store.Tenant]*tagged{}},
		writing:   map[store.Tenant]chan *engine.Reader{},
	}
	a.register()
	a.dialect, err = a.launchDarkly()
	return a, err
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// peer is the address of the other end of the connection.
func peer(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// Handles reports whether a request is for one of the routes, whatever its
// method. Everything else belongs to somebody else: the provider behind may have
// an /api/v2 of its own.
func (a *API) Handles(r *http.Request) bool {
	// The mux would redirect a path that is not clean.
	if path.Clean(r.URL.Path) != r.URL.Path {
		return false
	}
	_, pattern := a.mux.Handler(r)
	return a.routes[pattern] != nil || a.dialect.Handles(r)
}

// ServeHTTP answers a request that Handles reports true for, and any other one
// with 404.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case a.dialect.Handles(r):
		a.dialect.ServeHTTP(w, r)
		return
	case !a.Handles(r):
		write(w, failed(CodeRouteNotFound, ""))
		return
	}
	a.mux.ServeHTTP(w, r)
}

// storeContext bounds what one request may ask of the store.
func (a *API) storeContext(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(r.Context(), a.config.StoreTimeout)
}
