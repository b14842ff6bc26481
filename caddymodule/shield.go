package caddymodule

import (
	"io"
	"net/http"
	"net/textproto"
	"strings"
)

// protectedPrefix starts the names of the headers that only the edge may set,
// once they are folded.
const protectedPrefix = "x-experiment-"

// shield takes out of a request what a client must not be able to say to the
// identity provider in our name.
type shield struct {
	header string // the configured name, folded
}

func newShield(header string) shield {
	name := []byte(header)
	for i, c := range name {
		name[i] = folded[c]
	}
	return shield{header: string(name)}
}

// protects reports whether a server could take a header name for one of ours:
// whether both become the same CGI variable.
//
// Servers make a variable of a name byte by byte, so two names of different
// lengths are never the same: "Login-Variant!" is HTTP_LOGIN_VARIANT_, and
// "!Login-Variant" is HTTP__LOGIN_VARIANT, which are not Login-Variant's. Blanks
// around a name, which some servers trim, do not arrive: net/http refuses them.
// Of our own prefix everything is taken out, with whatever it ends.
func (s *shield) protects(name string) bool {
	return foldsTo(name, protectedPrefix) || (len(name) == len(s.header) && foldsTo(name, s.header))
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

// folded maps each byte of a name to what it has in common with the bytes that
// a server could take for it: letters to lower case, and every byte that is no
// ASCII letter or digit to '-'. lighttpd makes '_' of all of these for CGI,
// FastCGI and SCGI, PHP of '.', and others of '-' alone.
var folded = func() (table [256]byte) {
	for i := range table {
		switch c := byte(i); {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			table[i] = c
		case 'A' <= c && c <= 'Z':
			table[i] = c + ('a' - 'A')
		default:
			table[i] = '-'
		}
	}
	return table
}()

// foldsTo reports whether name starts with prefix, which is folded, once it is
// folded too.
func foldsTo(name, prefix string) bool {
	if len(name) < len(prefix) {
		return false
	}
	for i := range len(prefix) {
		if folded[name[i]] != prefix[i] {
			return false
		}
	}
	return true
}
