package management

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/management/launchdarkly"
	"github.com/caddy-experiments/caddy-experiments/results/report"
	"github.com/caddy-experiments/caddy-experiments/store"
)

// launchDarkly answers the other dialect with the tokens, quotas, store and audit
// of this API.
func (a *API) launchDarkly() (*launchdarkly.API, error) {
	return launchdarkly.New(launchdarkly.Config{
		Authorize: a.openSession, NewID: newID, MaxActive: a.config.MaxActive, RequireBeta: a.config.RequireBeta,
		Prior: a.config.Prior, Log: a.config.Log, Now: a.config.Now,
	})
}

// session is a call of the other dialect.
type session struct{ *call }

// rights are the scopes that each right is.
var rights = map[launchdarkly.Right]Scope{
	launchdarkly.Read: ScopeRead, launchdarkly.Create: ScopeCreate, launchdarkly.Update: ScopeUpdate, launchdarkly.Delete: ScopeDelete,
}

// openSession lets a request of the other dialect in, whose clients send the
// token without a scheme.
func (a *API) openSession(answer http.Header, r *http.Request) (launchdarkly.Session, error) {
	now := a.config.Now()
	held := a.holder(bearer(r.Header), now)
	if held == nil {
		held = a.holder(bare(r.Header), now)
	}
	quota := a.strangers
	if held != nil {
		quota = held.quota
	}
	ours := http.Header{}
	problem := quota.spend(ours, now)
	retell(answer, ours)
	switch {
	case problem != nil:
		return nil, launchdarkly.Refuse(http.StatusTooManyRequests, "you have exceeded the API's rate limit; try again later")
	case held == nil:
		answer.Set("WWW-Authenticate", "Bearer")
		return nil, launchdarkly.Refuse(http.StatusUnauthorized, "invalid access token")
	case !a.config.Entitled(held.token.Tenant):
		return nil, translated(failed(CodeNotEntitled, ""))
	}
	return &session{&call{api: a, request: r, token: &held.token, now: now}}, nil
}

// bare gives the secret that a request shows without a scheme; empty if it shows
// none, or several.
func bare(header http.Header) string {
	values := header.Values("Authorization")
	if len(values) != 1 {
		return ""
	}
	return strings.TrimSpace(values[0])
}

// retell writes what is left of a quota as the other dialect does: times are in
// milliseconds there.
func retell(answer, ours http.Header) {
	left := ours.Get("X-Ratelimit-Remaining")
	answer.Set("X-Ratelimit-Global-Remaining", left)
	answer.Set("X-Ratelimit-Route-Remaining", left)
	if reset, err := strconv.ParseInt(ours.Get("X-Ratelimit-Reset"), 10, 64); err == nil {
		answer.Set("X-Ratelimit-Reset", strconv.FormatInt(reset*1000, 10))
	}
	if wait := ours.Get("Retry-After"); wait != "" {
		answer.Set("Retry-After", wait)
	}
}

// translated says a refusal in the other dialect, which has no code of its own for
// it but keeps its status.
func translated(problem *refusal) error {
	if problem == nil {
		return nil
	}
	return launchdarkly.Refuse(codes[problem.code].Status, "%s (%s)", problem.message, problem.code)
}

// Tenant implements launchdarkly.Session.
func (s *session) Tenant() store.Tenant { return s.token.Tenant }

// Name implements launchdarkly.Session.
func (s *session) Name() string { return s.token.Name }

// May implements launchdarkly.Session.
func (s *session) May(right launchdarkly.Right) bool {
	return slices.Contains(s.token.Scopes, rights[right])
}

// Read implements launchdarkly.Session.
func (s *session) Read() (*engine.Document, error) {
	document, problem := s.read()
	return document, translated(problem)
}

// Change implements launchdarkly.Session.
func (s *session) Change(operationID, comment string, apply func(*engine.Document) (string, error)) error {
	s.operation.id, s.comment = operationID, comment
	var refused error
	_, problem := s.change(func(document *engine.Document) (changed, *refusal) {
		id, err := apply(document)
		if refused = err; err != nil {
			return changed{}, failed(CodeServiceFailed, "")
		}
		return changed{id: id, nothing: id == ""}, nil
	})
	if refused != nil {
		return refused
	}
	return translated(problem)
}

// Answer implements launchdarkly.Session.
func (s *session) Answer(asked any, answer func(context.Context, launchdarkly.Session, time.Time) ([]byte, error)) ([]byte, error) {
	text, err := s.ask(asked, func(ctx context.Context, now time.Time) ([]byte, error) {
		later := &session{&call{api: s.api, request: s.request.WithContext(ctx), token: s.token, now: now}}
		return answer(ctx, later, now)
	})
	if _, known := errors.AsType[*launchdarkly.Error](err); err == nil || known {
		return text, err
	}
	return nil, translated(s.noResults(err))
}

// Report implements launchdarkly.Session.
func (s *session) Report(document *engine.Document, experimentID string, o report.Options) (*report.Report, error) {
	made, problem := s.report(document, experimentID, o)
	return made, translated(problem)
}

// Interface guards
var _ launchdarkly.Session = (*session)(nil)
