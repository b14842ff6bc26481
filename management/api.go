package management

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/management/launchdarkly"
	"github.com/caddy-experiments/caddy-experiments/results"
	"github.com/caddy-experiments/caddy-experiments/results/intake"
	"github.com/caddy-experiments/caddy-experiments/results/reports"
	"github.com/caddy-experiments/caddy-experiments/store"
)

// Config says what an API works with. Store and at least one token or client are
// needed; the zero value of everything else is its default.
type Config struct {
	Store  store.Store
	Tokens []Token
	// Clients are granted access tokens by their id and secret.
	Clients []Client
	// ClientKeys derives the secrets that sign the access tokens of a client with
	// this id and secret; the first one signs, all are accepted. No two clients may
	// have one in common, and none may serve another end. Clients need it.
	ClientKeys func(id, secret string) [][]byte

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
	clients   *clients
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
	if len(config.Tokens)+len(config.Clients) == 0 {
		return nil, errors.New("management: at least one token or client is needed")
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
	clients, err := newClients(config)
	if err != nil {
		return nil, err
	}
	a := &API{
		config:    config,
		keyring:   keyring,
		clients:   clients,
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

// ours are the paths that belong to the API with all that is below them: Auth0's
// and those that only LaunchDarkly's dialect has.
var (
	base         = strings.TrimSuffix(Prefix, "/")
	dialectPaths = []string{"/api/v2/projects", "/api/v2/flags", "/api/v2/metrics"}
)

// Handles reports whether a request is for the API, whatever its method: for a
// path below which all are ours, or for TokenPath. Everything else belongs to
// others: the provider behind may have an /api/v2 of its own.
func (a *API) Handles(r *http.Request) bool {
	return a.grants(r) || below(r, base) || below(r, dialectPaths...) || a.dialect.Handles(r)
}

// below reports whether the path of a request is one of the paths or below one, as
// it stands or as others may read it.
func below(r *http.Request, paths ...string) bool {
	cleaned := path.Clean(r.URL.Path)
	return slices.ContainsFunc(paths, func(p string) bool {
		return cleaned == p || strings.HasPrefix(cleaned, p+"/") || strings.HasPrefix(r.URL.Path, p+"/")
	})
}

// routed reports whether there is a route for a request, whatever its method.
func (a *API) routed(r *http.Request) bool {
	// The mux would redirect a path that is not clean.
	if path.Clean(r.URL.Path) != r.URL.Path {
		return false
	}
	_, pattern := a.mux.Handler(r)
	return a.routes[pattern] != nil
}

// ServeHTTP answers a request that Handles reports true for, and any other one
// with 404.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case a.grants(r):
		a.serveGrant(w, r)
	case a.routed(r):
		a.mux.ServeHTTP(w, r)
	case !below(r, base) && (a.dialect.Handles(r) || below(r, dialectPaths...)):
		a.dialect.ServeHTTP(w, r)
	default:
		w.Header().Set("Cache-Control", "no-store")
		write(w, a.noRoute(r))
	}
}

// noRoute refuses a path that has no route, and says where one is that differs by
// its slashes only.
func (a *API) noRoute(r *http.Request) *refusal {
	meant := r.Clone(r.Context())
	meant.URL.Path, meant.URL.RawPath = path.Clean(r.URL.Path), ""
	if meant.URL.Path != r.URL.Path && a.routed(meant) {
		return failed(CodeRouteNotFound, "There is nothing at this path; leave out the slash at its end, and double ones.")
	}
	return failed(CodeRouteNotFound, "")
}

// holder returns the token of a secret, or what the access token allows that it
// is; nil if it is neither.
func (a *API) holder(secret string, now time.Time) *heldToken {
	if held := a.keyring.find(secret); held != nil {
		return held
	}
	return a.clients.admit(secret, now)
}

// storeContext bounds what one request may ask of the store.
func (a *API) storeContext(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(r.Context(), a.config.StoreTimeout)
}
