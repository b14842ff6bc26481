package management

import (
	"time"

	"github.com/caddy-experiments/caddy-experiments/store"
)

// Event is one write that has been committed.
type Event struct {
	// Token is the name of the token that was shown.
	Token  string       `json:"token"`
	Tenant store.Tenant `json:"tenant"`
	// Operation is what was done, as the API's description names it:
	// create_feature_flag for instance.
	Operation string `json:"operation"`
	EntityID  string `json:"entity_id"`
	// Removed are the ids of further entities that went with a deleted one.
	Removed        []string  `json:"removed,omitempty"`
	RevisionBefore uint64    `json:"revision_before"`
	RevisionAfter  uint64    `json:"revision_after"`
	Time           time.Time `json:"time"`
	ClientAddress  string    `json:"client_address,omitempty"`
	// Comment is why the client says that it was done.
	Comment string `json:"comment,omitempty"`
}
