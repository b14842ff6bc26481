package caddymodule

import (
	"bytes"
	"io"
	"mime"
	"net/http"
)

// maxForm is the longest body in bytes that is looked into for parameters.
const maxForm = 64 << 10

// readForm gives the start of a form body, at most maxForm bytes, and leaves the
// request with a body that reads exactly as before. It gives nothing for a body
// that is longer, is no form, has trailers, which would be known too early, or
// belongs to a client that first waits for the provider's consent to send it:
// reading it would give that consent, also where the provider would have refused.
func readForm(r *http.Request) []byte {
	if r.Method != http.MethodPost || r.Body == nil || r.ContentLength == 0 || r.ContentLength > maxForm ||
		r.Trailer != nil || r.Header.Get("Expect") != "" {
		return nil
	}
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || mediaType != "application/x-www-form-urlencoded" {
		return nil
	}
	original := r.Body
	read, err := io.ReadAll(io.LimitReader(original, maxForm+1))
	rest := io.Reader(original)
	if err != nil {
		rest = failed{err}
	}
	r.Body = &replayed{Reader: io.MultiReader(bytes.NewReader(read), rest), Closer: original}
	if err != nil || len(read) > maxForm {
		return nil
	}
	return read
}

// replayed is a body whose start has been read already.
type replayed struct {
	io.Reader
	io.Closer
}

// failed reads as a body that broke off.
type failed struct{ err error }

func (f failed) Read([]byte) (int, error) { return 0, f.err }
