package redis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
)

const (
	// headsInterval is how often heads are read although nothing says that one
	// has changed: a person or another program can have written one.
	headsInterval = 2 * time.Second
	// headPatience is for how long a head may be ahead of the document until that
	// counts as damage. Whoever has the document puts it back long before.
	headPatience = 5 * time.Second
	// longestHead is the longest text of a head that is read as one.
	longestHead = 16
)

// head is which revision of a tenant Redis says was committed last.
type head struct {
	revision uint64 // 0: none
	// text is what it is written as; empty if there is none, or if it is too long.
	text string
	// damaged says that it is no revision.
	damaged bool
}

// parseHead reads a head as the scripts do.
func parseHead(text string) head {
	if len(text) > longestHead {
		return head{damaged: true}
	}
	h := head{text: text}
	if text == "" {
		return h
	}
	revision, err := strconv.ParseUint(text, 10, 64)
	if err != nil || revision > greatestRevision {
		h.damaged = true
		return h
	}
	h.revision = revision
	return h
}

// heads reads the heads of tenants. One that is too large to be read is damaged.
func (s *Store) heads(ctx context.Context, tenants ...store.Tenant) ([]head, error) {
	fields := make([]string, len(tenants))
	for i, tenant := range tenants {
		fields[i] = string(tenant)
	}
	var texts []any
	tooLarge := false
	err := s.ask(ctx, func(ctx context.Context) (err error) {
		texts, err = s.client.HMGet(ctx, s.keys.heads, fields...).Result()
		if tooLarge = errors.Is(err, errReplyTooLarge); tooLarge {
			return nil
		}
		return err
	})
	heads := make([]head, len(tenants))
	switch {
	case err != nil:
	case tooLarge && len(tenants) == 1:
		heads[0].damaged = true
	case tooLarge:
		for i, tenant := range tenants {
			one, err := s.heads(ctx, tenant)
			if err != nil {
				return heads, err
			}
			heads[i] = one[0]
		}
	}
	for i := range min(len(texts), len(heads)) {
		if text, ok := texts[i].(string); ok {
			heads[i] = parseHead(text)
		}
	}
	return heads, err
}

// lead is a head that is ahead of the document.
type lead struct {
	text  string
	since time.Time
}

// mendHead puts a head right that is no revision, and has Load say so if it
// cannot. It reports whether Redis has answered.
func (w *watch) mendHead(ctx context.Context, tenant store.Tenant) bool {
	if w.newest(tenant).Revision == 0 {
		return true // a commit takes it for none
	}
	if err := w.restore(ctx, tenant); err != nil {
		return false
	}
	heads, err := w.heads(ctx, tenant)
	if err == nil && heads[0].damaged {
		w.doubt(tenant, refused("what redis says of the revision that was committed last is no number from 1 to %d", uint64(greatestRevision)))
	}
	return err == nil
}

// attendHead looks after a head that is ahead of every document that can be
// read. Where Redis has a document that cannot be, because it is damaged or
// signed with another key, that may be the newest, and there is nothing to be
// done here. It reports whether Redis has answered.
func (w *watch) attendHead(ctx context.Context, tenant store.Tenant, h head) bool {
	sealed, err := w.fetch(ctx, tenant)
	if errors.Is(err, store.ErrUnavailable) {
		return false
	}
	best := w.newest(tenant)
	if err == nil && len(sealed) > 0 {
		var there store.Version
		if there, err = w.open(tenant, sealed); there.Revision >= best.Revision {
			best = there
		}
	}
	if err != nil || best.Revision >= h.revision {
		w.settle(tenant)
		return true
	}
	l, known := w.leads[tenant]
	if !known || l.text != h.text {
		w.leads[tenant] = lead{h.text, time.Now()}
		return true
	}
	if time.Since(l.since) < headPatience {
		return true
	}
	w.doubt(tenant, refused("redis says that revision %d was committed, but nobody has put more than revision %d there; "+
		"nothing can be written as long as it says so", h.revision, best.Revision))
	lowered, err := w.run(ctx, lower, tenant, best, h.text, sealed)
	switch {
	case saysNo(err):
		w.stuck(tenant, err)
	case err != nil:
		return false
	case lowered == 1:
		w.settle(tenant)
		w.Restored(tenant, best.Revision)
	case lowered == -1:
		w.stuck(tenant, fmt.Errorf("revision %d may come back: {%s}:changes knows of a newer one than %d", h.revision, w.options.Prefix, best.Revision))
	}
	return true
}

// doubt has Load say why a document may not be the newest.
func (w *watch) doubt(tenant store.Tenant, reason error) {
	w.mu.Lock()
	h := w.held(tenant)
	news := h.doubt == nil || h.doubt.Error() != reason.Error()
	h.doubt = reason
	w.mu.Unlock()
	if news {
		w.Changed(tenant)
	}
}

// settle takes back what attendHead has noted.
func (w *watch) settle(tenant store.Tenant) {
	delete(w.leads, tenant)
	w.mu.Lock()
	h := w.held(tenant)
	news := h.doubt != nil
	h.doubt = nil
	w.mu.Unlock()
	if news {
		w.Changed(tenant)
	}
}

// Overrule implements store.Overruler. The new revision is greater than all that
// this store has heard of, but for a head that leaves no room to count on.
func (s *Store) Overrule(ctx context.Context, tenant store.Tenant, document *engine.Document) (uint64, error) {
	revision, err := s.overrule(ctx, tenant, document)
	if err != nil {
		return 0, fmt.Errorf("overruling %s in redis: %w", tenant, err)
	}
	return revision, nil
}

func (s *Store) overrule(ctx context.Context, tenant store.Tenant, document *engine.Document) (uint64, error) {
	heads, err := s.heads(ctx, tenant)
	if err != nil {
		return 0, err
	}
	before := s.newest(tenant).Revision
	sealed, err := s.fetch(ctx, tenant)
	if errors.Is(err, store.ErrUnavailable) {
		return 0, err
	}
	if version, err := s.judge(tenant, sealed, store.Version{}); err == nil {
		before = max(before, version.Revision)
	}
	if heads[0].revision < greatestRevision/2 {
		before = max(before, heads[0].revision)
	}
	version, err := s.version(tenant, document, before+1)
	if err != nil {
		return 0, err
	}
	written, err := s.run(ctx, overrule, tenant, version, heads[0].text)
	switch {
	case err != nil:
		return 0, err
	case written == 0:
		return 0, fmt.Errorf("%w: another writer was faster", store.ErrConflict)
	}
	s.hold(tenant, version)
	return version.Revision, nil
}

// version seals a document as a revision.
func (s *Store) version(tenant store.Tenant, document *engine.Document, revision uint64) (store.Version, error) {
	committed := *document
	committed.Revision = revision
	text, err := json.Marshal(&committed)
	if err != nil {
		return store.Version{}, fmt.Errorf("encoding: %w", err)
	}
	if int64(len(text)) > s.options.MaxDocumentSize {
		return store.Version{}, fmt.Errorf("%w: %d bytes, the limit is %d", store.ErrTooLarge, len(text), s.options.MaxDocumentSize)
	}
	return store.Version{Text: text, Revision: revision, Sealed: s.seal(tenant, revision, text)}, nil
}

// Interface guard
var _ store.Overruler = (*Store)(nil)
