package caddymodule

import (
	"net/http"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

const (
	// usualLimit is how many bytes of request line and headers together an
	// identity provider takes that nobody has configured otherwise. Node.js takes
	// no more than this, and answers 431; nginx, Go and Java take more.
	usualLimit = 16 << 10
	// addedBehind is what Caddy and other proxies may add on the way there, such
	// as X-Forwarded-For.
	addedBehind = 512
)

// overBudget reports whether the header of a treatment is more than the provider
// takes, by itself or together with what the client sends: then the request
// would be refused because of us. It gives the size that is too large, and what
// would be allowed.
func (h *Handler) overBudget(r *http.Request, t *engine.Treatment) (size, allowed int, over bool) {
	if t.Header() == "" {
		return t.HeaderSize, h.app.HeaderBudget, true
	}
	// Whoever has raised the budget says that their provider takes more.
	allowed = max(usualLimit, h.app.HeaderBudget+usualLimit/2) - addedBehind
	size = requestSize(r) + lineSize(h.Header, t.Header())
	if h.app.events != nil {
		size += lineSize(exposureHeader, usualExposureID)
	}
	return size, allowed, size > allowed
}

// requestSize is how many bytes of request line and headers a request has, once
// Caddy has said in a header of its own for which host it is.
func requestSize(r *http.Request) int {
	size := len(r.Method) + max(len(r.RequestURI), len(r.URL.Path)+len(r.URL.RawQuery)) + len("  HTTP/1.1\r\n\r\n") +
		lineSize("Host", r.Host) + lineSize("X-Forwarded-Host", r.Host)
	for name, values := range r.Header {
		for _, value := range values {
			size += lineSize(name, value)
		}
	}
	return size
}

func lineSize(name, value string) int { return len(name) + len(value) + len(": \r\n") }
