package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"go.uber.org/zap"

	"github.com/caddy-experiments/caddy-experiments/device"
	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
)

func init() {
	caddy.RegisterModule(App{})
}

// App is what all sites with experiments share: where the configuration comes
// from, where clients are, and the keys that sign what browsers keep.
//
// What it opens outlives a reload of Caddy's configuration: a site goes on with
// the same snapshot, location database and log.
type App struct {
	// Store is where the configuration of the tenants is.
	// Default: the file store in ./experiments.
	StoreRaw json.RawMessage `json:"store,omitempty" caddy:"namespace=experiments.stores inline_key=module"`

	// GeoIP is the database that tells countries and regions.
	// Default: none, which leaves both unknown.
	GeoIP *GeoIP `json:"geoip,omitempty"`

	// SigningKeys sign cookies, override tokens and subjects' hashes. The
	// first one signs, all are accepted. Each has at least 32 bytes;
	// placeholders such as {env.EXPERIMENTS_KEY} are replaced.
	// Default: a key that is made once and kept beside the store.
	SigningKeys []string `json:"signing_keys,omitempty"`

	// Tenants are those that sites may use, as project/environment where
	// either part may be *. Default: all.
	Tenants []string `json:"tenants,omitempty"`

	// MaxActiveExperiments is how many active experiments of a tenant assign
	// subjects at a time. Default: 1.
	MaxActiveExperiments int `json:"max_active_experiments,omitempty"`

	// HeaderBudget is the longest header value in bytes that is handed to the
	// identity provider. Default: 8000.
	HeaderBudget int `json:"header_budget,omitempty"`

	// MaxDocumentSize is the largest document of a tenant in bytes.
	// Default: 8388608.
	MaxDocumentSize int64 `json:"max_document_size,omitempty"`

	// DecisionLog writes one line for each authorization request.
	// Default: none.
	DecisionLog *DecisionLog `json:"decision_log,omitempty"`

	// Events says where exposures and outcomes are kept, which results are computed
	// from. Default: nowhere, which leaves no results.
	Events *Events `json:"events,omitempty"`

	context       caddy.Context
	logger        *zap.Logger
	source        Source
	keys          *keyring
	detector      *device.Detector
	configuration *configuration
	locations     *locations
	decisions     *decisionLog
	events        *eventKeeping // nil if there are none
	journal       *journal
	tenants       map[store.Tenant]bool // of the sites
	loaded        []any                 // keys of the pool
	generated     bool                  // the signing key is not configured
	loadBy        time.Time             // until when the start waits for the store
}

// Source is a module that opens a store: a guest in the namespace
// experiments.stores. Once provisioned its JSON, with all placeholders
// replaced, tells whether two configurations mean the same store.
type Source interface {
	// Open gives the store, which is closed when nobody uses it any more if it
	// is an io.Closer. Opening must not wait for anything outside this machine.
	Open(StoreSettings) (store.Store, error)
	// Dir is the directory for what is kept beside the store.
	Dir() string
}

// StoreSettings are those of the app that concern the store.
type StoreSettings struct {
	// MaxDocumentSize is the largest document in bytes.
	MaxDocumentSize int64
	// Sealer signs documents and checks their signatures with the signing keys.
	Sealer store.Sealer
}

// loadTime is for how long a start waits for the documents of all tenants. What
// a store that is slow or away does not give until then follows when it does.
const loadTime = 500 * time.Millisecond

// devices outlive reloads: what is known of User-Agents depends on no
// configuration.
var devices = device.NewDetector()

// CaddyModule returns the Caddy module information.
func (App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "experiments", New: func() caddy.Module { return new(App) }}
}

// Provision opens what the sites will need.
func (a *App) Provision(ctx caddy.Context) error {
	a.context, a.logger = ctx, ctx.Logger()
	a.detector = devices
	a.journal = newJournal()
	a.tenants = map[store.Tenant]bool{}
	a.setDefaults()
	if err := a.check(); err != nil {
		return err
	}
	module, err := ctx.LoadModule(a, "StoreRaw")
	if err != nil {
		return fmt.Errorf("loading the store: %w", err)
	}
	a.source = module.(Source)
	if err := a.provideKeys(); err != nil {
		return err
	}
	a.loadBy = time.Now().Add(loadTime)
	registerMetrics(ctx.GetMetricsRegistry())
	settings := engine.Settings{MaxActive: a.MaxActiveExperiments, HeaderBudget: a.HeaderBudget}
	key := fmt.Sprintf("store %T %s %d %+v %s", a.source, caddyconfig.JSON(a.source, nil), a.MaxDocumentSize, settings, a.keys.ids())
	a.configuration, err = pooled(a, key, func() (*configuration, error) {
		s, err := a.source.Open(StoreSettings{MaxDocumentSize: a.MaxDocumentSize, Sealer: a.keys})
		if err != nil {
			return nil, fmt.Errorf("opening the store: %w", err)
		}
		return newConfiguration(s, settings, a.logger), nil
	})
	if err != nil {
		return err
	}
	if a.GeoIP != nil {
		a.GeoIP.Path = caddy.NewReplacer().ReplaceAll(a.GeoIP.Path, "")
		a.locations, err = pooled(a, fmt.Sprintf("geoip %+v", *a.GeoIP), func() (*locations, error) {
			return openLocations(*a.GeoIP, a.logger)
		})
		if err != nil {
			return err
		}
	}
	if a.DecisionLog != nil {
		if err := a.DecisionLog.provision(ctx); err != nil {
			return err
		}
		a.decisions, err = pooled(a, "decision log "+a.DecisionLog.key, func() (*decisionLog, error) {
			return newDecisionLog(a.DecisionLog.opener), nil
		})
		if err != nil {
			return err
		}
	}
	if a.Events != nil {
		return a.provideEvents(key)
	}
	return nil
}

func (a *App) setDefaults() {
	if a.StoreRaw == nil {
		a.StoreRaw = json.RawMessage(`{"module":"file"}`)
	}
	if a.MaxActiveExperiments == 0 {
		a.MaxActiveExperiments = 1
	}
	if a.HeaderBudget == 0 {
		a.HeaderBudget = engine.DefaultHeaderBudget
	}
	if a.MaxDocumentSize == 0 {
		a.MaxDocumentSize = store.DefaultMaxDocumentSize
	}
}

func (a *App) check() error {
	for name, value := range map[string]int64{
		"max_active_experiments": int64(a.MaxActiveExperiments),
		"header_budget":          int64(a.HeaderBudget),
		"max_document_size":      a.MaxDocumentSize,
	} {
		if value < 1 {
			return fmt.Errorf("%s: must be a whole number from 1, got %d", name, value)
		}
	}
	if a.MaxDocumentSize > largestDocument {
		return fmt.Errorf("max_document_size: must be at most %d, got %d", int64(largestDocument), a.MaxDocumentSize)
	}
	for _, pattern := range a.Tenants {
		if err := checkTenantPattern(pattern); err != nil {
			return err
		}
	}
	return nil
}

// largestDocument bounds what max_document_size can be set to. A document is
// held in memory as a whole.
const largestDocument = 1 << 30

func checkTenantPattern(pattern string) error {
	project, environment, _ := strings.Cut(pattern, "/")
	_, err := path.Match(pattern, "")
	if err != nil || project == "" || environment == "" || strings.Contains(environment, "/") {
		return fmt.Errorf("tenants: %q names no tenants; write project/environment, where either part may be *", pattern)
	}
	return nil
}

// provideKeys reads the configured keys, or the one that an earlier start made.
// If there is none yet it is made here, and only kept when the app starts: a
// configuration that is merely checked leaves nothing behind.
func (a *App) provideKeys() (err error) {
	replacer := caddy.NewReplacer()
	secrets := make([]string, len(a.SigningKeys))
	for i, key := range a.SigningKeys {
		secrets[i] = replacer.ReplaceAll(key, "")
		if err := checkSecret(i, secrets[i]); err != nil {
			return namePlaceholders(err, key)
		}
	}
	if len(secrets) == 0 {
		a.generated = true
		secrets = append(secrets, generatedKey(a.source.Dir()))
	}
	a.keys, err = newKeyring(secrets)
	return err
}

// Start begins to follow the store and the location database.
func (a *App) Start() error {
	if a.generated {
		keep := func() error { return keepGeneratedKey(a.source.Dir()) }
		if err := within(startTime, keep); err != nil {
			a.logger.Warn("the signing key that was made cannot be kept, so every restart makes all devices new; configure a signing_key",
				zap.String("dir", a.source.Dir()), zap.Error(err))
		} else {
			a.logger.Warn("no signing_key is configured, so one that was made here is used; several edges must share one, or they take each other's devices for new",
				zap.String("file", generatedKeyPath(a.source.Dir())))
		}
	}
	a.warnOfDetours()
	a.journal.start()
	a.configuration.start(a.logger)
	if a.locations != nil {
		a.locations.start(a.logger)
	}
	if a.decisions != nil {
		a.decisions.start()
	}
	if a.events != nil {
		a.events.start(a.logger)
	}
	return nil
}

// Stop does nothing: requests may still be running, and what they use is
// released by Cleanup.
func (a *App) Stop() error { return nil }

// Cleanup releases what Provision opened. Requests that are still running keep
// what they hold.
func (a *App) Cleanup() error {
	var err error
	if a.configuration != nil {
		a.configuration.loggers.remove(a.logger)
	}
	if a.locations != nil {
		a.locations.loggers.remove(a.logger)
	}
	if a.events != nil {
		a.events.loggers.remove(a.logger)
	}
	for _, key := range slices.Backward(a.loaded) { // what uses another goes first
		_, deleteErr := pool.Delete(key)
		err = errors.Join(err, deleteErr)
	}
	a.loaded = nil
	if a.journal != nil {
		err = errors.Join(err, a.journal.close())
	}
	return err
}

// tenant gives the tenant of a site.
func (a *App) tenant(ctx caddy.Context, name string) (*tenant, error) {
	t, err := store.ParseTenant(name)
	if err != nil {
		return nil, err
	}
	if !a.entitled(t) {
		return nil, errNotEntitled(name)
	}
	a.tenants[t] = true
	loading, cancel := context.WithDeadline(ctx, a.loadBy)
	defer cancel()
	return newTenant(a.configuration.live.Feed(loading, t)), nil
}

func errNotEntitled(name string) error {
	return fmt.Errorf("tenant %s is not among the tenants of the experiments app; add it there", name)
}

// entitled reports whether a tenant is among those that may be used.
func (a *App) entitled(t store.Tenant) bool {
	return len(a.Tenants) == 0 || slices.ContainsFunc(a.Tenants, func(pattern string) bool {
		match, _ := path.Match(pattern, string(t))
		return match
	})
}

// pooled gives the value of a key in the pool, shared with every other
// configuration that has the same key.
func pooled[T caddy.Destructor](a *App, key string, open func() (T, error)) (value T, err error) {
	shared, _, err := pool.LoadOrNew(key, func() (caddy.Destructor, error) { return open() })
	if err != nil {
		return value, err
	}
	a.loaded = append(a.loaded, key)
	return shared.(T), nil
}

// pool holds what outlives a reload.
var pool = caddy.NewUsagePool()

// isMissing reports whether a file does not exist.
func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// Interface guards
var (
	_ caddy.App          = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
)
