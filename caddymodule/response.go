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

// outcome is the status that the client gets: one that was written, the one
// that an error of a later handler stands for, or Caddy's empty 200. It is 0 if
// a later handler broke off before there was one.
func (s *statusRecorder) outcome(broken bool, err error) int {
	var handlerError caddyhttp.HandlerError
	switch {
	case s.status != 0:
		return s.status
	case broken:
		return 0
	case errors.As(err, &handlerError) && handlerError.StatusCode != 0:
		return handlerError.StatusCode
	case err != nil:
		return http.StatusInternalServerError
	}
	return http.StatusOK
}

// Interface guards
var (
	_ http.ResponseWriter = (*statusRecorder)(nil)
	_ io.ReaderFrom       = (*statusRecorder)(nil)
)
