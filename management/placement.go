package management

import "fmt"

// DetourFacts is a way through a site on which requests do not pass experiments,
// so that clients can write the provider's header themselves.
type DetourFacts struct {
	// Upstream is where the requests go; empty where they are answered at once.
	Upstream string
	// Before says that the handler stands in front of experiments.
	Before bool
	// All says that it lets no request through to experiments.
	All bool
}

// Finding says what is wrong.
func (f DetourFacts) Finding() string {
	switch {
	case f.All && f.Upstream == "":
		return "a handler in front of experiments answers every request, so nothing is decided"
	case f.All:
		return fmt.Sprintf("a proxy to %s stands in front of experiments and takes every request, so nothing is decided, and a header that a client has written itself reaches %s", f.Upstream, f.Upstream)
	case f.Before:
		return fmt.Sprintf("a proxy to %s stands in front of experiments and takes some requests, so a header that a client has written itself reaches %s", f.Upstream, f.Upstream)
	}
	return fmt.Sprintf("a matcher keeps some requests to %s away from experiments, so a header that a client has written itself reaches %s", f.Upstream, f.Upstream)
}

// Remedy says what to write instead.
func (f DetourFacts) Remedy() string {
	if f.Before {
		return "write experiments in front of that handler"
	}
	return "write experiments without a matcher, in front of every proxy to the provider; authorize_path says where it decides"
}

// placement looks for ways around experiments.
func (d *diagnosis) placement(s SiteFacts) {
	for _, detour := range s.Detours {
		d.add("placement", ResultProblem, detour.Remedy(), "%s: %s", s.URL, detour.Finding())
	}
}
