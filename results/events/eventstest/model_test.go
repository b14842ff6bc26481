package eventstest

import (
	"testing"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

func TestModelConforms(t *testing.T) {
	Conform(t, 0, func(*testing.T) events.Log { return NewModel() })
}
