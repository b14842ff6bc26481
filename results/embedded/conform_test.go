package embedded

import (
	"testing"

	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/events/eventstest"
)

// reopened is a log that can be opened again.
type reopened struct{ *Log }

func (r reopened) Reopen(t *testing.T) events.Log {
	t.Helper()
	if err := r.Close(); err != nil {
		t.Errorf("closing: %v", err)
	}
	return reopened{opened(t, r.dir)}
}

func opened(t testing.TB, dir string) *Log {
	t.Helper()
	l, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestConform(t *testing.T) {
	eventstest.Conform(t, 0, func(t *testing.T) events.Log { return reopened{opened(t, t.TempDir())} })
}
