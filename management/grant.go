package management

import (
	"log/slog"
	"net/http"
	"unicode/utf8"
)

// TokenPath is where clients are granted access tokens. It is the API's only if
// there are clients.
const TokenPath = "/oauth/token"

// grantAnswer is the answer to a request for an access token (RFC 6749, 5.1).
type grantAnswer struct {
	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int64  `json:"expires_in"`
	Scope       string `json:"scope"`
}

// grantRefusal is why there is none (RFC 6749, 5.2). A description has no
// quotation mark, no backslash, and nothing of the request.
type grantRefusal struct {
	Status      int    `json:"-"`
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

// The error codes of the token endpoint.
const (
	grantInvalidRequest     = "invalid_request"
	grantInvalidClient      = "invalid_client"
	grantUnauthorizedClient = "unauthorized_client"
	grantUnsupported        = "unsupported_grant_type"
	grantInvalidScope       = "invalid_scope"
	grantTooMany            = "too_many_requests"
	grantFailed             = "server_error"
)

// refuseGrant makes a refusal with the status that its code has.
func refuseGrant(code, description string) *grantRefusal {
	status := http.StatusBadRequest
	switch code {
	case grantInvalidClient:
		status = http.StatusUnauthorized
	case grantTooMany:
		status = http.StatusTooManyRequests
	case grantFailed:
		status = http.StatusServiceUnavailable
	}
	return &grantRefusal{status, code, description}
}

// grants reports whether a request is one for an access token, whatever its
// method.
func (a *API) grants(r *http.Request) bool {
	return r.URL.Path == TokenPath && len(a.clients.held) > 0
}

// serveGrant answers a request for an access token.
func (a *API) serveGrant(w http.ResponseWriter, r *http.Request) {
	defer func() {
		switch fault := recover(); fault {
		case nil:
		case http.ErrAbortHandler:
			panic(fault)
		default:
			a.config.Log.Error("granting a token failed", slog.Any("panic", fault))
			writeGrant(w, nil, refuseGrant(grantFailed, "The request could not be handled; the server's log says why."))
		}
	}()
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
	answer, refused := a.grant(w, r)
	writeGrant(w, answer, refused)
}

func writeGrant(w http.ResponseWriter, granted *grantAnswer, refused *grantRefusal) {
	if refused != nil {
		if refused.Status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Basic realm="experiments"`)
		}
		respond(w, answer{status: refused.Status, body: refused})
		return
	}
	respond(w, answer{status: http.StatusOK, body: granted})
}

// grant does what a request for a token asks for. Who is no client of ours
// spends what strangers have together, a client its own.
func (a *API) grant(w http.ResponseWriter, r *http.Request) (*grantAnswer, *grantRefusal) {
	now := a.config.Now()
	if r.Method != http.MethodPost {
		if a.strangers.spend(w.Header(), now) != nil {
			return nil, refuseGrant(grantTooMany, tooManyGrants)
		}
		w.Header().Set("Allow", http.MethodPost)
		return nil, &grantRefusal{http.StatusMethodNotAllowed, grantInvalidRequest, "Tokens are granted to POST only."}
	}
	request, refused := readGrant(w, r)
	var client *heldClient
	if refused == nil {
		client = a.clients.find(request.shown)
	}
	quota := a.strangers
	if client != nil {
		quota = client.quota
	}
	switch {
	case quota.spend(w.Header(), now) != nil:
		return nil, refuseGrant(grantTooMany, tooManyGrants)
	case refused != nil:
		return nil, refused
	case client == nil:
		return nil, refuseGrant(grantInvalidClient, "The client_id or the client_secret is missing or wrong.")
	case request.grantType == "":
		return nil, refuseGrant(grantInvalidRequest, "The grant_type is missing; it must be client_credentials.")
	case request.grantType != grantClientCredentials:
		return nil, refuseGrant(grantUnsupported, "The grant_type must be client_credentials.")
	case len(request.audience) > longestAudience || !utf8.ValidString(request.audience):
		return nil, refuseGrant(grantInvalidRequest, "The audience must be text of at most 1024 bytes.")
	case !a.config.Entitled(client.token.Tenant):
		return nil, refuseGrant(grantUnauthorizedClient, "Experiments are not enabled for the tenant of this client.")
	}
	scopes := client.token.Scopes
	if request.scope != "" {
		// Clients that are made for all of a provider's API ask for more than there
		// is here; the answer says what they have been granted.
		if scopes = granted(scopes, request.scope); len(scopes) == 0 {
			return nil, refuseGrant(grantInvalidScope, "The client has none of the scopes that are asked for.")
		}
	}
	return &grantAnswer{
		AccessToken: client.grant(request.audience, scopes, now), TokenType: "Bearer",
		ExpiresIn: int64(accessLifetime.Seconds()), Scope: spaced(scopes),
	}, nil
}

const (
	grantClientCredentials = "client_credentials"
	longestAudience        = 1024
	tooManyGrants          = "Too many requests; the Retry-After header says when to try again."
)
