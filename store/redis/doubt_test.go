package redis

import (
	"errors"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/store"
)

// TestDoubtIsTakenBack keeps a document that was loaded with a doubt, as a feed does
// after loading it. When the doubt is settled the feed is told, or it would never
// load without it.
func TestDoubtIsTakenBack(t *testing.T) {
	const tenant store.Tenant = "default/production"
	s, err := New(Options{Addresses: []string{"127.0.0.1:1"}, Sealer: checksum{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	told := 0
	w := &watch{Store: s, Watcher: store.Watcher{Changed: func(store.Tenant) { told++ }}, leads: map[store.Tenant]lead{}}
	w.doubt(tenant, errors.New("the head is no number"))
	s.Keep(tenant, store.Version{Revision: 2, Sealed: []byte("sealed")})
	if told != 1 || s.doubted(tenant) == nil {
		t.Errorf("told %d times, the doubt is %v", told, s.doubted(tenant))
	}
	w.settle(tenant)
	if told != 2 || s.doubted(tenant) != nil {
		t.Errorf("told %d times after it was settled, the doubt is %v", told, s.doubted(tenant))
	}
}
