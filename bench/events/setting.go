package main

import (
	"fmt"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

const (
	tenant     = "default/production"
	experiment = "exp_Signup"
)

var variations = [...]string{"var_Base", "var_Passkey"}

// setting is the experiment that events are of. It halves, and began so long ago
// that all of them fit in.
type setting struct {
	text     []byte
	document *engine.Document
	version  string // of the weights
	begin    time.Time
}

// days is how long the experiment has run.
const days = 14

func newSetting() (*setting, error) {
	s := &setting{begin: time.Now().Add(-(days + 2) * 24 * time.Hour).Truncate(24 * time.Hour)}
	s.text = fmt.Appendf(nil, `{"feature_flags":[{"id":"flg_Signup","name":"signup","status":"active",
		"parameters":{"passkey":{"type":"boolean","value":false}},
		"variations":[{"id":"%s","name":"as it is","overrides":{}},{"id":"%s","name":"passkey first","overrides":{"passkey":{"value":true}}}]}],
		"segments":[],
		"experiments":[{"id":"%s","name":"signup","feature_flag_id":"flg_Signup","allocation_strategy":"percentage","status":"active","started_at":"%s",
		"allocations":[{"variation_id":"%[1]s","weight":50,"is_control":true},{"variation_id":"%[2]s","weight":50,"is_control":false}]}]}`,
		variations[0], variations[1], experiment, s.begin.UTC().Format(time.RFC3339))
	var err error
	if s.document, err = engine.Decode(s.text); err != nil {
		return nil, fmt.Errorf("the experiment: %w", err)
	}
	s.version = engine.WeightsVersion(s.document.Experiments[0].Division())
	return s, nil
}
