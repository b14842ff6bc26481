package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// exported bounds the records of a batch.
const exported = 5000

// Export implements events.Log. Outcomes name their unit where their exposure's
// id does.
func (l *Log) Export(ctx context.Context, tenant string, yield func(*events.Batch) error) error {
	parts, err := l.parts(tenant, &events.Batch{})
	if err != nil {
		return fmt.Errorf("exporting events: %w", err)
	}
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	var refused error
	err = pgx.BeginTxFunc(ctx, l.pool, options, func(tx pgx.Tx) error {
		for i, p := range parts {
			read := []reader{readExposure, readOutcome, readSplit}[i]
			if err := p.export(ctx, tx, stored(tenant), read, func(b *events.Batch) error {
				refused = yield(b)
				return refused
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if refused != nil {
		return refused
	}
	if err != nil {
		return fmt.Errorf("exporting events: %w", l.explain(ctx, err))
	}
	return nil
}

// reader adds a row to a batch.
type reader func(pgx.Rows, *events.Batch) error

// export reads the rows page by page, in the order of the key: each page begins
// after the last row of the one before.
func (p *part) export(ctx context.Context, tx pgx.Tx, tenant string, read reader, yield func(*events.Batch) error) error {
	after := []any{}
	for {
		statement := fmt.Sprintf("SELECT %s FROM %s WHERE tenant = $1", strings.Join(p.columns, ", "), p.table)
		if len(after) > 0 {
			statement += fmt.Sprintf(" AND (%s) > (%s)", strings.Join(p.columns[1:p.keys], ", "), placeholders(2, p.keys))
		}
		statement += fmt.Sprintf(" ORDER BY %s LIMIT %d", strings.Join(p.columns[:p.keys], ", "), exported)
		rows, err := tx.Query(ctx, statement, append([]any{tenant}, after...)...)
		if err != nil {
			return err
		}
		var batch events.Batch
		var last []any
		for rows.Next() {
			if err := read(rows, &batch); err != nil {
				rows.Close()
				return err
			}
			if batch.Len() == exported {
				if last, err = rows.Values(); err != nil {
					rows.Close()
					return err
				}
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
		if batch.Len() > 0 {
			if err := yield(&batch); err != nil {
				return err
			}
		}
		if batch.Len() < exported {
			return nil
		}
		after = last[1:p.keys]
	}
}

func placeholders(from, to int) string {
	var all []string
	for i := from; i <= to; i++ {
		all = append(all, fmt.Sprintf("$%d", i))
	}
	return strings.Join(all, ", ")
}

func readExposure(rows pgx.Rows, b *events.Batch) error {
	var e events.Exposure
	var bot, forced int16
	var alias string
	err := rows.Scan(nil, &e.Experiment, &e.Iteration, &e.Unit, &e.Time, &e.Variation, &e.ID, &bot, &forced,
		&alias, &e.WeightsVersion, &e.DeviceType, &e.Browser, &e.Country, &e.Region, &e.Source, &e.Segment)
	e.Bot = bot != 0
	for _, text := range []*string{
		&e.Experiment, &e.Iteration, &e.Unit, &e.Variation, &e.ID, &e.WeightsVersion,
		&e.DeviceType, &e.Browser, &e.Country, &e.Region, &e.Source, &e.Segment,
	} {
		*text = plain(*text)
	}
	b.Exposures = append(b.Exposures, e)
	return err
}

func readOutcome(rows pgx.Rows, b *events.Batch) error {
	var o events.Outcome
	err := rows.Scan(nil, &o.Event, &o.Unit, &o.ID, &o.Time, &o.ExposureID, &o.UserID, &o.Value)
	for _, text := range []*string{&o.Event, &o.Unit, &o.ID, &o.ExposureID, &o.UserID} {
		*text = plain(*text)
	}
	b.Outcomes = append(b.Outcomes, o)
	return err
}

func readSplit(rows pgx.Rows, b *events.Batch) error {
	var s events.Split
	var weights string
	if err := rows.Scan(nil, &s.Experiment, &s.Iteration, &s.WeightsVersion, &weights); err != nil {
		return err
	}
	for _, text := range []*string{&s.Experiment, &s.Iteration, &s.WeightsVersion} {
		*text = plain(*text)
	}
	b.Splits = append(b.Splits, s)
	return json.Unmarshal([]byte(plain(weights)), &b.Splits[len(b.Splits)-1].Weights)
}
