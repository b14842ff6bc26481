package eventstest

import (
	"encoding/json"
	"fmt"
	"math"

	"github.com/caddy-experiments/caddy-experiments/results"
	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// Difference says how an answer differs from the one that is wanted; it is empty
// if it does not. Sums may differ by the tolerance, relative to what was added
// up; 0 is to the bit. Lists without elements are equal, be they nil or not.
func Difference(got, want *events.Answer, tolerance float64) string {
	got, want = normal(got), normal(want)
	if tolerance > 0 {
		if d := (&comparison{tolerance: tolerance}).answers(got, want); d != "" {
			return d
		}
	}
	if a, b := text(got), text(want); a != b {
		return differ(a, b)
	}
	return ""
}

// differ shows where two texts begin to differ.
func differ(got, want string) string {
	i := 0
	for i < min(len(got), len(want)) && got[i] == want[i] {
		i++
	}
	part := func(s string) string { return s[max(0, min(i, len(s))-400):min(len(s), i+200)] }
	return fmt.Sprintf("the answer has\n...%s...\nwant\n...%s...", part(got), part(want))
}

// normal copies an answer, in one form.
func normal(a *events.Answer) *events.Answer {
	var copied events.Answer
	if err := json.Unmarshal([]byte(text(a)), &copied); err != nil {
		panic(fmt.Sprintf("decoding an answer: %v", err))
	}
	copied.Groups = normalGroups(copied.Groups)
	copied.Slices, copied.Days = list(copied.Slices), list(copied.Days)
	copied.Splits, copied.Caps, copied.Apart = list(copied.Splits), list(copied.Caps), list(copied.Apart)
	copied.CrossedFirst = list(copied.CrossedFirst)
	for i := range copied.Slices {
		copied.Slices[i].Groups = normalGroups(copied.Slices[i].Groups)
	}
	for _, d := range copied.Days {
		for i := range d.Groups {
			d.Groups[i].Growths = list(d.Groups[i].Growths)
		}
	}
	return &copied
}

func normalGroups(groups []events.Group) []events.Group {
	for i := range groups {
		g := &groups[i]
		g.Cells, g.Funnels = list(g.Cells), list(g.Funnels)
		for k := range g.Funnels {
			reached := g.Funnels[k].Reached
			for len(reached) > 0 && reached[len(reached)-1] == 0 {
				reached = reached[:len(reached)-1]
			}
			g.Funnels[k].Reached = list(reached)
		}
	}
	return list(groups)
}

func list[T any](l []T) []T {
	if len(l) == 0 {
		return nil
	}
	return l
}

// comparison compares sums and takes those that are near enough out of both
// sides.
type comparison struct {
	tolerance float64
	// difference is the first that was found.
	difference string
}

func (c *comparison) answers(got, want *events.Answer) string {
	if len(got.Groups) != len(want.Groups) || len(got.Slices) != len(want.Slices) ||
		len(got.Days) != len(want.Days) || len(got.Caps) != len(want.Caps) {
		return "" // what is left to compare says so
	}
	c.groups(got.Groups, want.Groups)
	for i := range got.Slices {
		c.groups(got.Slices[i].Groups, want.Slices[i].Groups)
	}
	for i, limit := range got.Caps {
		if limit != nil && want.Caps[i] != nil {
			c.number("a cap", limit, want.Caps[i], 0)
		}
	}
	c.days(got.Days, want.Days)
	return c.difference
}

func (c *comparison) groups(got, want []events.Group) {
	for i := range min(len(got), len(want)) {
		for k := range min(len(got[i].Cells), len(want[i].Cells)) {
			c.sums(&got[i].Cells[k].Sums, &want[i].Cells[k].Sums)
		}
	}
}

func (c *comparison) sums(got, want *results.Sums) {
	a, b := got.Totals(), want.Totals()
	n := float64(b.Units)
	firsts := []struct{ a, b, square *float64 }{{&a.Y, &b.Y, &b.YY}, {&a.D, &b.D, &b.DD}, {&a.X, &b.X, &b.XX}, {&a.E, &b.E, &b.EE}}
	products := []struct{ a, b, left, right *float64 }{
		{&a.YD, &b.YD, &b.YY, &b.DD}, {&a.YX, &b.YX, &b.YY, &b.XX}, {&a.DX, &b.DX, &b.DD, &b.XX},
		{&a.YE, &b.YE, &b.YY, &b.EE}, {&a.DE, &b.DE, &b.DD, &b.EE}, {&a.XE, &b.XE, &b.XX, &b.EE},
	}
	for _, s := range firsts {
		c.number("a sum", s.a, s.b, math.Sqrt(n**s.square))
	}
	for _, s := range products {
		c.number("a sum of products", s.a, s.b, math.Sqrt(*s.left**s.right))
	}
	squares := []struct{ a, b *float64 }{{&a.YY, &b.YY}, {&a.DD, &b.DD}, {&a.XX, &b.XX}, {&a.EE, &b.EE}}
	for _, s := range squares {
		c.number("a sum of squares", s.a, s.b, 0)
	}
	*got, *want = results.Sums{Units: got.Units, Events: got.Events}, results.Sums{Units: want.Units, Events: want.Events}
}

func (c *comparison) days(got, want []events.Day) {
	var largest results.Total // of all growths, as a measure of what cancels
	for _, d := range want {
		for _, g := range d.Groups {
			for _, growth := range g.Growths {
				if growth != nil {
					largest.Add(math.Abs(growth.YY.Float64()) + math.Abs(growth.DD.Float64()))
				}
			}
		}
	}
	square := largest.Float64()
	for i := range got {
		for k := range min(len(got[i].Groups), len(want[i].Groups)) {
			a, b := got[i].Groups[k].Growths, want[i].Groups[k].Growths
			for m := range min(len(a), len(b)) {
				if a[m] != nil && b[m] != nil {
					c.growth(a[m], b[m], square)
				}
			}
		}
	}
}

func (c *comparison) growth(got, want *events.Growth, square float64) {
	line := math.Sqrt(square) * 100 // units' values add up linearly
	for _, s := range []struct {
		a, b  *results.Total
		scale float64
	}{
		{&got.Y, &want.Y, line}, {&got.D, &want.D, line},
		{&got.YY, &want.YY, square}, {&got.DD, &want.DD, square}, {&got.YD, &want.YD, square},
	} {
		a, b := s.a.Float64(), s.b.Float64()
		c.number("a growth", &a, &b, s.scale)
		*s.a, *s.b = results.Total{}, results.Total{}
	}
}

// number compares two numbers and makes them equal.
func (c *comparison) number(what string, got, want *float64, scale float64) {
	scale = max(scale, math.Abs(*got), math.Abs(*want))
	if !(math.Abs(*got-*want) <= c.tolerance*scale) && c.difference == "" {
		c.difference = fmt.Sprintf("%s is %v, want %v", what, *got, *want)
	}
	*got = *want
}
