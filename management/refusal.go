package management

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// refusal is why a request is not followed: a code with what the client is told about it.
type refusal struct {
	code    string
	message string
}

// failed makes a refusal. An empty format stands for the code's own message.
func failed(code, format string, args ...any) *refusal {
	if format == "" {
		return &refusal{code: code, message: codes[code].Message}
	}
	return &refusal{code: code, message: fmt.Sprintf(format, args...)}
}

// envelope is the body of every refusal.
type envelope struct {
	StatusCode int    `json:"statusCode"`
	Error      string `json:"error"`
	Message    string `json:"message"`
	ErrorCode  string `json:"errorCode"`
}

func write(w http.ResponseWriter, p *refusal) {
	status := codes[p.code].Status
	if wait := retryAfter(p.code); wait != "" {
		w.Header().Set("Retry-After", wait)
	}
	respond(w, answer{status: status, body: envelope{status, http.StatusText(status), p.message, p.code}})
}

// retryAfter is how many seconds a client is to wait before it tries again; empty
// where that is useless, or where the quota knows.
func retryAfter(code string) string {
	switch {
	case code == CodeResultsBusy:
		return busyRetryAfter
	case codes[code].Status == http.StatusServiceUnavailable:
		return "1"
	}
	return ""
}

// busyRetryAfter is about how long the reports of a tenant that wait take.
const busyRetryAfter = "5"

// respond writes an answer. What it writes is complete before the first byte
// leaves.
func respond(w http.ResponseWriter, a answer) {
	if a.etag != "" {
		w.Header().Set("ETag", a.etag)
	}
	if a.body == nil && a.text == nil {
		w.WriteHeader(a.status)
		return
	}
	text := a.text
	if text == nil {
		text = encode(a.body)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(a.status)
	_, _ = w.Write(text) // a client that is gone needs no answer
}

// encode writes JSON as it is stored: without escapes that only HTML needs.
func encode(v any) []byte {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic(fmt.Errorf("encoding an answer: %w", err)) // unreachable: what is stored can be written
	}
	return text.Bytes()
}
