package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
)

func init() {
	caddy.RegisterModule(adminRoutes{})
}

// adminRoutes answers on Caddy's admin API: /experiments/status with the state of
// the configuration in force, /experiments/token with tokens for overrides,
// /experiments/diagnosis with what is wrong with an experiment,
// /experiments/decide with why a request is decided as it is,
// /experiments/document with a tenant's document, to read and to replace,
// /experiments/results with which variation won, and /experiments/events with the
// events, to export, to add to and to back up.
type adminRoutes struct{}

// CaddyModule returns the Caddy module information.
func (adminRoutes) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "admin.api.experiments", New: func() caddy.Module { return new(adminRoutes) }}
}

// Routes implements caddy.AdminRouter.
func (adminRoutes) Routes() []caddy.AdminRoute {
	return []caddy.AdminRoute{
		{Pattern: "/experiments/status", Handler: caddy.AdminHandlerFunc(serveStatus)},
		{Pattern: "/experiments/token", Handler: caddy.AdminHandlerFunc(serveToken)},
		{Pattern: "/experiments/diagnosis", Handler: caddy.AdminHandlerFunc(serveDiagnosis)},
		{Pattern: "/experiments/decide", Handler: caddy.AdminHandlerFunc(serveDecide)},
		{Pattern: "/experiments/document", Handler: caddy.AdminHandlerFunc(serveDocument)},
		{Pattern: "/experiments/results", Handler: caddy.AdminHandlerFunc(serveResults)},
		{Pattern: "/experiments/events", Handler: caddy.AdminHandlerFunc(serveEvents)},
		{Pattern: "/experiments/events/backup", Handler: caddy.AdminHandlerFunc(serveBackup)},
	}
}

// status is what /experiments/status answers.
type status struct {
	Status      store.State        `json:"status"` // healthy or degraded
	Store       store.StoreStatus  `json:"store"`
	Tenants     []store.Status     `json:"tenants"`
	GeoIP       *geoStatus         `json:"geoip,omitempty"`
	DecisionLog *decisionLogStatus `json:"decision_log,omitempty"`
	Events      *eventsStatus      `json:"events,omitempty"`
}

// eventsStatus says what becomes of the events of this edge.
type eventsStatus struct {
	// Kept is where: here or elsewhere.
	Kept    string `json:"kept"`
	Dropped uint64 `json:"dropped"`
	// Spooled is what waits on disk to be delivered.
	Spooled      int   `json:"spooled"`
	SpooledBytes int64 `json:"spooled_bytes"`
	// Bytes is what the embedded log takes on disk, Limit what it may take.
	Bytes int64 `json:"bytes,omitempty"`
	Limit int64 `json:"limit,omitempty"`
	// LastError is why events cannot be kept, or only in the spool.
	LastError string `json:"last_error,omitempty"`
}

type geoStatus struct {
	Path      string     `json:"path"`
	Loaded    bool       `json:"loaded"`
	Type      string     `json:"type,omitempty"`
	Regions   bool       `json:"regions"`
	BuildTime *time.Time `json:"build_time,omitempty"`
	LoadedAt  *time.Time `json:"loaded_at,omitempty"`
	LastError string     `json:"last_error,omitempty"`
}

type decisionLogStatus struct {
	Dropped   uint64 `json:"dropped"`
	LastError string `json:"last_error,omitempty"`
}

func serveStatus(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		return caddy.APIError{HTTPStatus: http.StatusMethodNotAllowed, Err: fmt.Errorf("%s is not allowed here; use GET", r.Method)}
	}
	app := activeApp()
	if app == nil {
		return errNoApp
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(app.status())
}

var errNoApp = caddy.APIError{HTTPStatus: http.StatusNotFound, Err: errors.New("no site of this server has experiments; add the experiments directive to one")}

// activeApp gives the app of the configuration in force, nil if that has none.
// It is looked up anew each time: what asks for it can outlive the configuration
// that it was made with.
func activeApp() *App {
	app, err := caddy.ActiveContext().AppIfConfigured("experiments")
	if err != nil {
		return nil
	}
	return app.(*App)
}

// tenantStatuses describes the tenants of the app's sites. Those that only an
// earlier configuration had are nobody's concern any more.
func (a *App) tenantStatuses() []store.Status {
	return slices.DeleteFunc(a.configuration.live.Statuses(), func(s store.Status) bool { return !a.tenants[s.Tenant] })
}

func (a *App) status() status {
	s := status{Status: store.StateHealthy, Store: a.configuration.live.Reach(), Tenants: a.tenantStatuses()}
	s.degrade(!s.Store.Reachable)
	for _, t := range s.Tenants {
		s.degrade(t.State == store.StateDegraded)
		s.degrade(slices.ContainsFunc(t.Experiments, idle))
	}
	if a.locations != nil {
		s.GeoIP = a.locations.status()
		s.degrade(s.GeoIP.LastError != "" && !(a.GeoIP.Optional && !s.GeoIP.Loaded))
	}
	if a.decisions != nil {
		s.DecisionLog = &decisionLogStatus{Dropped: a.decisions.dropped.Load(), LastError: text(a.decisions.sink.Trouble())}
		s.degrade(s.DecisionLog.LastError != "")
	}
	if a.events != nil {
		s.Events = &eventsStatus{Kept: "here", Dropped: a.events.queue.dropped.Load(), LastError: text(a.events.trouble())}
		if a.events.log == nil {
			s.Events.Kept = "elsewhere"
		}
		s.Events.Bytes, s.Events.Limit = a.events.size()
		s.Events.Spooled, s.Events.SpooledBytes = a.events.spool.pending()
		s.degrade(s.Events.LastError != "")
	}
	return s
}

// idle reports whether an experiment should assign subjects and does not.
func idle(x engine.Summary) bool { return x.Status == engine.ExperimentActive && !x.Deciding }

func (s *status) degrade(is bool) {
	if is {
		s.Status = store.StateDegraded
	}
}

// text is that of an error, on one line; empty for none.
func text(err error) string {
	if err == nil {
		return ""
	}
	return strings.ReplaceAll(err.Error(), "\n", "; ")
}

func (l *locations) status() *geoStatus {
	info := l.Info()
	s := &geoStatus{Path: info.Path, Loaded: info.Loaded, Type: info.Type, Regions: info.Regions}
	if info.Loaded {
		s.BuildTime, s.LoadedAt = &info.BuildTime, &info.LoadedAt
	}
	if info.LastError != nil {
		s.LastError = info.LastError.Error()
	}
	return s
}

// Interface guard
var _ caddy.AdminRouter = adminRoutes{}
