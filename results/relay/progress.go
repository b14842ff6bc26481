package relay

import "slices"

// progress is how far a receiver has got with one sender.
type progress struct {
	upTo  uint64 // without a gap
	ahead []span
}

// span is a message behind a gap.
type span struct{ prev, last uint64 }

// maxAhead bounds what is remembered behind a gap. What is not is sent again.
const maxAhead = 1000

// reach says that everything up to a number is committed.
func (p *progress) reach(seq uint64) {
	p.upTo = max(p.upTo, seq)
	for closing := true; closing; {
		before := p.upTo
		p.ahead = slices.DeleteFunc(p.ahead, func(s span) bool {
			if s.prev <= p.upTo {
				p.upTo = max(p.upTo, s.last)
				return true
			}
			return false
		})
		closing = p.upTo > before
	}
}

// commit says that the entries of a message are committed.
func (p *progress) commit(m *message) {
	if !slices.Contains(p.ahead, span{m.prev, m.last}) && len(p.ahead) < maxAhead {
		p.ahead = append(p.ahead, span{m.prev, m.last})
	}
	p.reach(m.base)
}

func (p *progress) hasGap() bool { return len(p.ahead) > 0 }
