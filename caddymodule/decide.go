package caddymodule

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
)

// decideRequest is the body of POST /experiments/decide: a request that nobody
// sends, and which site it would come to.
type decideRequest struct {
	// URL is a whole one, or path and query.
	URL     string      `json:"url"`
	Method  string      `json:"method,omitempty"`
	Headers http.Header `json:"headers,omitempty"`
	Form    string      `json:"form,omitempty"`
	// IP is the peer that the request comes from.
	IP string `json:"ip,omitempty"`
	// Tenant and Host choose the site.
	Tenant string `json:"tenant,omitempty"`
	Host   string `json:"host,omitempty"`
	// Subject is taken instead of the one that the request has.
	Subject string `json:"subject,omitempty"`
}

// decideAnswer says how the request would be decided, and why.
type decideAnswer struct {
	Site        string        `json:"site"`
	Tenant      string        `json:"tenant"`
	Revision    uint64        `json:"revision"`
	Request     string        `json:"request"`
	Authorize   bool          `json:"authorize"`
	Holds       bool          `json:"holds"`
	Subject     subjectFacts  `json:"subject"`
	Attributes  []namedValue  `json:"attributes"`
	Parameters  []namedValue  `json:"override_parameters"`
	Overrides   string        `json:"overrides"`
	CarriedHere carriedFacts  `json:"carried_decision"`
	Decision    *decidedFacts `json:"decision"`
	Warnings    []string      `json:"warnings"`
	Notes       []string      `json:"notes"`
	engine.Explanation
}

type subjectFacts struct {
	Value string `json:"value"`
	From  string `json:"from"`
}

type namedValue struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type carriedFacts struct {
	ExperimentID string `json:"experiment_id,omitempty"`
	VariationID  string `json:"variation_id,omitempty"`
	SegmentID    string `json:"segment_id,omitempty"`
	IsControl    bool   `json:"is_control,omitempty"`
	Override     bool   `json:"override,omitempty"`
}

type decidedFacts struct {
	ExperimentID string        `json:"experiment_id"`
	VariationID  string        `json:"variation_id"`
	IsControl    bool          `json:"is_control"`
	SegmentID    string        `json:"segment_id,omitempty"`
	Source       engine.Source `json:"source"`
	New          bool          `json:"new"`
	Header       namedValue    `json:"header"`
}

// longestDecideRequest bounds the body: a form and headers as large as servers
// take them.
const longestDecideRequest = 1 << 20

// serveDecide explains a request without counting, logging or setting anything:
// as JSON, or for people with ?format=text.
func serveDecide(w http.ResponseWriter, r *http.Request) error {
	if err := allowed(w, r, http.MethodPost); err != nil {
		return err
	}
	if activeApp() == nil {
		return errNoApp
	}
	var request decideRequest
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, longestDecideRequest))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&request); err != nil {
		return refused(http.StatusBadRequest, fmt.Errorf("reading the request: %w", err))
	}
	answer, err := request.explain()
	if err != nil {
		return err
	}
	if r.URL.Query().Get("format") == "text" {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		return answer.print(w)
	}
	return writeJSON(w, answer)
}

// explain takes the request through the steps of a site up to the decision.
func (q *decideRequest) explain() (answer *decideAnswer, err error) {
	defer func() { // a real request would go on without an experiment
		if cause := recover(); cause != nil {
			answer, err = nil, refused(http.StatusInternalServerError, fmt.Errorf("%s: the decision failed: %v", codeResolutionFailed, cause))
		}
	}()
	target, err := url.Parse(q.URL)
	if err != nil || q.URL == "" {
		return nil, refused(http.StatusBadRequest, fmt.Errorf("url %q: must be a URL, or a path with its query; write for example /authorize?client_id=spa", q.URL))
	}
	m, others, err := q.choose(target)
	if err != nil {
		return nil, err
	}
	r, repl, err := q.request(target, m)
	if err != nil {
		return nil, refused(http.StatusBadRequest, err)
	}
	h := m.site
	answer = &decideAnswer{
		Site: m.url(m.namedHosts()[0]), Tenant: h.Tenant, Overrides: h.Overrides, Request: r.Method + " " + r.URL.RequestURI(),
		Attributes: []namedValue{}, Parameters: []namedValue{}, Warnings: []string{}, Notes: []string{},
	}
	if len(others) > 0 {
		answer.note("other sites would take the request too, choose one with --host or --tenant: %s", strings.Join(others, ", "))
	}
	answer.decide(q, h, r, repl)
	return answer, nil
}

// choose finds the site that the request would come to, and the others that it
// might.
func (q *decideRequest) choose(target *url.URL) (m *mount, others []string, err error) {
	host := q.Host
	if host == "" {
		host = target.Host
	}
	found, _ := mounts()
	var known []string
	var fitting []*mount
	for i := range found {
		m := &found[i]
		if m.site == nil {
			continue
		}
		known = append(known, m.url(m.namedHosts()[0])+" ("+m.site.Tenant+")")
		if (q.Tenant == "" || m.site.Tenant == q.Tenant) && (host == "" || m.serves(hostname(host))) {
			fitting = append(fitting, m)
		}
	}
	if len(fitting) == 0 {
		return nil, nil, refused(http.StatusNotFound, fmt.Errorf("no site with experiments fits host %q and tenant %q; there are: %s", host, q.Tenant, strings.Join(known, ", ")))
	}
	// As Caddy does: on the port that is asked, the site that names the host.
	rank := func(m *mount) int {
		_, port := m.address()
		rank := 0
		if target.Port() != "" && target.Port() != fmt.Sprint(port) {
			rank += 4
		}
		if len(m.hosts) == 0 {
			rank += 2
		} else if !slices.ContainsFunc(m.hosts, func(h string) bool { return strings.EqualFold(h, hostname(host)) }) {
			rank++
		}
		if host == "" && q.Tenant == "" && m.site.Tenant != string(store.DefaultTenant) {
			rank += 8 // who says nothing means the tenant of those who need only one
		}
		return rank
	}
	slices.SortStableFunc(fitting, func(a, b *mount) int { return rank(a) - rank(b) })
	for _, other := range fitting[1:] {
		if rank(other) == rank(fitting[0]) {
			others = append(others, other.url(other.namedHosts()[0])+" ("+other.site.Tenant+")")
		}
	}
	return fitting[0], others, nil
}

// request makes the request as the site's server would see it.
func (q *decideRequest) request(target *url.URL, m *mount) (*http.Request, *caddy.Replacer, error) {
	method := strings.ToUpper(q.Method)
	if method == "" {
		method = http.MethodGet
		if q.Form != "" {
			method = http.MethodPost
		}
	}
	if target.Path == "" {
		target.Path = "/"
	}
	r, err := http.NewRequest(method, target.String(), io.NopCloser(strings.NewReader(q.Form)))
	if err != nil {
		return nil, nil, fmt.Errorf("making the request: %w", err)
	}
	r.RequestURI, r.ContentLength = target.RequestURI(), int64(len(q.Form))
	for name, values := range q.Headers {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	if q.Form != "" && r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	switch {
	case q.Host != "":
		r.Host = q.Host
	case r.Header.Get("Host") != "":
		r.Host = r.Header.Get("Host")
	case r.Host == "" && len(m.hosts) > 0:
		r.Host = m.hosts[0]
	case r.Host == "":
		r.Host = "localhost"
	}
	delete(r.Header, "Host")
	r.URL.Scheme, r.URL.Host = "", ""
	if q.IP != "" {
		ip, err := netip.ParseAddr(q.IP)
		if err != nil {
			return nil, nil, fmt.Errorf("ip %q: is no address", q.IP)
		}
		r.RemoteAddr = netip.AddrPortFrom(ip, 40_000).String()
	}
	repl := caddy.NewReplacer()
	return caddyhttp.PrepareRequest(r, repl, nobody{}, m.server), repl, nil
}

// nobody is who the answer to a request goes to that is only thought of.
type nobody struct{}

func (nobody) Header() http.Header         { return http.Header{} }
func (nobody) Write(p []byte) (int, error) { return len(p), nil }
func (nobody) WriteHeader(int)             {}

// decide fills the answer in with the handler's own steps.
func (a *decideAnswer) decide(q *decideRequest, h *Handler, r *http.Request, repl *caddy.Replacer) {
	v := &visit{handler: h, request: r, authorize: h.authorizePaths[r.URL.Path]}
	var asked parameters
	who, holds, now := h.approach(v, r, repl, &asked)
	a.Authorize, a.Holds = v.authorize, holds
	a.Subject = subjectFacts{Value: v.subject, From: "the device cookie"}
	known, _ := h.app.keys.readDevice(r.Header)
	switch {
	case q.Subject != "":
		v.subject = q.Subject
		a.Subject = subjectFacts{Value: q.Subject, From: "--subject"}
	case v.subject == "":
		a.Subject.From = "nobody: the request has no device, and is given none"
	case who.device && known == "":
		a.Subject.From = "a new device, made up for this answer; each has a bucket of its own"
	case !who.device:
		a.Subject.From = h.Subject
	}
	made := h.request(v, r, &asked, holds, now)
	request := &made
	for i, value := range request.Attributes {
		a.Attributes = append(a.Attributes, namedValue{engine.Attribute(i).String(), value})
	}
	for _, which := range []parameter{paramExperiment, paramVariation, paramSegment, paramToken} {
		if asked.given[which] {
			a.Parameters = append(a.Parameters, namedValue{parameterNames[which], asked.values[which]})
		}
	}
	c := request.Carried
	a.CarriedHere = carriedFacts{c.ExperimentID, c.VariationID, c.SegmentID, c.IsControl, c.Forced}
	switch {
	case !v.authorize:
		a.note("%s is no authorization endpoint of the site (%s): nothing new is decided there", r.URL.Path, strings.Join(h.AuthorizePaths, " "))
	case holds:
		a.note("nothing new is decided for methods other than GET and POST, for prompt=none, and for prefetches")
	}
	if hasCookie(r.Header, carryCookie) && c.ExperimentID == "" {
		a.note("the carry cookie counts as absent: it has expired, or is signed for another subject or tenant, or by another key, or was forced by an override that this site does not allow")
	}
	if hasCookie(r.Header, deviceCookie) && known == "" {
		a.note("the device cookie counts as absent: it is not signed by a key of this edge")
	}
	applied := h.tenant.feed.Current()
	if applied == nil {
		a.note("tenant %s has no configuration in force: caddy experiments status says why", h.Tenant)
		a.Override.Verdict, a.Carried.Verdict, a.Experiments = engine.VerdictNone, engine.VerdictNone, []engine.ExperimentStep{}
		return
	}
	a.Revision = applied.Revision
	a.Explanation = *applied.Snapshot.Explain(request)
	a.overridesOf(h, &asked, request)
	a.conclude(h, r)
}

// overridesOf says of override parameters what only the site knows.
func (a *decideAnswer) overridesOf(h *Handler, asked *parameters, request *engine.Request) {
	switch {
	case len(a.Parameters) == 0 || request.Hold:
	case h.Overrides == overridesOff:
		a.Override = engine.OverrideStep{Verdict: engine.VerdictIgnored, Reason: "overrides are off on this site"}
	case request.Force.Refused && asked.overrideRepeated():
		a.Override.Reason = "a parameter is given twice"
	case request.Force.Refused:
		a.Override.Reason = "overrides are signed on this site, and experiment_token is missing, has expired, or does not allow exactly this; caddy experiments token makes one"
	}
}

// conclude says what the provider receives.
func (a *decideAnswer) conclude(h *Handler, r *http.Request) {
	d := &a.Explanation.Decision
	if d.Warning != "" {
		a.Warnings = append(a.Warnings, string(d.Warning)+": "+warningTexts[string(d.Warning)])
	}
	if d.Drop {
		a.note("the carry cookie is of no more use and would be removed")
	}
	t := d.Treatment
	if t == nil {
		return
	}
	if size, allowed, over := h.overBudget(r, t); over {
		what := "the header of " + t.VariationID
		if t.Header() != "" {
			what = "the request with the header of " + t.VariationID
		}
		a.Warnings = append(a.Warnings, fmt.Sprintf("%s: %s would have %d bytes, the budget is %d; the request gets nothing", codeHeaderTooLarge, what, size, allowed))
		return
	}
	a.Decision = &decidedFacts{
		ExperimentID: t.ExperimentID, VariationID: t.VariationID, IsControl: t.IsControl, SegmentID: d.SegmentID,
		Source: d.Source, New: d.New, Header: namedValue{h.Header, t.Header()},
	}
}

func (a *decideAnswer) note(format string, values ...any) {
	a.Notes = append(a.Notes, fmt.Sprintf(format, values...))
}

// Interface guard
var _ http.ResponseWriter = nobody{}
