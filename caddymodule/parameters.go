package caddymodule

import (
	"net/url"
	"strings"
)

// parameter is one of the parameters of an authorization request that are of
// interest here.
type parameter uint8

const (
	paramExperiment parameter = iota
	paramVariation
	paramSegment
	paramToken
	paramClient
	paramConnection
	paramOrganization
	paramOrganizationID
	paramPrompt
	paramResponseType
	paramRequest
	paramRequestURI
	parameterCount
)

var parameterNames = [parameterCount]string{
	"experiment_id", "variation_id", "segment_id", "experiment_token",
	"client_id", "connection", "organization", "organization_id", "prompt",
	"response_type", "request", "request_uri",
}

// longestEncodedName is the length of the longest name with each character
// percent-encoded.
const longestEncodedName = 3 * len("experiment_token")

// parameters are the values of the parameters of interest. They are scanned
// for in the encoded text: building the map of all parameters costs forty
// times as much.
type parameters struct {
	any      bool // there are parameters, of interest or not
	values   [parameterCount]string
	given    [parameterCount]bool
	repeated [parameterCount]bool
}

// scan reads an application/x-www-form-urlencoded text. Of a parameter that is
// given twice the first value stands, and it is marked.
func (p *parameters) scan(text string) {
	p.any = p.any || text != ""
	for text != "" {
		var pair string
		pair, text, _ = strings.Cut(text, "&")
		name, value, _ := strings.Cut(pair, "=")
		which, known := parameterOf(name)
		switch {
		case !known:
		case p.given[which]:
			p.repeated[which] = true
		default:
			p.given[which] = true
			p.values[which] = decoded(value)
		}
	}
}

func parameterOf(name string) (parameter, bool) {
	if len(name) > longestEncodedName {
		return 0, false
	}
	name = decoded(name)
	for i, known := range parameterNames {
		if name == known {
			return parameter(i), true
		}
	}
	return 0, false
}

// decoded undoes percent-encoding; what is encoded wrongly counts as absent.
func decoded(text string) string {
	if strings.IndexByte(text, '%') < 0 && strings.IndexByte(text, '+') < 0 {
		return text
	}
	plain, err := url.QueryUnescape(text)
	if err != nil {
		return ""
	}
	return plain
}

// overrideRepeated reports whether any of the override parameters was given
// twice.
func (p *parameters) overrideRepeated() bool {
	return p.repeated[paramExperiment] || p.repeated[paramVariation] || p.repeated[paramSegment] || p.repeated[paramToken]
}

// resumes reports whether this is no authorization request, though it arrives
// where those do: it has parameters, and none that such a request begins with.
// Dex for instance comes back to its own endpoint after the login page.
func (p *parameters) resumes() bool {
	for _, which := range [...]parameter{paramClient, paramResponseType, paramRequest, paramRequestURI, paramExperiment, paramVariation, paramSegment} {
		if p.given[which] {
			return false
		}
	}
	return p.any
}

func (p *parameters) organization() string {
	if id := p.values[paramOrganizationID]; id != "" {
		return id
	}
	return p.values[paramOrganization]
}
