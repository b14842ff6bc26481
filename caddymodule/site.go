package caddymodule

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"
	"golang.org/x/net/http/httpguts"

	"github.com/caddy-experiments/caddy-experiments/store"
)

func init() {
	caddy.RegisterModule(Handler{})
}

// Handler decides, for each authorization request, which variation of the
// running experiment its device gets, and hands the variation's configuration
// to the identity provider behind it in one request header. It is to stand in
// front of all of the provider's paths: it also keeps clients from sending that
// header themselves, and brings the decision to the other pages of a login.
//
// It provides placeholders:
//
// Placeholder | Description
// ------------|------------
// `{http.experiments.experiment_id}` | The experiment; empty if there is none
// `{http.experiments.variation_id}` | The variation
// `{http.experiments.segment_id}` | The segment that matched or was forced
// `{http.experiments.is_control}` | `true` or `false`
// `{http.experiments.source}` | `bucket`, `segment`, `fallback`, `override` or `carried`
// `{http.experiments.subject}` | The subject identifier that is bucketed
// `{http.experiments.device_type}` | `mobile`, `desktop`, `tablet`, `tv`, `bot` or `other`
// `{http.experiments.browser}` | The browser's family in lower case
// `{http.experiments.platform}` | `windows`, `macos`, `ios`, `android`, `linux`, `chromeos` or `other`
// `{http.experiments.country}` | ISO 3166-1 code of the client's country
// `{http.experiments.region}` | ISO 3166-2 code of its region, without the country
// `{http.experiments.config.*}` | The value of a parameter
type Handler struct {
	// Tenant whose experiments run on this site. Default: default/production.
	Tenant string `json:"tenant,omitempty"`

	// AuthorizePaths are the paths of the authorization endpoint, compared
	// exactly. Default: those of common identity providers.
	AuthorizePaths []string `json:"authorize_paths,omitempty"`

	// Subject identifies the device; any placeholder. Where it is empty our
	// own signed cookie does. Default: the cookie.
	Subject string `json:"subject,omitempty"`

	// Header that the identity provider receives.
	// Default: X-Experiment-Config.
	Header string `json:"header,omitempty"`

	// Overrides says who may force a variation by parameters of the request:
	// open (everybody), signed (who has a token) or off. Default: open.
	Overrides string `json:"overrides,omitempty"`

	// Outcomes says whether the redirect that ends a login is recorded as its
	// outcome: on or off. It needs the app's events. Default: off.
	Outcomes string `json:"outcomes,omitempty"`

	// Sticky is how long a decision is carried through the pages of a login,
	// counted from the decision. Default: 1h.
	Sticky caddy.Duration `json:"sticky,omitempty"`

	// Connections gives each connection its connection_type.
	Connections map[string]string `json:"connections,omitempty"`

	app            *App
	tenant         *tenant
	shield         shield
	authorizePaths map[string]bool
	logger         *zap.Logger
	warner         *warner
}

// What Overrides can be.
const (
	overridesOpen   = "open"
	overridesSigned = "signed"
	overridesOff    = "off"
)

// What Outcomes can be.
const (
	outcomesOn  = "on"
	outcomesOff = "off"
)

const (
	defaultHeader = "X-Experiment-Config"
	defaultSticky = time.Hour
)

// defaultAuthorizePaths are where identity providers have their authorization
// endpoint unless they are told otherwise.
var defaultAuthorizePaths = []string{
	"/authorize",                   // Auth0, Authelia and many more
	"/oauth/authorize",             // Doorkeeper, GitLab, Mastodon
	"/oauth2/authorize",            // Cognito, Spring, FusionAuth
	"/oauth2/auth",                 // Hydra
	"/oauth2/v1/authorize",         // Okta, organization server
	"/oauth2/default/v1/authorize", // Okta, default server
	"/oauth2/v2.0/authorize",       // Entra
	"/oauth/v2/authorize",          // Zitadel
	"/connect/authorize",           // Duende, OpenIddict
	"/auth",                        // oidc-provider, dex at the root
	"/dex/auth",                    // dex
	"/application/o/authorize/",    // authentik
	"/as/authorization.oauth2",     // PingFederate
	"/oidc/auth",                   // Logto
	"/realms/master/protocol/openid-connect/auth", // Keycloak
}

// CaddyModule returns the Caddy module information.
func (Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.experiments", New: func() caddy.Module { return new(Handler) }}
}

// Provision connects the site with the app.
func (h *Handler) Provision(ctx caddy.Context) error {
	h.logger = ctx.Logger()
	h.setDefaults()
	app, err := ctx.App("experiments")
	if err != nil {
		return fmt.Errorf("loading the experiments app: %w", err)
	}
	h.app = app.(*App)
	if h.tenant, err = h.app.tenant(ctx, h.Tenant); err != nil {
		return err
	}
	if h.Outcomes == outcomesOn && h.app.events == nil {
		return errors.New("outcomes on: the experiments app keeps no events; write there for example: events ./events")
	}
	h.shield = newShield(h.Header)
	h.warner = &warner{logger: h.logger, journal: h.app.journal, tenant: h.Tenant}
	h.authorizePaths = make(map[string]bool, len(h.AuthorizePaths))
	for _, path := range h.AuthorizePaths {
		h.authorizePaths[path] = true
	}
	return nil
}

func (h *Handler) setDefaults() {
	if h.Tenant == "" {
		h.Tenant = string(store.DefaultTenant)
	}
	if len(h.AuthorizePaths) == 0 {
		h.AuthorizePaths = slices.Clone(defaultAuthorizePaths)
	}
	if h.Header == "" {
		h.Header = defaultHeader
	}
	h.Header = http.CanonicalHeaderKey(h.Header)
	if h.Overrides == "" {
		h.Overrides = overridesOpen
	}
	if h.Outcomes == "" {
		h.Outcomes = outcomesOff
	}
	if h.Sticky == 0 {
		h.Sticky = caddy.Duration(defaultSticky)
	}
}

// Validate refuses settings that cannot work.
func (h *Handler) Validate() error {
	for _, path := range h.AuthorizePaths {
		if err := checkAuthorizePath(path); err != nil {
			return err
		}
	}
	return errors.Join(checkSubject(h.Subject), checkHeader(h.Header), checkOverrides(h.Overrides), checkOutcomes(h.Outcomes), checkSticky(h.Sticky))
}

func checkAuthorizePath(path string) error {
	if !strings.HasPrefix(path, "/") {
		return fmt.Errorf("authorize_path: %q must start with a slash; write for example: authorize_path /authorize", path)
	}
	if strings.ContainsAny(path, "*?#") {
		return fmt.Errorf("authorize_path: %q would match nothing, as paths are compared exactly; write each path in full, without query", path)
	}
	return nil
}

var placeholder = regexp.MustCompile(`\{[^{}\s]+\}`)

// checkSubject refuses a text that is the same for every device.
func checkSubject(subject string) error {
	if subject == "" || placeholder.MatchString(subject) {
		return nil
	}
	example := "{http.request.header.X-Device}"
	if braced := "{" + strings.Trim(subject, "{}") + "}"; placeholder.MatchString(braced) && strings.Contains(subject, ".") {
		example = braced
	}
	return fmt.Errorf("subject: %q has no placeholder, so all devices would be one and get the same variation; write for example: subject %s", subject, example)
}

// takenHeaders have a meaning in every request. Inbound copies of our header are
// removed, so none of these can be it.
var takenHeaders = []string{"Accept", "Authorization", "Connection", "Content-Length", "Content-Type", "Cookie", "Host",
	"Origin", "Referer", "Te", "Trailer", "Transfer-Encoding", "Upgrade", "User-Agent"}

func checkHeader(header string) error {
	if !httpguts.ValidHeaderFieldName(header) {
		return fmt.Errorf("header: %q is no name of a header; write for example: header %s", header, defaultHeader)
	}
	if http.CanonicalHeaderKey(header) == exposureHeader {
		return fmt.Errorf("header: %s holds the exposure's id; write for example: header %s", exposureHeader, defaultHeader)
	}
	if slices.Contains(takenHeaders, http.CanonicalHeaderKey(header)) {
		return fmt.Errorf("header: %s is needed for the request itself; write for example: header %s", header, defaultHeader)
	}
	return nil
}

func checkOverrides(overrides string) error {
	switch overrides {
	case overridesOpen, overridesSigned, overridesOff:
		return nil
	}
	return fmt.Errorf("overrides: must be %s, %s or %s, got %q", overridesOpen, overridesSigned, overridesOff, overrides)
}

func checkOutcomes(outcomes string) error {
	if outcomes != outcomesOn && outcomes != outcomesOff {
		return fmt.Errorf("outcomes: must be %s or %s, got %q", outcomesOn, outcomesOff, outcomes)
	}
	return nil
}

func checkSticky(sticky caddy.Duration) error {
	if time.Duration(sticky) < time.Second {
		return fmt.Errorf("sticky: must be at least 1s, got %s", time.Duration(sticky))
	}
	return nil
}

// Interface guards
var (
	_ caddy.Provisioner = (*Handler)(nil)
	_ caddy.Validator   = (*Handler)(nil)
)
