package caddymodule

import (
	"io"
	"net/http"
	"net/textproto"
	"strings"
)

// protectedPrefix starts the names of the headers that only the edge may set,
// once case, '_' and '.' are folded: servers behind us fold them in the same
// way, each in its own.
const protectedPrefix = "x-experiment-"

// shield takes out of a request what a client must not be able to say to the
// identity provider in our name.
type shield struct {
	header string // the configured name, folded
}

func newShield(header string) shield {
	folded := []byte(header)
	for i, c := range folded {
		folded[i] = fold(c)
	}
	return shield{header: string(folded)}
}

// protects reports whether a header name is ours in any spelling.
func (s *shield) protects(name string) bool {
	return foldedPrefix(name, protectedPrefix) || (len(name) == len(s.header) && foldedPrefix(name, s.header))
}

// strip removes inbound copies from the headers, from the trailers, and from
// the Connection header, where a name makes proxies remove the header of that
// name on their way.
func (s *shield) strip(r *http.Request) {
	for name := range r.Header {
		if s.protects(name) {
			delete(r.Header, name)
		}
	}
	if lines, given := r.Header["Connection"]; given {
		s.stripConnection(r.Header, lines)
	}
	if r.Trailer != nil {
		s.stripTrailer(r.Trailer)
		if r.Body != nil {
			r.Body = &shieldedBody{ReadCloser: r.Body, shield: s, trailer: r.Trailer}
		}
	}
}

func (s *shield) stripConnection(h http.Header, lines []string) {
	if !s.named(lines) {
		return
	}
	var kept []string
	for _, line := range lines {
		for token := range strings.SplitSeq(line, ",") {
			if token = textproto.TrimString(token); token != "" && !s.protects(token) {
				kept = append(kept, token)
			}
		}
	}
	if len(kept) == 0 {
		delete(h, "Connection")
		return
	}
	h["Connection"] = []string{strings.Join(kept, ", ")}
}

func (s *shield) named(lines []string) bool {
	for _, line := range lines {
		for token := range strings.SplitSeq(line, ",") {
			if s.protects(textproto.TrimString(token)) {
				return true
			}
		}
	}
	return false
}

func (s *shield) stripTrailer(trailer http.Header) {
	for name := range trailer {
		if s.protects(name) {
			delete(trailer, name)
		}
	}
}

// shieldedBody strips the trailers again at the end of the body, where the
// server fills them in.
type shieldedBody struct {
	io.ReadCloser
	shield  *shield
	trailer http.Header
}

func (b *shieldedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.shield.stripTrailer(b.trailer)
	}
	return n, err
}

// fold makes one of the characters that servers take for the same in a name.
func fold(c byte) byte {
	switch {
	case c == '_' || c == '.':
		return '-'
	case 'A' <= c && c <= 'Z':
		return c + ('a' - 'A')
	}
	return c
}

// foldedPrefix reports whether name starts with prefix once it is folded.
func foldedPrefix(name, prefix string) bool {
	if len(name) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		if fold(name[i]) != prefix[i] {
			return false
		}
	}
	return true
}
