package management

import (
	"net/http"
	"slices"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// segmentView is a segment as the API shows it.
type segmentView struct {
	ID          string               `json:"id"`
	Name        string               `json:"name"`
	Description string               `json:"description,omitempty"`
	Type        engine.EntityType    `json:"type"`
	Status      engine.SegmentStatus `json:"status"`
	Rules       []engine.Rule        `json:"rules"`
	CreatedAt   time.Time            `json:"created_at"`
	UpdatedAt   time.Time            `json:"updated_at"`
}

func viewSegment(s *engine.Segment) segmentView {
	view := segmentView{
		ID: s.ID, Name: s.Name, Description: s.Description, Type: s.Type, Status: s.Status, Rules: s.Rules,
		CreatedAt: moment(s.CreatedAt), UpdatedAt: moment(s.UpdatedAt),
	}
	setDefault(&view.Type, engine.TypeSelf)
	setDefault(&view.Status, engine.SegmentActive)
	return view
}

func listSegments(c *call) (answer, *refusal) {
	values, problem := c.query("from", "take", "type")
	if problem != nil {
		return answer{}, problem
	}
	kind, problem := choice(values, "type", engine.TypeAuth0, engine.TypeSelf)
	if problem != nil {
		return answer{}, problem
	}
	document, problem := c.read()
	if problem != nil {
		return answer{}, problem
	}
	segments, next, problem := page(values, document.Segments,
		func(s *engine.Segment) position { return placed(s.CreatedAt, s.ID) },
		func(s *engine.Segment) bool { return kind == "" || viewSegment(s).Type == kind })
	if problem != nil {
		return answer{}, problem
	}
	list := struct {
		Segments []segmentView `json:"segments"`
		Next     string        `json:"next,omitempty"`
	}{make([]segmentView, 0, len(segments)), next}
	for _, s := range segments {
		list.Segments = append(list.Segments, viewSegment(s))
	}
	return answer{status: http.StatusOK, body: list}, nil
}

func getSegment(c *call) (answer, *refusal) {
	document, problem := c.read()
	if problem != nil {
		return answer{}, problem
	}
	i, problem := findSegment(document, c.id())
	if problem != nil {
		return answer{}, problem
	}
	return entity(http.StatusOK, viewSegment(&document.Segments[i])), nil
}

func createSegment(c *call) (answer, *refusal) {
	body, problem := decoded(c, func(text []byte) (engine.SegmentBody, error) {
		return engine.DecodeSegmentBody(text, engine.Create)
	})
	if problem != nil {
		return answer{}, problem
	}
	id := newID(engine.SegmentPrefix)
	return c.change(func(document *engine.Document) (changed, *refusal) {
		if segmentNameTaken(document, *body.Name, "") {
			return changed{}, failed(CodeSegmentNameTaken, "")
		}
		made := engine.Segment{
			ID: id, Name: *body.Name, Description: optional(body.Description), Type: engine.TypeSelf, Rules: body.Rules,
			CreatedAt: c.stamp(), UpdatedAt: c.stamp(),
		}
		document.Segments = append(document.Segments, made)
		return changed{answer: entity(http.StatusCreated, viewSegment(&made)), id: id}, nil
	})
}

// updateSegment makes the edits first and then the transition, in one write.
func updateSegment(c *call) (answer, *refusal) {
	body, problem := decoded(c, func(text []byte) (engine.SegmentBody, error) {
		return engine.DecodeSegmentBody(text, engine.Patch)
	})
	if problem != nil {
		return answer{}, problem
	}
	return c.change(func(document *engine.Document) (changed, *refusal) {
		i, problem := c.ownSegment(document)
		if problem != nil {
			return changed{}, problem
		}
		s := &document.Segments[i]
		if body.Name != nil {
			if segmentNameTaken(document, *body.Name, s.ID) {
				return changed{}, failed(CodeSegmentNameTaken, "")
			}
			s.Name = *body.Name
		}
		if body.Description != nil {
			s.Description = *body.Description
		}
		if body.Rules != nil {
			s.Rules = body.Rules
		}
		if body.Status != "" && body.Status == viewSegment(s).Status && body.OnlyStatus() {
			return changed{answer: entity(http.StatusOK, viewSegment(s)), nothing: true}, nil
		}
		if problem := moveSegment(document, s, body.Status); problem != nil {
			return changed{}, problem
		}
		s.UpdatedAt = c.stamp()
		return changed{answer: entity(http.StatusOK, viewSegment(s)), id: s.ID}, nil
	})
}

// moveSegment archives a segment that no experiment which is not archived is targeted
// at. An archived one stays so. An empty status changes nothing.
func moveSegment(document *engine.Document, s *engine.Segment, status engine.SegmentStatus) *refusal {
	now := viewSegment(s).Status
	switch {
	case status == "" || status == now:
		return nil
	case status == engine.SegmentActive:
		return failed(CodeSegmentTransition, "Status transition is not allowed: %s to %s.", now, status)
	}
	for i := range document.Experiments {
		e := &document.Experiments[i]
		targeted := slices.ContainsFunc(e.Allocations, func(a engine.Allocation) bool { return a.SegmentID == s.ID })
		if targeted && e.Status != engine.ExperimentArchived {
			return failed(CodeSegmentInUse, "")
		}
	}
	s.Status = status
	return nil
}

// deleteSegment deletes a segment that no experiment which is not archived is
// targeted at. The allocations of archived ones lose it.
func deleteSegment(c *call) (answer, *refusal) {
	return c.change(func(document *engine.Document) (changed, *refusal) {
		if _, problem := findSegment(document, c.id()); problem != nil {
			return changed{answer: noContent, nothing: true}, nil
		}
		i, problem := c.ownSegment(document)
		if problem != nil {
			return changed{}, problem
		}
		id := document.Segments[i].ID
		for j := range document.Experiments {
			e := &document.Experiments[j]
			for k := range e.Allocations {
				if e.Allocations[k].SegmentID != id {
					continue
				}
				if e.Status != engine.ExperimentArchived {
					return changed{}, failed(CodeSegmentInUse, "")
				}
				e.Allocations[k].SegmentID = ""
			}
		}
		document.Segments = slices.Delete(document.Segments, i, i+1)
		return changed{answer: noContent, id: id}, nil
	})
}

func findSegment(document *engine.Document, id string) (int, *refusal) {
	i := slices.IndexFunc(document.Segments, func(s engine.Segment) bool { return s.ID == id })
	if i < 0 {
		return 0, failed(CodeSegmentNotFound, "")
	}
	return i, nil
}

// ownSegment gives the segment that the call wants to change, if it may.
func (c *call) ownSegment(document *engine.Document) (int, *refusal) {
	i, problem := findSegment(document, c.id())
	if problem != nil {
		return 0, problem
	}
	s := &document.Segments[i]
	if s.Type == engine.TypeAuth0 {
		return 0, failed(CodeSegmentNotModifiable, "")
	}
	return i, c.expected(viewSegment(s))
}

func segmentNameTaken(document *engine.Document, name, except string) bool {
	return slices.ContainsFunc(document.Segments, func(s engine.Segment) bool { return s.Name == name && s.ID != except })
}
