package management

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
)

// conflictPause bounds the pause before a change is made again because a writer
// outside this process was faster. Those inside take turns.
const conflictPause = 10 * time.Millisecond

// changed is what a change did: the answer to it and the entity that it was
// about. Nothing is written if it did not do anything.
type changed struct {
	answer  answer
	id      string
	removed []string
	nothing bool
}

// change makes a change to the tenant's document: once, however many attempts
// it takes, or not at all. apply may be called several times, each time with a
// document of its own, which it may leave half changed when it refuses.
func (c *call) change(apply func(*engine.Document) (changed, *refusal)) (answer, *refusal) {
	ctx, cancel := c.api.storeContext(c.request)
	defer cancel()
	turn := c.api.turn(c.token.Tenant)
	var reader *engine.Reader
	select {
	case reader = <-turn:
		defer func() { turn <- reader }()
	case <-ctx.Done():
		return answer{}, c.unavailable("waiting for other writes", ctx.Err())
	}
	for {
		document, version, problem := c.load(ctx)
		if problem != nil {
			return answer{}, problem
		}
		done, problem := apply(document)
		if problem != nil {
			return answer{}, problem
		}
		if done.nothing {
			return done.answer, nil
		}
		revision, err := c.commit(ctx, reader, document, version.Revision)
		switch {
		case err == nil:
			c.audit(done, version.Revision, revision)
			return done.answer, nil
		case errors.Is(err, store.ErrConflict):
			select {
			case <-ctx.Done():
				return answer{}, c.unavailable("committing", err)
			case <-time.After(rand.N(conflictPause)):
			}
			continue
		case errors.Is(err, store.ErrTooLarge):
			return answer{}, failed(CodeDocumentTooLarge, "")
		}
		if faults, ok := errors.AsType[engine.Faults](err); ok {
			return answer{}, failed(CodeDocumentLimit, "The configuration as a whole would break a rule: %s.", faults.Describe())
		}
		return answer{}, c.unavailable("committing", err)
	}
}

// turn is where the one writer of a tenant takes the reader that it checks its
// document with, and puts it back for the next.
func (a *API) turn(tenant store.Tenant) chan *engine.Reader {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.writing[tenant] == nil {
		a.writing[tenant] = make(chan *engine.Reader, 1)
		a.writing[tenant] <- engine.NewReader()
	}
	return a.writing[tenant]
}

// commit completes a document and writes it, if every edge would take it.
func (c *call) commit(ctx context.Context, reader *engine.Reader, document *engine.Document, expected uint64) (uint64, error) {
	recalculate(document)
	text, err := json.Marshal(document)
	if err != nil {
		return 0, err
	}
	if _, err := reader.Decode(text); err != nil {
		return 0, err
	}
	return c.api.config.Store.Commit(ctx, c.token.Tenant, document, expected)
}

// recalculate brings is_valid of all experiments up to date: a change to a flag,
// variation or segment can make any experiment ready or stop it from being so.
func recalculate(document *engine.Document) {
	flags, efforts := flagsByID(document), engine.Efforts(document)
	for i := range document.Experiments {
		e := &document.Experiments[i]
		valid := len(engine.Readiness(e, flags[e.FeatureFlagID], efforts)) == 0
		e.IsValid = &valid
	}
}

func flagsByID(document *engine.Document) map[string]*engine.FeatureFlag {
	flags := make(map[string]*engine.FeatureFlag, len(document.FeatureFlags))
	for i := range document.FeatureFlags {
		flags[document.FeatureFlags[i].ID] = &document.FeatureFlags[i]
	}
	return flags
}

// load reads the tenant's document afresh. A tenant that has none yet has an
// empty one.
func (c *call) load(ctx context.Context) (*engine.Document, store.Version, *refusal) {
	version, problem := c.fetch(ctx)
	if problem != nil || version.Revision == 0 {
		return &engine.Document{}, version, problem
	}
	document, problem := c.decode(version)
	return document, version, problem
}

func (c *call) fetch(ctx context.Context) (store.Version, *refusal) {
	version, err := c.api.config.Store.Load(ctx, c.token.Tenant)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return store.Version{}, nil
	case err != nil:
		return store.Version{}, c.unavailable("loading", err)
	}
	return version, nil
}

func (c *call) decode(version store.Version) (*engine.Document, *refusal) {
	document, err := engine.Decode(version.Text)
	if err != nil {
		c.api.config.Log.Error("the stored document is invalid", slog.String("tenant", string(c.token.Tenant)),
			slog.Uint64("revision", version.Revision), slog.Any("error", err))
		return nil, failed(CodeDocumentInvalid, "")
	}
	return document, nil
}

// unavailable says that the store does not do its part. The reason is for our
// log: it may name hosts and paths.
func (c *call) unavailable(doing string, err error) *refusal {
	c.api.config.Log.Error("the store is unavailable", slog.String("tenant", string(c.token.Tenant)),
		slog.String("doing", doing), slog.Any("error", err))
	return failed(CodeStoreUnavailable, "")
}

func (c *call) audit(done changed, before, after uint64) {
	c.api.config.Audit(Event{
		Token: c.token.Name, Tenant: c.token.Tenant, Operation: c.operation.id,
		EntityID: done.id, Removed: done.removed, RevisionBefore: before, RevisionAfter: after,
		Time: c.now.UTC(), ClientAddress: c.api.config.ClientAddress(c.request), Comment: c.comment,
	})
}

// stamp is the time of a change as it is stored.
func (c *call) stamp() *time.Time { return stamped(c.now) }
