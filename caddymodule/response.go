package caddymodule

import (
	"errors"
	"io"
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// statusRecorder remembers the status of a response for the decision log.
type statusRecorder struct {
	caddyhttp.ResponseWriterWrapper
	status int
	ended  bool  // the later handlers have returned, and not panicked
	err    error // what they returned
}

// WriteHeader implements http.ResponseWriter.
func (s *statusRecorder) WriteHeader(status int) {
	if s.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		s.status = status
	}
	s.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (s *statusRecorder) Write(p []byte) (int, error) {
	s.wrote()
	return s.ResponseWriter.Write(p)
}

// ReadFrom implements io.ReaderFrom.
func (s *statusRecorder) ReadFrom(r io.Reader) (int64, error) {
	s.wrote()
	return s.ResponseWriterWrapper.ReadFrom(r)
}

func (s *statusRecorder) wrote() {
	if s.status == 0 {
		s.status = http.StatusOK
	}
}

// end notes that the later handlers have returned.
func (s *statusRecorder) end(err error) { s.ended, s.err = true, err }

// outcome is the status that the client gets: one that was written, the one
// that an error of a later handler stands for, or Caddy's empty 200. It is 0 if
// a later handler broke off before there was one.
func (s *statusRecorder) outcome() int {
	switch {
	case s.status != 0:
		return s.status
	case !s.ended:
		return 0
	case s.err == nil:
		return http.StatusOK
	}
	if failure, ok := errors.AsType[caddyhttp.HandlerError](s.err); ok && failure.StatusCode != 0 {
		return failure.StatusCode
	}
	return http.StatusInternalServerError
}

// Interface guards
var (
	_ http.ResponseWriter = (*statusRecorder)(nil)
	_ io.ReaderFrom       = (*statusRecorder)(nil)
)
