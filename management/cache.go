package management

import (
	"bytes"
	"sync"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
)

// cache keeps the document of each tenant that was read last, so that reading
// one entity does not cost decoding all of them every time.
type cache struct {
	mu   sync.Mutex
	held map[store.Tenant]*held
}

// held is a decoded document with the text that it was decoded from. Nobody
// changes it.
type held struct {
	text     []byte
	document *engine.Document
}

// read gives the tenant's document, for reading only.
func (c *call) read() (*engine.Document, *refusal) {
	ctx, cancel := c.api.storeContext(c.request)
	defer cancel()
	version, problem := c.fetch(ctx)
	if problem != nil || version.Revision == 0 {
		return &engine.Document{}, problem
	}
	cache := &c.api.documents
	cache.mu.Lock()
	last := cache.held[c.token.Tenant]
	cache.mu.Unlock()
	if last != nil && bytes.Equal(last.text, version.Text) {
		return last.document, nil
	}
	document, problem := c.decode(version)
	if problem != nil {
		return nil, problem
	}
	cache.mu.Lock()
	defer cache.mu.Unlock()
	// Of requests that decode the same text at a time, the first one's document is
	// that of all: reports are told apart by it.
	if last := cache.held[c.token.Tenant]; last != nil && bytes.Equal(last.text, version.Text) {
		return last.document, nil
	}
	cache.held[c.token.Tenant] = &held{version.Text, document}
	return document, nil
}

// readOrKept is read where the store answers, else the document that was read
// last: what happens at an edge is to be written down whether or not its
// configuration can be changed.
func (c *call) readOrKept() (*engine.Document, *refusal) {
	cache := &c.api.documents
	cache.mu.Lock()
	last := cache.held[c.token.Tenant]
	cache.mu.Unlock()
	document, problem := c.read()
	if problem != nil && problem.code == CodeStoreUnavailable && last != nil {
		return last.document, nil
	}
	return document, problem
}
