package engine

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The limits on what the management API writes. A document that a person
// writes is not bound by them.
const (
	ShortestName         = 3
	LongestName          = 255
	ShortestDescription  = 3
	LongestDescription   = 1024
	LongestParameterNote = 255
	LongestParameterName = 255
	LongestFlow          = 255
	LongestCondition     = 1024
	MaxParameters        = 10
	MaxConditions        = 10
	MaxRules             = 100
	MaxConditionValues   = 50_000
	MaxSegmentValues     = 100_000
)

// maxBodyDepth bounds the nesting of a body so that what it holds still fits
// into a document, where it stands some levels further inside.
const maxBodyDepth = maxDepth - 8

// BodyUse says what a body is for: some fields must be there, may be null or
// must be absent depending on it.
type BodyUse uint8

// The uses.
const (
	// Create makes an entity: every field that cannot do without is required.
	Create BodyUse = iota
	// Patch changes an entity: any field may be left out, though not all, and a
	// description that is null is removed.
	Patch
)

// FlagBody is what a request says of a feature flag. A nil field was not given;
// an empty description was null. That each value has its declared type is not
// checked.
type FlagBody struct {
	Name, Description *string
	Parameters        map[string]Parameter
}

// VariationBody is what a request says of a variation, as in FlagBody. What the
// overrides mean for the flag's parameters is not checked.
type VariationBody struct {
	Name, Description *string
	Overrides         map[string]Override
}

// SegmentBody is what a request says of a segment, as in FlagBody. An empty status
// was not given.
type SegmentBody struct {
	Name, Description *string
	Rules             []Rule
	Status            SegmentStatus
}

// OnlyStatus reports whether a status is all that the body has.
func (b *SegmentBody) OnlyStatus() bool {
	return b.Status != "" && b.Name == nil && b.Description == nil && b.Rules == nil
}

// DecodeFlagBody reads a request about a feature flag. The error, here and of
// the other bodies, is a Faults whose paths start at the body.
func DecodeFlagBody(text []byte, use BodyUse) (FlagBody, error) {
	var out FlagBody
	err := decodeBody(text, use, []string{"name", "parameters"}, func(d *decoder, name string, v node, at *path) bool {
		switch name {
		case "name":
			out.Name = d.line(v, at, ShortestName, LongestName)
		case "description":
			out.Description = d.description(v, at, use)
		case "parameters":
			out.Parameters = table(d, v, at, d.bodyParameter)
			d.between(v, at, 1, MaxParameters, "parameters")
		default:
			return false
		}
		return true
	})
	return out, err
}

// DecodeVariationBody reads a request about a variation.
func DecodeVariationBody(text []byte, use BodyUse) (VariationBody, error) {
	var out VariationBody
	err := decodeBody(text, use, []string{"name", "overrides"}, func(d *decoder, name string, v node, at *path) bool {
		switch name {
		case "name":
			out.Name = d.line(v, at, ShortestName, LongestName)
		case "description":
			out.Description = d.description(v, at, use)
		case "overrides":
			out.Overrides = table(d, v, at, d.override)
		default:
			return false
		}
		return true
	})
	return out, err
}

// DecodeSegmentBody reads a request about a segment.
func DecodeSegmentBody(text []byte, use BodyUse) (SegmentBody, error) {
	var out SegmentBody
	err := decodeBody(text, use, []string{"name", "rules"}, func(d *decoder, name string, v node, at *path) bool {
		switch name {
		case "name":
			out.Name = d.line(v, at, ShortestName, LongestName)
		case "description":
			out.Description = d.description(v, at, use)
		case "rules":
			out.Rules = list(d, v, at, d.bodyRule)
			d.between(v, at, 1, MaxRules, "rules")
			d.segmentValues(v, at, out.Rules)
		case "status":
			if use == Create {
				return false
			}
			out.Status = word(d, v, at, SegmentActive, SegmentArchived)
		default:
			return false
		}
		return true
	})
	return out, err
}

// DecodeStatusBody reads the status that a request wants an entity to have: one
// of the words.
func DecodeStatusBody[S FlagStatus | ExperimentStatus](text []byte, words ...S) (S, error) {
	var out S
	err := decodeBody(text, Create, []string{"status"}, func(d *decoder, name string, v node, at *path) bool {
		if name == "status" {
			out = word(d, v, at, words...)
		}
		return name == "status"
	})
	return out, err
}

// LargestHeader gives the variation of a flag whose header value in an
// experiment would be longest, and its size in bytes. The variation is empty
// where the flag has none; the size then is that of the baseline alone.
func LargestHeader(flag *FeatureFlag, experimentID string) (variationID string, size int) {
	configs := map[string]mergedConfig{}
	baseline := FeatureFlag{Parameters: flag.Parameters, Variations: []Variation{{}}}
	mergeConfigs(&baseline, configs)
	size = headerSize(experimentID, "", false, configs[""].json)
	clear(configs)
	mergeConfigs(flag, configs)
	for _, v := range flag.Variations {
		if n := headerSize(experimentID, v.ID, false, configs[v.ID].json); variationID == "" || n > size {
			variationID, size = v.ID, n
		}
	}
	return variationID, size
}

// FieldPath writes where a value stands in a body or document as faults do:
// names of members as strings, places in lists as integers from 0.
func FieldPath(elements ...any) string {
	var at *path
	for _, element := range elements {
		switch e := element.(type) {
		case string:
			at = &path{parent: at, name: e}
		case int:
			at = &path{parent: at, item: e + 1}
		}
	}
	return clip(at.String())
}

func decodeBody(text []byte, use BodyUse, required []string, visit func(d *decoder, name string, v node, at *path) bool) error {
	if strings.TrimSpace(string(text)) == "" {
		return Faults{{Rule: "the body is empty; it must be a JSON object"}}
	}
	root, faults := parse(text)
	if len(faults) > 0 {
		for i := range faults {
			faults[i].Rule = strings.Replace(faults[i].Rule, "the document", "the body", 1)
		}
		return faults
	}
	d := decoder{text: text}
	if use == Patch {
		required = nil
		if root.kind() == objectNode && root.empty() {
			d.fault(root, nil, "the body has no fields; give at least one to change")
		}
	}
	if d.shallow(root, nil, maxBodyDepth) {
		d.object(root, nil, required, func(name string, v node, at *path) bool { return visit(&d, name, v, at) })
	}
	if len(d.faults) > 0 {
		return d.faults
	}
	return nil
}

// shallow checks that nothing is nested deeper than so many levels.
func (d *decoder) shallow(n node, at *path, levels int) bool {
	if n.kind() != arrayNode && n.kind() != objectNode {
		return true
	}
	if levels == 0 {
		d.fault(n, at, "is nested deeper than %d levels", maxBodyDepth)
		return false
	}
	if n.kind() == arrayNode {
		for i, item := range n.items() {
			if !d.shallow(item, &path{parent: at, item: i + 1}, levels-1) {
				return false
			}
		}
		return true
	}
	for key, value := range n.members() {
		if !d.shallow(value, &path{parent: at, name: key.name()}, levels-1) {
			return false
		}
	}
	return true
}

// line reads a name or description: one line without space around it.
func (d *decoder) line(n node, at *path, least, most int) *string {
	text := d.string(n, at)
	if n.kind() != stringNode || !d.length(n, at, text, least, most) {
		return &text
	}
	first, _ := utf8.DecodeRuneInString(text)
	last, _ := utf8.DecodeLastRuneInString(text)
	switch {
	case space(first) || space(last):
		d.fault(n, at, "must not begin or end with white space")
	case strings.ContainsAny(text, "\x00\n\r\u2028\u2029"):
		d.fault(n, at, "must not contain line breaks or NUL")
	default:
		d.printable(n, at, text, false)
	}
	return &text
}

// printable checks that a text has nothing that changes how it is shown. It may
// have line ends and tabs if it is of several lines.
func (d *decoder) printable(n node, at *path, text string, lines bool) {
	bad := strings.IndexFunc(text, func(r rune) bool {
		return Unprintable(r) && (!lines || r != '\n' && r != '\r' && r != '\t')
	})
	if bad < 0 {
		return
	}
	r, _ := utf8.DecodeRuneInString(text[bad:])
	d.fault(n, at, "must not contain control characters or marks that change the direction of text, has U+%04X", r)
}

func space(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' }

func (d *decoder) description(n node, at *path, use BodyUse) *string {
	if use == Patch && n.kind() == nullNode {
		return new(string)
	}
	return d.line(n, at, ShortestDescription, LongestDescription)
}

func (d *decoder) length(n node, at *path, text string, least, most int) bool {
	if n.kind() != stringNode {
		return false
	}
	count := utf8.RuneCountInString(text)
	if count < least || count > most {
		d.fault(n, at, "must have %d to %d characters, has %d", least, most, count)
		return false
	}
	return true
}

// segmentValues checks how many values all rules of a segment have together.
func (d *decoder) segmentValues(n node, at *path, rules []Rule) {
	total := 0
	for _, r := range rules {
		for _, side := range []map[Attribute]Expression{r.Match, r.NotMatch} {
			for _, e := range side {
				total += len(e.Values)
			}
		}
	}
	if total > MaxSegmentValues {
		d.fault(n, at, "must have at most %d values in all, has %d", MaxSegmentValues, total)
	}
}

// between checks how many entries a list or table has; most 0 is any number. It
// reports whether it has found no fault.
func (d *decoder) between(n node, at *path, least, most int, what string) bool {
	if n.kind() != arrayNode && n.kind() != objectNode {
		return true
	}
	switch count := n.count(); {
	case count < least:
		d.fault(n, at, "must have at least %d %s", least, what)
		return false
	case most > 0 && count > most:
		d.fault(n, at, "must have at most %d %s, has %d", most, what, count)
		return false
	}
	return true
}

func (d *decoder) bodyParameter(n node, at *path) Parameter {
	var out Parameter
	if count := utf8.RuneCountInString(at.name); count < 1 || count > LongestParameterName {
		d.fault(n, at, "must have a name of 1 to %d characters", LongestParameterName)
	} else if strings.ContainsFunc(at.name, Unprintable) {
		d.fault(n, at, "must have a name without control characters and marks that change the direction of text")
	}
	d.object(n, at, []string{"type", "value"}, func(name string, v node, at *path) bool {
		switch name {
		case "type":
			out.Type = word(d, v, at, TypeString, TypeBoolean, TypeNumber, TypeArray, TypeObject)
		case "value":
			out.Value = v.raw()
		case "description":
			out.Description = d.string(v, at)
			if d.length(v, at, out.Description, 0, LongestParameterNote) {
				d.printable(v, at, out.Description, true)
			}
		default:
			return false
		}
		return true
	})
	return out
}

func (d *decoder) bodyRule(n node, at *path) Rule {
	rule := d.rule(n, at)
	for _, side := range []string{"match", "not_match"} {
		conditions, there := n.member(side)
		if n.kind() != objectNode || !there || conditions.kind() != objectNode {
			continue
		}
		here := &path{parent: at, name: side}
		d.between(conditions, here, 0, MaxConditions, "conditions")
		for key, expression := range conditions.members() {
			d.bodyExpression(expression, &path{parent: here, name: key.name()})
		}
	}
	return rule
}

// bodyExpression checks the limits of an expression whose form has been looked
// at already.
func (d *decoder) bodyExpression(n node, at *path) {
	if n.kind() == objectNode {
		for key, value := range n.members() {
			d.bodyExpression(value, &path{parent: at, name: key.name()})
		}
		return
	}
	if n.kind() != arrayNode {
		return
	}
	if !d.between(n, at, 1, MaxConditionValues, "values") {
		return
	}
	for i, value := range n.items() {
		if value.kind() == stringNode {
			d.length(value, &path{parent: at, item: i + 1}, value.string(), 0, LongestCondition)
		}
	}
}

// Describe names the faults for the sender of a body: paths and rules without
// lines, the first few of many.
func (f Faults) Describe() string {
	const most = 5
	var texts []string
	for i, fault := range f {
		if i == most {
			texts = append(texts, fmt.Sprintf("and %d more", len(f)-most))
			break
		}
		fault.Line = 0
		texts = append(texts, fault.Error())
	}
	return strings.Join(texts, "; ")
}
