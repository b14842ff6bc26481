package postgres

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// parts gives a batch as rows.
func (l *Log) parts(tenant string, batch *events.Batch) ([]*part, error) {
	tenant = stored(tenant)
	outcomes, err := l.outcomes(tenant, batch.Outcomes)
	if err != nil {
		return nil, err
	}
	splits, err := l.splits(tenant, batch.Splits)
	if err != nil {
		return nil, err
	}
	parts := []*part{l.exposures(tenant, batch.Exposures), outcomes, splits}
	for _, p := range parts {
		p.sort()
	}
	return parts, nil
}

func (l *Log) exposures(tenant string, exposures []events.Exposure) *part {
	p := &part{
		table: l.tables.exposures, name: "exposures", keys: 9,
		columns: []string{
			"tenant", "experiment", "iteration", "unit", "t", "variation", "id", "bot", "forced",
			"alias", "weights_version", "device_type", "browser", "country", "region", "source", "segment",
		},
		smaller: `(excluded.weights_version, excluded.device_type, excluded.browser, excluded.country,
			excluded.region, excluded.source, excluded.segment)
			< (held.weights_version, held.device_type, held.browser, held.country, held.region, held.source, held.segment)`,
	}
	for i := range exposures {
		e := &exposures[i]
		var alias string
		if _, ok := events.UnitOf(e.ID); !ok {
			alias = e.ID
		}
		p.rows = append(p.rows, []any{
			tenant, stored(e.Experiment), stored(e.Iteration), stored(e.Unit), int64(e.Time), stored(e.Variation),
			stored(e.ID), bit(e.Bot), bit(e.Source == events.SourceOverride),
			stored(alias), stored(e.WeightsVersion), stored(e.DeviceType), stored(e.Browser), stored(e.Country),
			stored(e.Region), stored(e.Source), stored(e.Segment),
		})
	}
	return p
}

func bit(b bool) int16 {
	if b {
		return 1
	}
	return 0
}

func (l *Log) outcomes(tenant string, outcomes []events.Outcome) (*part, error) {
	p := &part{
		table: l.tables.outcomes, name: "outcomes", keys: 7,
		columns: []string{"tenant", "event", "unit", "id", "t", "alias", "user_id", "value"},
		smaller: "excluded.value < held.value OR held.value IS NULL AND excluded.value IS NOT NULL",
	}
	for i := range outcomes {
		o := &outcomes[i]
		unit, alias := o.Unit, ""
		if unit == "" {
			var ok bool
			if unit, ok = events.UnitOf(o.ExposureID); !ok {
				unit, alias = "", o.ExposureID
			}
		}
		var value any
		if o.Value != nil {
			if math.IsNaN(*o.Value) || math.IsInf(*o.Value, 0) {
				return nil, fmt.Errorf("outcome %q: the value %v is not finite", o.ID, *o.Value)
			}
			value = *o.Value
		}
		p.rows = append(p.rows, []any{
			tenant, stored(o.Event), stored(unit), stored(o.ID), int64(o.Time), stored(alias), stored(o.UserID), value,
		})
	}
	return p, nil
}

func (l *Log) splits(tenant string, splits []events.Split) (*part, error) {
	p := &part{
		table: l.tables.splits, name: "splits", keys: 4,
		columns: []string{"tenant", "experiment", "iteration", "weights_version", "weights"},
		smaller: "excluded.weights < held.weights",
	}
	for _, s := range splits {
		weights, err := json.Marshal(s.Weights)
		if err != nil {
			return nil, fmt.Errorf("weights version %q: %w", s.WeightsVersion, err)
		}
		p.rows = append(p.rows, []any{
			tenant, stored(s.Experiment), stored(s.Iteration), stored(s.WeightsVersion), stored(string(weights)),
		})
	}
	return p, nil
}

// sort sorts the rows and leaves the first of those with one key. That is the
// one that stays, too: data is ordered as in the database.
func (p *part) sort() {
	slices.SortFunc(p.rows, func(a, b []any) int { return compare(a, b) })
	p.rows = slices.CompactFunc(p.rows, func(a, b []any) bool { return compare(a[:p.keys], b[:p.keys]) == 0 })
}

// compare compares rows of one table by their columns. Nothing goes after
// everything.
func compare(a, b []any) int {
	for i := range a {
		var c int
		switch x := a[i].(type) {
		case string:
			c = cmp.Compare(x, b[i].(string))
		case int64:
			c = cmp.Compare(x, b[i].(int64))
		case int16:
			c = cmp.Compare(x, b[i].(int16))
		case float64:
			y, ok := b[i].(float64)
			if c = cmp.Compare(x, y); !ok {
				c = -1
			}
		default:
			if b[i] != nil {
				c = 1
			}
		}
		if c != 0 {
			return c
		}
	}
	return 0
}
