package stored

import (
	"encoding/json"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// Encoded gives a document's text, if an edge would take it.
func Encoded(document *engine.Document) ([]byte, error) {
	text, err := json.Marshal(document)
	if err == nil {
		_, err = engine.Decode(text)
	}
	return text, err
}
