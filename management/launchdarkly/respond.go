package launchdarkly

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// respond writes an answer. What it writes is complete before the first byte
// leaves.
func respond(w http.ResponseWriter, status int, body any) {
	if body == nil {
		w.WriteHeader(status)
		return
	}
	text, ok := body.(encoded)
	if !ok {
		text = encode(body)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(text) // a client that is gone needs no answer
}

// encoded is a body that is written already.
type encoded []byte

// encode writes JSON without escapes that only HTML needs.
func encode(body any) encoded {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(body); err != nil {
		panic(fmt.Errorf("encoding an answer: %w", err)) // unreachable: numbers are finite
	}
	return text.Bytes()
}

// share lets pages of any origin make requests: what they may do depends on the
// token alone, which no browser adds by itself.
func share(answer http.Header, r *http.Request) {
	origin := "*"
	if asking := r.Header.Get("Origin"); asking != "" {
		origin = asking
	}
	answer.Set("Access-Control-Allow-Origin", origin)
	answer.Add("Vary", "Origin")
	answer.Set("Access-Control-Allow-Methods", "OPTIONS, GET, DELETE, PATCH, POST, PUT")
	answer.Set("Access-Control-Allow-Headers", "Accept, Content-Type, Content-Length, Accept-Encoding, Authorization, LD-API-Version, X-HTTP-Method-Override")
	answer.Set("Access-Control-Max-Age", "300")
}

// link is where a related resource is.
type link struct {
	Href string `json:"href"`
	Type string `json:"type"`
}

// links are made of pairs of a name and a path behind the prefix.
func links(pairs ...string) map[string]link {
	out := make(map[string]link, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		out[pairs[i]] = link{prefix + pairs[i+1], "application/json"}
	}
	return out
}

// millis is a time as clients get it; 0 for one that is not known.
func millis(t *time.Time) int64 {
	if t == nil {
		return 0
	}
	return t.UnixMilli()
}
