package relay

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/caddy-experiments/caddy-experiments/results/spool"
)

// message is one as protocol.go describes it. It is written as a line
//
//	experiments.relay.v1 <sender> <base> <prev> <last>
//
// and, for each section, a line with tenant and length, and so many bytes of
// lines.
type message struct {
	sender           string
	base, prev, last uint64
	sections         []section
}

// section is lines of one tenant.
type section struct {
	tenant string
	lines  []byte
}

const (
	messageFormat = "experiments.relay.v1"
	// maxMessage bounds a message, and maxSections what there is in it. A sender's
	// are much smaller: see Sender.MessageBytes.
	maxMessage  = 1 << 20
	maxSections = 1 << 14
	// maxHead bounds the first line of a message and of a section.
	maxHead = 512
)

// bundle makes a message of as many entries as go into one of about so many
// bytes, at least one, and gives the rest.
func bundle(entries []spool.Entry, size int) (m message, rest []spool.Entry) {
	for i, e := range entries {
		size -= len(e.Lines) + len(e.Tenant)
		if i > 0 && (size < 0 || len(m.sections) == maxSections) {
			return m, entries[i:]
		}
		if n := len(m.sections); n > 0 && m.sections[n-1].tenant == e.Tenant {
			// The lines of an entry are followed by other entries in memory.
			before := m.sections[n-1].lines
			m.sections[n-1].lines = append(before[:len(before):len(before)], e.Lines...)
		} else {
			m.sections = append(m.sections, section{e.Tenant, e.Lines})
		}
		m.last = e.Seq
	}
	return m, nil
}

func (m message) encode() []byte {
	var text bytes.Buffer
	fmt.Fprintf(&text, "%s %s %d %d %d\n", messageFormat, m.sender, m.base, m.prev, m.last)
	for _, s := range m.sections {
		fmt.Fprintf(&text, "%s %d\n", s.tenant, len(s.lines))
		text.Write(s.lines)
	}
	return text.Bytes()
}

var errMessage = errors.New("it is no message of a relay, or one of another version")

func parseMessage(text []byte) (m message, err error) {
	if len(text) > maxMessage {
		return m, fmt.Errorf("it has %d bytes, the limit is %d", len(text), maxMessage)
	}
	words, text := cutLine(text)
	if len(words) != 5 || words[0] != messageFormat {
		return m, errMessage
	}
	m.sender = words[1]
	for i, number := range []*uint64{&m.base, &m.prev, &m.last} {
		if *number, err = strconv.ParseUint(words[2+i], 10, 64); err != nil {
			return m, errMessage
		}
	}
	if m.base > m.prev || m.prev >= m.last {
		return m, errMessage
	}
	for len(text) > 0 {
		words, text = cutLine(text)
		if len(words) != 2 {
			return m, errMessage
		}
		length, err := strconv.Atoi(words[1])
		if err != nil || length < 0 || length > len(text) {
			return m, errMessage
		}
		if len(m.sections) == maxSections {
			return m, fmt.Errorf("it has more than %d sections", maxSections)
		}
		m.sections = append(m.sections, section{words[0], text[:length]})
		text = text[length:]
	}
	return m, nil
}

// cutLine gives the words of the first line, which are no words if one is empty.
func cutLine(text []byte) (words []string, rest []byte) {
	end := bytes.IndexByte(text[:min(len(text), maxHead)], '\n')
	if end < 0 {
		return nil, nil
	}
	words = strings.Split(string(text[:end]), " ")
	for _, word := range words {
		if word == "" {
			return nil, nil
		}
	}
	return words, text[end+1:]
}
