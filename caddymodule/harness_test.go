package caddymodule

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/geo"
	"github.com/caddy-experiments/caddy-experiments/store"
)

// halves is a document with one active experiment that halves the devices.
const halves = `{
	"feature_flags": [{"id": "flg_Screen", "name": "screen", "status": "active",
		"parameters": {"headline": {"type": "string", "value": "Sign in"}, "passkey": {"type": "boolean", "value": false}},
		"variations": [{"id": "var_Base", "name": "base", "overrides": {}}, {"id": "var_Passkey", "name": "passkey", "overrides": {"passkey": {"value": true}}}]}],
	"segments": [],
	"experiments": [{"id": "exp_Sp1it", "name": "split", "feature_flag_id": "flg_Screen", "allocation_strategy": "percentage", "status": "active",
		"allocations": [{"variation_id": "var_Base", "weight": 50, "is_control": true}, {"variation_id": "var_Passkey", "weight": 50, "is_control": false}]}]
}`

// memory is a store of one document in memory.
type memory struct {
	store.Store
	mu      sync.Mutex
	version store.Version
}

func (m *memory) Load(context.Context, store.Tenant) (store.Version, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.version, nil
}

func (m *memory) Watch(ctx context.Context, w store.Watcher) {
	var last uint64
	for ctx.Err() == nil {
		version, _ := m.Load(ctx, store.DefaultTenant)
		if version.Revision != last {
			last = version.Revision
			w.Changed(store.DefaultTenant)
		}
		w.Reached()
		time.Sleep(100 * time.Microsecond)
	}
}

// put makes a document the newest.
func (m *memory) put(document string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.version = store.Version{Text: []byte(document), Revision: m.version.Revision + 1}
}

// site is a handler without a server around it.
type site struct {
	*Handler
	store *memory
	live  *store.Live
	log   *lockedBuffer
}

func newSite(t testing.TB, document string) *site {
	t.Helper()
	s := &site{store: &memory{}, log: &lockedBuffer{}}
	s.store.put(document)
	s.live = store.NewLive(s.store, engine.Settings{}, func(e store.Event) {
		if e.Err != nil {
			t.Error(e.Err)
		}
	})
	database, err := geo.Open("../geo/testdata/demo.mmdb")
	if err != nil {
		t.Fatal(err)
	}
	logger := zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(s.log), zap.InfoLevel))
	app := &App{
		logger: logger, keys: ring([]string{fuzzKey}), detector: devices, journal: newJournal(),
		locations: &locations{Database: database}, HeaderBudget: engine.DefaultHeaderBudget,
	}
	app.journal.start()
	t.Cleanup(func() { close(app.journal.stop) })
	s.Handler = &Handler{app: app, logger: logger}
	s.setDefaults()
	s.shield = newShield(s.Header)
	s.tenant = newTenant(s.live.Feed(context.Background(), store.DefaultTenant))
	s.warner = &warner{logger: logger, journal: app.journal, tenant: s.Tenant}
	s.authorizePaths = map[string]bool{"/authorize": true}
	return s
}

// ask takes a request through the handler as Caddy would, and gives what the
// next handler receives and the browser is told.
func (s *site) ask(r *http.Request) (forwarded *http.Request, answer *httptest.ResponseRecorder, err error) {
	answer = httptest.NewRecorder()
	r = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), answer, &caddyhttp.Server{})
	err = s.ServeHTTP(answer, r, caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		forwarded = r
		return nil
	}))
	return forwarded, answer, err
}

// lockedBuffer is a log that can be read while it is written.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
