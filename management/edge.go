package management

import (
	"strings"
	"time"

	"github.com/caddy-experiments/caddy-experiments/store"
)

// EdgeFacts is what an edge knows of itself that bears on one experiment of one
// tenant. They are facts only; what follows from them is Diagnose's.
type EdgeFacts struct {
	// Entitled says that the edge lets the tenant have experiments.
	Entitled bool
	// State, Revision and LastError are those of the configuration in force. An
	// empty state means that the edge does not follow the tenant.
	State     store.State
	Revision  uint64
	LastError string
	// Store says whether the store answers.
	Store store.StoreStatus
	// API is where the management API answers for the tenant, up to and with its
	// prefix; empty if this edge has none for it.
	API string
	// Sites are those that decide for the tenant. SitesUnknown says why there
	// may be more than these.
	Sites        []SiteFacts
	SitesUnknown string
	Location     LocationFacts
	// DecisionLog is nil if there is none.
	DecisionLog *DecisionLogFacts
	// Decisions counts what the process has given out of the tenant's experiment.
	Decisions []DecisionCount
	// Warnings counts the warnings of the process by code: those about the tenant,
	// and about the store.
	Warnings map[string]uint64
}

// forToken returns what of the facts a token may see. Paths of the machine and
// the texts of errors, which name paths, hosts and ports, are for those who
// operate the edge: they have its log and the admin API.
func (f EdgeFacts) forToken() EdgeFacts {
	const withheld = "the log of the edge and caddy experiments status have the reason"
	for _, reason := range []*string{&f.LastError, &f.Store.LastError, &f.Location.LastError} {
		if *reason != "" {
			*reason = withheld
		}
	}
	f.Location.Path = ""
	for _, s := range f.Sites {
		for i := range s.Detours {
			if s.Detours[i].Upstream != "" {
				s.Detours[i].Upstream = "the provider"
			}
		}
	}
	return f
}

// SiteFacts is a place of the edge where requests are decided for the tenant.
type SiteFacts struct {
	// URL is where the site is, as far as the configuration tells.
	URL string
	// Hosts are those that the site is for; none means every host.
	Hosts []string
	// Conditional says that a matcher keeps some requests of the site away.
	Conditional bool
	// Detours are the ways through the site on which requests do not pass
	// experiments.
	Detours        []DetourFacts
	AuthorizePaths []string
	// Overrides is open, signed or off.
	Overrides string
	// Subject is what the site buckets instead of its own cookie; empty if it
	// does not.
	Subject string
	Sticky  time.Duration
	// Connections says that the site knows the type of some connections.
	Connections bool
	AccessLog   AccessLogFacts
}

// LocationFacts describes the location database.
type LocationFacts struct {
	Configured bool
	Path       string // empty for who may not know it
	Loaded     bool
	Regions    bool
	LastError  string
}

func (l LocationFacts) name() string {
	return strings.TrimSuffix("the location database "+l.Path, " ")
}

// DecisionLogFacts describes the decision log.
type DecisionLogFacts struct {
	Dropped uint64
}

// DecisionCount is how many requests were given a variation in one way.
type DecisionCount struct {
	VariationID string
	Source      string
	Count       uint64
}

// AccessLogFacts is what happens to the access log lines of a site.
type AccessLogFacts struct {
	State AccessLogState
	// Reason says why the state is unknown.
	Reason string
	// Logger is the name under which the lines are written.
	Logger string
	// Sinks are the logs that take the lines.
	Sinks []SinkFacts
}

// AccessLogState says whether lines are written, before any log looks at them.
type AccessLogState string

// The states of an access log.
const (
	AccessLogOn         AccessLogState = "on"
	AccessLogOff        AccessLogState = "off"         // the server has none
	AccessLogHostOff    AccessLogState = "host_off"    // not for the site's hosts
	AccessLogSkipped    AccessLogState = "skipped"     // log_skip for all of the site's requests
	AccessLogSkippedFew AccessLogState = "skipped_few" // log_skip for some of them
	AccessLogUnknown    AccessLogState = "unknown"
)

// SinkFacts is one log that takes a site's lines.
type SinkFacts struct {
	Name string
	// Details is what becomes of the field details.experiment.
	Details FieldFate
	// Filtered are fields inside of it that are deleted or changed.
	Filtered []string
	// Sampled says that the log leaves out lines when there are many.
	Sampled bool
}

// FieldFate is what a log makes of a field.
type FieldFate string

// The fates of a field.
const (
	FieldKept    FieldFate = "kept"
	FieldDeleted FieldFate = "deleted"
	FieldChanged FieldFate = "changed"
	FieldUnknown FieldFate = "unknown" // an encoder that is not Caddy's own
)
