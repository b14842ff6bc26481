package redis

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
)

// Store keeps documents in Redis. What it has once found good it also keeps in
// memory and on disk: while it watches, a document that Redis loses, damages or
// replaces by an older one is put back.
//
// It is safe for concurrent use, also by other processes on the same prefix.
type Store struct {
	options Options
	keys    keys
	client  redis.UniversalClient
	circuit *circuit
	disk    *disk         // nil: nothing is kept
	look    chan struct{} // has an entry when the watch should look at once

	mu      sync.Mutex
	tenants map[store.Tenant]*held
}

// held is what is known of a tenant's document. Its sealed text is not changed.
type held struct {
	newest store.Version // of those that were found good; the zero value: none
	stuck  string        // why it cannot be put back, if that has been told
	doubt  error         // why newest may not be what was committed last
}

// New makes a store. It does not connect yet.
func New(options Options) (*Store, error) {
	if err := options.complete(); err != nil {
		return nil, err
	}
	s := &Store{
		options: options, keys: newKeys(options.Prefix), client: options.client(), circuit: newCircuit(),
		look: make(chan struct{}, 1), tenants: map[store.Tenant]*held{},
	}
	if options.LastKnownGood != "" {
		s.disk = newDisk(options.LastKnownGood)
	}
	return s, nil
}

// Close ends all connections.
func (s *Store) Close() error { return s.client.Close() }

// held gives what is known of a tenant, who is watched from now on. The caller
// holds the lock.
func (s *Store) held(tenant store.Tenant) *held {
	h := s.tenants[tenant]
	if h == nil {
		h = &held{}
		s.tenants[tenant] = h
	}
	return h
}

func (s *Store) newest(tenant store.Tenant) store.Version {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held(tenant).newest
}

func (s *Store) doubted(tenant store.Tenant) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held(tenant).doubt
}

func (s *Store) watched() []store.Tenant {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.tenants))
}

// Load implements store.Store. A document that is older than one that was found
// good, or gone although there was one, is refused: the watch puts it back.
func (s *Store) Load(ctx context.Context, tenant store.Tenant) (store.Version, error) {
	newest := s.newest(tenant)
	var version store.Version
	sealed, err := s.fetch(ctx, tenant)
	if err == nil {
		version, err = s.judge(tenant, sealed, newest)
	}
	if err == nil {
		version.Doubt = s.doubted(tenant)
		return version, nil
	}
	if errors.Is(err, store.ErrRefused) {
		if newest.Revision > 0 {
			s.hurry()
		}
		heads, _ := s.heads(ctx, tenant) // the other error says more
		version.Revision = heads[0].revision
	}
	return version, fmt.Errorf("loading %s from redis: %w", tenant, err)
}

// ask puts a small question, to which no answer is an answer too. It waits less
// long than for documents, so that a silent end of the connection is noticed
// soon.
func (s *Store) ask(ctx context.Context, question func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout*3/4)
	defer cancel()
	return s.circuit.do(func() error {
		err := question(ctx)
		if errors.Is(err, redis.Nil) || redis.HasErrorPrefix(err, "WRONGTYPE") {
			return nil
		}
		return err
	})
}

// fetch reads the envelope of a document, or as much of one as is needed to see
// that it is too large. It is empty where there is none.
func (s *Store) fetch(ctx context.Context, tenant store.Tenant) (sealed []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	var reply error
	err = s.circuit.do(func() error {
		sealed, err = s.client.GetRange(ctx, s.keys.document(tenant), 0, s.options.MaxDocumentSize+longestLine).Bytes()
		if redis.HasErrorPrefix(err, "WRONGTYPE") {
			reply = refused("it is no string: %v", err)
			return nil
		}
		return err
	})
	return sealed, errors.Join(err, reply)
}

// judge decides whether an envelope may be believed, for someone who holds
// newest.
func (s *Store) judge(tenant store.Tenant, sealed []byte, newest store.Version) (store.Version, error) {
	if len(sealed) == 0 {
		if newest.Revision > 0 {
			return store.Version{}, refused("it is gone; revision %d stays in force and is put back", newest.Revision)
		}
		return store.Version{}, store.ErrNotFound
	}
	version, err := s.open(tenant, sealed)
	if err != nil {
		return store.Version{}, err
	}
	if version.Revision < newest.Revision {
		return store.Version{}, refused("it is revision %d, older than %d, which stays in force and is put back", version.Revision, newest.Revision)
	}
	return version, nil
}

// Commit implements store.Store.
func (s *Store) Commit(ctx context.Context, tenant store.Tenant, document *engine.Document, expected uint64) (uint64, error) {
	revision, err := s.commit(ctx, tenant, document, expected)
	if err != nil {
		return 0, fmt.Errorf("committing %s to redis: %w", tenant, err)
	}
	return revision, nil
}

func (s *Store) commit(ctx context.Context, tenant store.Tenant, document *engine.Document, expected uint64) (uint64, error) {
	if newest := s.newest(tenant); newest.Revision > expected {
		// What Redis has may be an older one, that must not be built on.
		s.hurry()
		return 0, fmt.Errorf("%w: expected revision %d, found %d", store.ErrConflict, expected, newest.Revision)
	}
	version, err := s.version(tenant, document, expected+1)
	if err != nil {
		return 0, err
	}
	found, err := s.run(ctx, commit, tenant, version, expected)
	if err != nil {
		return 0, err
	}
	if found >= 0 {
		s.hurry() // it has lost what is to be replaced, or says that there is a newer one
		return 0, fmt.Errorf("%w: expected revision %d, found %d", store.ErrConflict, expected, found)
	}
	s.hold(tenant, version)
	return version.Revision, nil
}

// run carries out a script that writes a version.
func (s *Store) run(ctx context.Context, script *redis.Script, tenant store.Tenant, version store.Version, more ...any) (result int64, err error) {
	arguments := append([]any{string(tenant), version.Revision, version.Sealed, rand.Text()}, more...)
	err = s.command(ctx, func(ctx context.Context) (err error) {
		result, err = script.Run(ctx, s.client, s.keys.written(tenant), arguments...).Int64()
		return err
	})
	return result, err
}

// hold takes note of a document that is good, unless a newer one is held. A doubt
// stays until the watch settles it and tells: whoever has loaded with the doubt would
// keep it otherwise.
func (s *Store) hold(tenant store.Tenant, version store.Version) {
	s.mu.Lock()
	h := s.held(tenant)
	news := version.Revision >= h.newest.Revision && len(version.Sealed) > 0
	if news {
		h.newest, h.stuck = version, ""
	}
	s.mu.Unlock()
	if news && s.disk != nil {
		s.disk.keep(tenant, version.Sealed)
	}
}

// hurry has the watch look at once.
func (s *Store) hurry() {
	select {
	case s.look <- struct{}{}:
	default:
	}
}

// Recall implements store.Keeper.
func (s *Store) Recall(tenant store.Tenant) (store.Version, error) {
	s.newest(tenant) // is watched from now on
	if s.disk == nil {
		return store.Version{}, store.ErrNotFound
	}
	sealed, err := s.disk.recall(tenant, s.options.MaxDocumentSize+longestLine)
	if err != nil {
		return store.Version{}, err
	}
	version, err := s.open(tenant, sealed)
	if err != nil {
		return store.Version{}, fmt.Errorf("%s: %w", s.disk.path(tenant), err)
	}
	return version, nil
}

// Keep implements store.Keeper.
func (s *Store) Keep(tenant store.Tenant, version store.Version) { s.hold(tenant, version) }

// Interface guards
var (
	_ store.Store  = (*Store)(nil)
	_ store.Keeper = (*Store)(nil)
)
