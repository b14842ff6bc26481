package engine

import "fmt"

// The bounds on what segments may cost. They make experiments not ready that
// lie beyond them, and never refuse a document.
const (
	// MaxSteps bounds how many bytes one decision of an experiment looks at in the
	// worst case. A condition with contains counts as stepsOfSearch.
	MaxSteps = 1 << 17
	// MaxSearched bounds, in bytes, the values of a document that trees are built
	// of. Building takes time and ten times as much memory.
	MaxSearched = 2 << 20

	stepsOfSearch = 1024
)

// Effort is what a segment costs.
type Effort struct {
	// Steps is how many bytes it takes at most to find out whether a request
	// belongs to the segment.
	Steps int
	// Beyond says that the segment's values, with those of the segments that stand
	// before it in the document, exceed MaxSearched. It is not compiled.
	Beyond bool
	// Archived is the segment's status.
	Archived bool
}

// Efforts returns what each segment of a document costs, by id.
func Efforts(document *Document) map[string]Effort {
	costs := make([]cost, len(document.Segments))
	for i := range document.Segments {
		costs[i] = costOf(&document.Segments[i])
	}
	return efforts(document.Segments, costs)
}

// cost is what a segment costs by itself: the Steps of Effort, and how many
// bytes of values trees are built of.
type cost struct{ steps, searched int }

// efforts adds up. The segments that come first keep their place: a new one, or
// one that grows, must not stop an experiment that does not use it, unless it
// stands before.
func efforts(segments []Segment, costs []cost) map[string]Effort {
	out := make(map[string]Effort, len(segments))
	total := 0
	for i := range segments {
		e := Effort{Steps: costs[i].steps, Beyond: costs[i].searched > MaxSearched-total, Archived: segments[i].Status == SegmentArchived}
		if !e.Beyond {
			total += costs[i].searched
		}
		out[segments[i].ID] = e
	}
	return out
}

func costOf(s *Segment) cost {
	var c cost
	for _, r := range s.Rules {
		c.steps++
		for _, e := range r.Match {
			c.add(e)
		}
		for _, e := range r.NotMatch {
			c.add(e)
		}
	}
	return c
}

func (c *cost) add(e Expression) {
	total, longest := 0, 0
	for _, v := range e.Values {
		total += len(v)
		longest = max(longest, len(v))
	}
	switch {
	case e.Operator == Exists:
		c.steps++
	case e.Operator == Contains:
		c.steps += stepsOfSearch
		c.searched += total
	case len(e.Values) <= comparedUpTo:
		c.steps += len(e.Values) + total
	case e.Operator == OneOf:
		c.steps += 1 + longest
	default:
		c.steps += 1 + longest
		c.searched += total
	}
}

// tooExpensive says why an experiment of the segment strategy is beyond the
// bounds; empty if it is not.
func tooExpensive(e *Experiment, efforts map[string]Effort) string {
	steps := 0
	for _, a := range e.Allocations {
		if a.SegmentID == "" {
			continue
		}
		effort := efforts[a.SegmentID]
		if effort.Beyond {
			return fmt.Sprintf("the document's values of contains, starts_with and ends_with up to segment %s have more than %d bytes; "+
				"use fewer or shorter ones, or compare with whole values", a.SegmentID, MaxSearched)
		}
		steps += 1 + effort.Steps
	}
	if steps > MaxSteps {
		return fmt.Sprintf("its segments could have to look at %d bytes to decide one request, of at most %d; "+
			"use fewer rules, above all with contains, whose values may be many", steps, MaxSteps)
	}
	return ""
}
