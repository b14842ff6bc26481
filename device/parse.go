package device

import (
	"strings"

	"github.com/mssola/useragent"
)

// Parse works out the device from its signals alone. It reads no more
// than the first kilobyte or so of them, in time linear in that.
func Parse(s Signals) Device {
	a := newAgent(s.capped())
	platform := a.platform()
	return Device{Type: a.deviceType(platform), Browser: a.browser(platform), Platform: platform}
}

// agent is one set of signals made ready for the tables.
type agent struct {
	raw   string // the User-Agent as sent, for the base parser
	ua    string // the User-Agent and the model hint in lower case
	rest  string // the User-Agent without the model, whose name may hold any token
	model string // the Android or Tizen model in lower case
	hints hints

	parsed *useragent.UserAgent
}

func newAgent(s Signals) *agent {
	a := &agent{raw: s.UserAgent, ua: lower(s.UserAgent), hints: newHints(s)}
	model, start, end := deviceModel(a.ua)
	a.model, a.rest = model, a.ua
	if model != "" {
		a.rest = a.ua[:start] + a.ua[end:]
	}
	if a.hints.model != "" {
		a.model = a.hints.model
		a.ua += " " + a.model
	}
	return a
}

// base is the base parser's reading of the User-Agent. It costs as much as all the
// tables together, so it is asked only where they leave a question open.
func (a *agent) base() *useragent.UserAgent {
	if a.parsed == nil {
		a.parsed = useragent.New(a.raw)
	}
	return a.parsed
}

func (a *agent) has(token string) bool { return strings.Contains(a.rest, token) }

// deviceType asks the most specific question first: a crawler that poses as a phone
// is a crawler, and a television that runs Android is a television.
func (a *agent) deviceType(platform string) string {
	if strings.TrimSpace(a.ua) == "" {
		return Other
	}
	switch {
	case a.isBot(platform):
		return Bot
	case a.isAppliance():
		return Other
	case a.isTV():
		return TV
	case a.isLaptop():
		return Desktop
	}
	if t := a.hints.formFactor; t != "" {
		return t
	}
	switch {
	case a.isTablet(platform):
		return Tablet
	case a.isPhone(platform):
		return Mobile
	case a.isDesktop(platform):
		return Desktop
	case a.base().Bot():
		return Bot
	case a.base().Mobile():
		return Mobile
	}
	return Other
}
