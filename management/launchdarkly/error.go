package launchdarkly

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
)

// Error is what a client is told when its request is not followed.
type Error struct {
	Status  int
	Message string
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("%d: %s", e.Status, e.Message) }

// Refuse makes an error.
func Refuse(status int, format string, args ...any) *Error {
	return &Error{status, fmt.Sprintf(format, args...)}
}

// codes are the words of the statuses that clients know.
var codes = map[int]string{
	http.StatusBadRequest:       "invalid_request",
	http.StatusUnauthorized:     "unauthorized",
	http.StatusForbidden:        "forbidden",
	http.StatusNotFound:         "not_found",
	http.StatusMethodNotAllowed: "method_not_allowed",
	http.StatusConflict:         "optimistic_locking_error",
	http.StatusTooManyRequests:  "rate_limited",
}

// invalid refuses what stands at a path of the body or is a parameter.
func invalid(at, format string, args ...any) *Error {
	return Refuse(http.StatusBadRequest, "%s: %s", at, fmt.Sprintf(format, args...))
}

func notFound(what, key string) *Error {
	return Refuse(http.StatusNotFound, "there is no %s %q", what, clip(key))
}

// conflict refuses what something else stands in the way of.
func conflict(format string, args ...any) *Error {
	return Refuse(http.StatusConflict, format, args...)
}

// told gives the error that a client is told.
func told(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return Refuse(http.StatusServiceUnavailable, "the request could not be handled; the server's log says why")
}

// errorBody is the body of every refusal.
type errorBody struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	ID      string `json:"id"`
}

func write(w http.ResponseWriter, e *Error) {
	code := codes[e.Status]
	if code == "" {
		code = "service_unavailable"
	}
	if e.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	if e.Status == http.StatusTooManyRequests && w.Header().Get("Retry-After") == "" {
		w.Header().Set("Retry-After", "5") // the quota says it better where it is what is used up
	}
	respond(w, e.Status, errorBody{code, e.Message, uuid()})
}

// uuid names one refusal, so that people can talk about it.
func uuid() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// clip bounds what is quoted of a request.
func clip(text string) string {
	const longest = 100
	if runes := []rune(text); len(runes) > longest {
		return string(runes[:longest]) + "…"
	}
	return text
}
