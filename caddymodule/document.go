package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/management"
	"github.com/caddy-experiments/caddy-experiments/store"
)

const (
	// operationImport is what the audit log calls an import.
	operationImport = "import_document"
	// adminToken is the name in the audit log of who writes over the admin API,
	// which has no tokens.
	adminToken = "admin"
	// importAttempts bounds how often an import that expects no revision is
	// tried again because another writer was faster.
	importAttempts = 10
)

// serveDocument gives a tenant's document as the store has it, or replaces it.
func serveDocument(w http.ResponseWriter, r *http.Request) error {
	app, tenant, err := administered(w, r, http.MethodGet, http.MethodPut)
	if err != nil {
		return err
	}
	if !app.entitled(tenant) {
		return refused(http.StatusForbidden, fmt.Errorf("tenant %s is not among the tenants of the experiments app; add it there", tenant))
	}
	ctx, cancel := context.WithTimeout(r.Context(), storeTime)
	defer cancel()
	if r.Method == http.MethodPut {
		return app.replaceDocument(ctx, tenant, w, r)
	}
	version, err := app.configuration.store.Load(ctx, tenant)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return refused(http.StatusNotFound, fmt.Errorf("tenant %s has no document: %w", tenant, err))
	case err != nil:
		return storeAway(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Etag", strconv.Quote(strconv.FormatUint(version.Revision, 10)))
	_, err = w.Write(version.Text)
	return err
}

func storeAway(err error) error {
	return refused(http.StatusServiceUnavailable, fmt.Errorf("%s: the store cannot be reached; nothing has been changed: %w", management.CodeStoreUnavailable, err))
}

// importAnswer says what an import has done.
type importAnswer struct {
	Tenant         store.Tenant `json:"tenant"`
	RevisionBefore uint64       `json:"revision_before"`
	RevisionAfter  uint64       `json:"revision_after"`
	FeatureFlags   changeCounts `json:"feature_flags"`
	Segments       changeCounts `json:"segments"`
	Experiments    changeCounts `json:"experiments"`
	// Unreadable says that there was a document that nobody could read, so that
	// everything counts as added.
	Unreadable bool `json:"unreadable_before,omitempty"`
	// Summaries are what became of the experiments.
	Summaries []engine.Summary `json:"summaries"`
}

type changeCounts struct {
	Added   int `json:"added"`
	Changed int `json:"changed"`
	Removed int `json:"removed"`
	Same    int `json:"same"`
}

// replaceDocument puts the document that a request brings along in the place of
// the tenant's.
func (a *App) replaceDocument(ctx context.Context, tenant store.Tenant, w http.ResponseWriter, r *http.Request) error {
	expected, stated, err := statedRevision(r)
	if err != nil {
		return refused(http.StatusBadRequest, err)
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, a.MaxDocumentSize))
	if _, over := errors.AsType[*http.MaxBytesError](err); over {
		return refused(http.StatusRequestEntityTooLarge, fmt.Errorf("the document is larger than max_document_size, %d bytes; nothing has been changed", a.MaxDocumentSize))
	}
	if err != nil {
		return refused(http.StatusBadRequest, fmt.Errorf("reading the document: %w", err))
	}
	document, err := engine.Decode(text)
	if err != nil {
		return refused(http.StatusBadRequest, fmt.Errorf("the document has faults; nothing has been changed: %w", err))
	}
	summaries := engine.Compile(document, engine.Settings{MaxActive: a.MaxActiveExperiments, HeaderBudget: a.HeaderBudget}).Experiments
	if err := a.checkIdle(tenant, summaries, r.URL.Query().Get("force")); err != nil {
		return refused(http.StatusBadRequest, err)
	}
	answer, err := a.commit(ctx, tenant, document, expected, stated)
	if err != nil {
		return err
	}
	a.audit(a.logger, management.Event{
		Token: adminToken, Tenant: tenant, Operation: operationImport, EntityID: string(tenant),
		RevisionBefore: answer.RevisionBefore, RevisionAfter: answer.RevisionAfter, Time: time.Now().UTC(), ClientAddress: peerAddress(r),
	})
	answer.Summaries = summaries
	return writeJSON(w, answer)
}

// checkIdle refuses a document with an active experiment that would assign no subject,
// unless that is so already or wanted.
func (a *App) checkIdle(tenant store.Tenant, summaries []engine.Summary, force string) error {
	if force == "true" {
		return nil
	}
	if force != "" && force != "false" {
		return fmt.Errorf("force %q: must be true or false", force)
	}
	var before []engine.Summary
	for _, status := range a.tenantStatuses() {
		if status.Tenant == tenant {
			before = status.Experiments
		}
	}
	for _, x := range summaries {
		if !idle(x) || slices.ContainsFunc(before, func(b engine.Summary) bool { return b.ID == x.ID && idle(b) }) {
			continue
		}
		return fmt.Errorf("experiment %s is active and would assign nobody: %s: %s; nothing has been changed. Repair or pause it in the document, or import it all the same with --force (force=true)",
			x.ID, x.Blockers[0].Code, x.Blockers[0].Message)
	}
	return nil
}

// statedRevision gives the revision that a request expects, if it states one.
func statedRevision(r *http.Request) (revision uint64, stated bool, err error) {
	text := r.URL.Query().Get("revision")
	if text == "" {
		return 0, false, nil
	}
	revision, err = strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, false, fmt.Errorf("revision %q: must be a whole number; caddy experiments status has it", text)
	}
	return revision, true, nil
}

// commit replaces the document, whatever it is, or only the stated revision of
// it.
func (a *App) commit(ctx context.Context, tenant store.Tenant, document *engine.Document, expected uint64, stated bool) (*importAnswer, error) {
	s := a.configuration.store
	for range importAttempts {
		before, err := s.Load(ctx, tenant)
		switch {
		case errors.Is(err, store.ErrTooLarge):
			return nil, refused(http.StatusConflict, fmt.Errorf("the document that %s has now is over max_document_size; make that larger for the time of the import: %w", tenant, err))
		case err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrRefused):
			return nil, storeAway(err)
		}
		if stated && before.Revision != expected {
			return nil, conflict(tenant, expected, before.Revision)
		}
		after, err := s.Commit(ctx, tenant, document, before.Revision)
		switch {
		case err == nil:
			answer := compare(before, document)
			answer.Tenant, answer.RevisionBefore, answer.RevisionAfter = tenant, before.Revision, after
			return answer, nil
		case errors.Is(err, store.ErrTooLarge):
			return nil, refused(http.StatusRequestEntityTooLarge, fmt.Errorf("the document is larger than the store takes; nothing has been changed: %w", err))
		case !errors.Is(err, store.ErrConflict):
			return nil, storeAway(err)
		}
	}
	if o, ok := s.(store.Overruler); ok && !stated {
		// The store may be wrong about what was committed last.
		before, _ := s.Load(ctx, tenant)
		after, err := o.Overrule(ctx, tenant, document)
		if err == nil {
			answer := compare(before, document)
			answer.Tenant, answer.RevisionBefore, answer.RevisionAfter = tenant, before.Revision, after
			return answer, nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return nil, storeAway(err)
		}
	}
	return nil, refused(http.StatusConflict, fmt.Errorf("other writers of %s were faster every time; nothing has been changed: %w", tenant, store.ErrConflict))
}

func conflict(tenant store.Tenant, expected, found uint64) error {
	return refused(http.StatusConflict, fmt.Errorf("%s is at revision %d, not %d: somebody has changed it since; nothing has been changed. "+
		"Export it again and make your change there, or leave out --revision to replace it all the same", tenant, found, expected))
}

// compare counts what differs between a stored document and the one that
// replaces it.
func compare(version store.Version, after *engine.Document) *importAnswer {
	before := &engine.Document{}
	answer := &importAnswer{}
	if version.Revision > 0 {
		decoded, err := engine.Decode(version.Text)
		answer.Unreadable = err != nil
		if err == nil {
			before = decoded
		}
	}
	answer.FeatureFlags = changes(before.FeatureFlags, after.FeatureFlags, func(f *engine.FeatureFlag) string { return f.ID })
	answer.Segments = changes(before.Segments, after.Segments, func(s *engine.Segment) string { return s.ID })
	answer.Experiments = changes(before.Experiments, after.Experiments, func(e *engine.Experiment) string { return e.ID })
	return answer
}

func changes[T any](before, after []T, id func(*T) string) changeCounts {
	texts := make(map[string][]byte, len(before))
	for i := range before {
		texts[id(&before[i])] = compactJSON(before[i])
	}
	var counts changeCounts
	for i := range after {
		switch text, there := texts[id(&after[i])]; {
		case !there:
			counts.Added++
		case slices.Equal(text, compactJSON(after[i])):
			counts.Same++
		default:
			counts.Changed++
		}
		delete(texts, id(&after[i]))
	}
	counts.Removed = len(texts)
	return counts
}

func peerAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
