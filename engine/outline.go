package engine

import "strconv"

// outline is where the entities of a document stand in its text.
type outline struct {
	revision                                  uint64
	featureFlags, segments, experiments       [][]byte
	metrics, metricGroups, randomizationUnits [][]byte // nil: not there
}

// outlined finds the entities of a text without reading them. It looks for the
// form in which documents are usually written and is not ok for any other, which
// need not be wrong: Decode knows. What it takes for an entity is one JSON value
// if it is JSON at all, and everything around the entities is right.
func outlined(text []byte) (o outline, ok bool) {
	s := scanner{text: text}
	if !s.skip('{') {
		return o, false
	}
	seen := map[string]bool{}
	for more := !s.skip('}'); more; {
		name, ok := s.name()
		if !ok || seen[name] || !s.skip(':') {
			return o, false
		}
		seen[name] = true
		switch name {
		case "revision":
			o.revision, ok = s.number()
		case "feature_flags":
			o.featureFlags, ok = s.objects()
		case "segments":
			o.segments, ok = s.objects()
		case "experiments":
			o.experiments, ok = s.objects()
		case "metrics":
			o.metrics, ok = s.objects()
		case "metric_groups":
			o.metricGroups, ok = s.objects()
		case "randomization_units":
			o.randomizationUnits, ok = s.objects()
		default:
			return o, false
		}
		if !ok {
			return o, false
		}
		if more = s.skip(','); !more && !s.skip('}') {
			return o, false
		}
	}
	s.space()
	return o, s.at == len(text)
}

// scanner walks over a text that may or may not be JSON.
type scanner struct {
	text []byte
	at   int
}

func (s *scanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return
		}
	}
}

// skip moves past white space and a character, if that is next.
func (s *scanner) skip(c byte) bool {
	s.space()
	if s.at == len(s.text) || s.text[s.at] != c {
		return false
	}
	s.at++
	return true
}

// name moves past the name of a member. None of ours has an escape.
func (s *scanner) name() (string, bool) {
	if !s.skip('"') {
		return "", false
	}
	for begin := s.at; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			return string(s.text[begin : s.at-1]), true
		case c != '_' && (c < 'a' || c > 'z'):
			return "", false
		}
	}
	return "", false
}

// number moves past a whole number of few digits.
func (s *scanner) number() (uint64, bool) {
	s.space()
	begin := s.at
	for s.at < len(s.text) && s.text[s.at] >= '0' && s.text[s.at] <= '9' {
		s.at++
	}
	digits := string(s.text[begin:s.at])
	if len(digits) == 0 || len(digits) > 15 || len(digits) > 1 && digits[0] == '0' {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, err == nil
}

// objects moves past a list of objects. An empty one is not nil.
func (s *scanner) objects() (list [][]byte, ok bool) {
	if !s.skip('[') {
		return nil, false
	}
	list = [][]byte{}
	for more := !s.skip(']'); more; {
		s.space()
		begin := s.at
		if !s.object() {
			return nil, false
		}
		list = append(list, s.text[begin:s.at])
		if more = s.skip(','); !more && !s.skip(']') {
			return nil, false
		}
	}
	return list, true
}

// object moves from an opening brace past the closing one that belongs to it, if
// the text in between is JSON. If it is not, parsing what was passed says so: it
// is then no single value.
func (s *scanner) object() bool {
	if s.at == len(s.text) || s.text[s.at] != '{' {
		return false
	}
	depth := 0
	for ; s.at < len(s.text); s.at++ {
		switch s.text[s.at] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				s.at++
				return true
			}
		case '"':
			for s.at++; s.at < len(s.text) && s.text[s.at] != '"'; s.at++ {
				if s.text[s.at] == '\\' {
					s.at++
				}
			}
		}
	}
	return false
}
