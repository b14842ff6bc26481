package postgres

import (
	"math/big"

	"github.com/caddy-experiments/caddy-experiments/results"
	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// rawCell is a cell as the database gives it.
type rawCell struct {
	events.Cell
	outcomes      int64
	units, events int64
	texts         []*string // of the sums
	// sums are by the names of results.Totals.
	sums map[string]*big.Float
}

// targets are where the columns of measured.added go.
func (c *rawCell) targets(m *measured) []any {
	targets := []any{&c.Outcomes, &c.outcomes, &c.First, &c.Last, &c.units, &c.events}
	c.texts = make([]*string, len(pairs(m.numbers()))*m.width())
	for i := range c.texts {
		targets = append(targets, &c.texts[i])
	}
	return targets
}

// read reads the sums.
func (c *rawCell) read(m *measured) error {
	c.sums = map[string]*big.Float{}
	for i, pair := range pairs(m.numbers()) {
		sum, err := m.sum(c.texts[i*m.width():], len(pair))
		if err != nil {
			return err
		}
		c.sums[pair] = sum
	}
	return nil
}

func (c *rawCell) cell() (events.Cell, error) {
	c.Outside = c.outcomes - c.Outcomes
	t := results.Totals{Units: c.units, Events: c.events}
	fields := map[string]*float64{
		"y": &t.Y, "d": &t.D, "x": &t.X, "e": &t.E, "yy": &t.YY, "dd": &t.DD, "xx": &t.XX, "ee": &t.EE,
		"yd": &t.YD, "yx": &t.YX, "ye": &t.YE, "dx": &t.DX, "de": &t.DE, "xe": &t.XE,
	}
	for name, sum := range c.sums {
		*fields[name], _ = sum.Float64()
	}
	var err error
	c.Sums, err = t.Sums()
	return c.Cell, err
}

// grow adds what a day brought.
func (c *rawCell) grow(day *grown) {
	if day.Outcomes > 0 {
		if c.Outcomes == 0 || day.First < c.First {
			c.First = day.First
		}
		if c.Outcomes == 0 || day.Last > c.Last {
			c.Last = day.Last
		}
	}
	c.Outcomes += day.Outcomes
	c.outcomes += day.outcomes
	c.units += day.units
	c.events += day.events
	for name, sum := range day.sums {
		if c.sums[name] == nil {
			c.sums[name] = new(big.Float).SetPrec(precision)
		}
		c.sums[name].Add(c.sums[name], sum)
	}
}
