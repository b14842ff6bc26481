package launchdarkly

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// What a JSON patch may have at most.
const (
	maxOperations = 100
	maxSteps      = 20
	// maxNodes bounds what copying makes of a document.
	maxNodes = 10_000
)

// jsonOperation is one of a JSON patch (RFC 6902).
type jsonOperation struct {
	at         string // where it stands in the body
	op         string
	path, from []string
	value      any
}

// readJSONPatch reads a patch: a list of operations, or an object with the list and
// a comment on it, as LaunchDarkly has it.
func (q *request) readJSONPatch() ([]jsonOperation, error) {
	value, err := q.body()
	if err != nil {
		return nil, err
	}
	list := entry{new(*Error), "patch", value}
	if members, ok := value.(map[string]any); ok {
		o := newObject(list.fault, "", members)
		q.comment = o.optionalText("comment", longestText)
		list, _ = o.need("patch")
		o.complete()
	}
	if _, ok := list.value.([]any); !ok {
		list.refuse("must be a JSON patch, a list of operations")
	}
	var out []jsonOperation
	for _, item := range list.items(maxOperations) {
		out = append(out, readJSONOperation(item.object()))
	}
	if *list.fault != nil {
		return nil, *list.fault
	}
	return out, nil
}

// readJSONOperation reads an operation. Members that it does not need are ignored, as
// the RFC has it.
func readJSONOperation(o object) jsonOperation {
	out := jsonOperation{at: o.at}
	if e, there := o.need("op"); there {
		out.op = e.word("add", "remove", "replace", "move", "copy", "test")
	}
	if e, there := o.need("path"); there {
		out.path = e.pointer()
	}
	switch out.op {
	case "move", "copy":
		if e, there := o.need("from"); there {
			out.from = e.pointer()
		}
	case "add", "replace", "test":
		value, there := o.members["value"] // which may be null
		if !there {
			o.need("value")
		}
		out.value = value
	}
	return out
}

// pointer reads a JSON pointer (RFC 6901).
func (e entry) pointer() []string {
	text := e.text(longestText)
	if text == "" {
		return nil
	}
	if text[0] != '/' {
		e.refuse("must be empty or begin with a slash")
		return nil
	}
	steps := strings.Split(text[1:], "/")
	if len(steps) > maxSteps {
		e.refuse("must have at most %d steps", maxSteps)
		return nil
	}
	for i, step := range steps {
		for at, c := range step {
			if c == '~' && !strings.HasPrefix(step[at:], "~0") && !strings.HasPrefix(step[at:], "~1") {
				e.refuse("must have 0 or 1 after every ~")
				return nil
			}
		}
		steps[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
	}
	return steps
}

// The faults of a pointer.
var (
	errMissing = errors.New("there is nothing at this path")
	errIndex   = errors.New("must be the place of an entry, a number without leading zeros")
)

// applyJSONPatch follows the operations in turn. The document is changed, also
// where an operation cannot be followed.
func applyJSONPatch(document any, operations []jsonOperation) (any, error) {
	for i := range operations {
		o := &operations[i]
		var err error
		if document, err = o.apply(document); err != nil {
			return nil, invalid(o.at+"path", "%s", err)
		}
		if nodes(document, maxNodes) > maxNodes {
			return nil, invalid(o.at+"path", "makes more than %d values", maxNodes)
		}
	}
	return document, nil
}

func (o *jsonOperation) apply(document any) (any, error) {
	switch o.op {
	case "add":
		return place(document, o.path, clone(o.value), true)
	case "replace":
		return place(document, o.path, clone(o.value), false)
	case "remove":
		return cut(document, o.path)
	case "test":
		value, err := lookUp(document, o.path)
		if err == nil && !equalJSON(value, o.value) {
			err = errors.New("is another value than the one that the patch tests for")
		}
		return document, err
	}
	value, err := lookUp(document, o.from)
	if err != nil {
		return nil, fmt.Errorf("cannot %s from there: %w", o.op, err)
	}
	value = clone(value)
	if o.op == "move" {
		if len(o.path) > len(o.from) && slices.Equal(o.path[:len(o.from)], o.from) {
			return nil, errors.New("cannot move a value into itself")
		}
		if document, err = cut(document, o.from); err != nil {
			return nil, err
		}
	}
	return place(document, o.path, value, true)
}

func lookUp(document any, path []string) (any, error) {
	for _, step := range path {
		switch in := document.(type) {
		case map[string]any:
			value, there := in[step]
			if !there {
				return nil, errMissing
			}
			document = value
		case []any:
			at, err := index(step, len(in)-1)
			if err != nil {
				return nil, err
			}
			document = in[at]
		default:
			return nil, errMissing
		}
	}
	return document, nil
}

// place puts a value at a path: a new one, or one in the place of another.
func place(document any, path []string, value any, add bool) (any, error) {
	if len(path) == 0 {
		return value, nil
	}
	return within(document, path, func(in any, step string) (any, error) {
		switch in := in.(type) {
		case map[string]any:
			if _, there := in[step]; !there && !add {
				return nil, errMissing
			}
			in[step] = value
			return in, nil
		case []any:
			if !add {
				at, err := index(step, len(in)-1)
				if err == nil {
					in[at] = value
				}
				return in, err
			}
			if step == "-" {
				return append(in, value), nil
			}
			at, err := index(step, len(in))
			if err != nil {
				return nil, err
			}
			return slices.Insert(in, at, value), nil
		}
		return nil, errMissing
	})
}

// cut takes the value at a path away.
func cut(document any, path []string) (any, error) {
	if len(path) == 0 {
		return nil, errors.New("cannot be removed: it is the whole")
	}
	return within(document, path, func(in any, step string) (any, error) {
		switch in := in.(type) {
		case map[string]any:
			if _, there := in[step]; !there {
				return nil, errMissing
			}
			delete(in, step)
			return in, nil
		case []any:
			at, err := index(step, len(in)-1)
			if err != nil {
				return nil, err
			}
			return slices.Delete(in, at, at+1), nil
		}
		return nil, errMissing
	})
}

// within changes the value that holds the last step of a path. A list may become
// another one, which takes its place.
func within(document any, path []string, change func(in any, step string) (any, error)) (any, error) {
	holder, last := path[:len(path)-1], path[len(path)-1]
	in, err := lookUp(document, holder)
	if err != nil {
		return nil, err
	}
	out, err := change(in, last)
	if err != nil {
		return nil, err
	}
	if _, list := out.([]any); !list {
		return document, nil
	}
	return place(document, holder, out, false)
}

// index reads the place of an entry of a list.
func index(step string, most int) (int, error) {
	at, err := strconv.Atoi(step)
	switch {
	case err != nil || strconv.Itoa(at) != step || at < 0:
		return 0, errIndex
	case at > most:
		return 0, errMissing
	}
	return at, nil
}

func clone(value any) any {
	switch value := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(value))
		for name, member := range value {
			out[name] = clone(member)
		}
		return out
	case []any:
		out := make([]any, len(value))
		for i, member := range value {
			out[i] = clone(member)
		}
		return out
	}
	return value
}

// nodes counts the values in a value, up to a little more than so many.
func nodes(value any, most int) int {
	n := 1
	switch value := value.(type) {
	case map[string]any:
		for _, member := range value {
			if n += nodes(member, most-n); n > most {
				break
			}
		}
	case []any:
		for _, member := range value {
			if n += nodes(member, most-n); n > most {
				break
			}
		}
	}
	return n
}

// equalJSON compares two values. Numbers are equal when their values are.
func equalJSON(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, equalJSON)
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, equalJSON)
	case json.Number:
		b, ok := b.(json.Number)
		if !ok || a == b {
			return ok
		}
		x, errA := a.Float64()
		y, errB := b.Float64()
		return errA == nil && errB == nil && x == y
	}
	return a == b
}
