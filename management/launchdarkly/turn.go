package launchdarkly

import (
	"context"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/results/pace"
)

// asked is what results depend on besides the events. While a document is in use
// there is one of it.
type asked struct {
	document *engine.Document
	path     string
	query    string
}

// inTurn answers as a handler does, which costs much, in turn with others who
// ask. Those who ask for the same are answered once.
func inTurn(handle func(*request) (any, error)) func(*request) (any, error) {
	return func(q *request) (any, error) {
		document, err := q.session.Read()
		if err != nil {
			return nil, err
		}
		text, err := q.session.Answer(asked{document, q.URL.Path, q.URL.RawQuery}, func(ctx context.Context, session Session, now time.Time) ([]byte, error) {
			later := *q
			later.Request, later.session, later.writer, later.now = q.WithContext(ctx), session, nil, now
			body, err := handle(&later)
			if err != nil {
				return nil, err
			}
			turn, err := pace.Begin(ctx)
			if err != nil {
				return nil, err
			}
			defer turn.End()
			return encode(body), nil
		})
		if err != nil {
			return nil, err
		}
		return encoded(text), nil
	}
}
