package management

import (
	"fmt"
	"strings"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// logs looks for what keeps the experiment out of the logs.
func (d *diagnosis) logs() {
	d.question = QuestionLogs
	d.active()
	d.add("enriched_requests", ResultNote, "",
		"details.experiment is in the line of an authorization request that got a variation, and of the requests that a login carries it to; other lines do not have it")
	if !d.blind("access_log") {
		for _, s := range d.Edge.Sites {
			d.accessLog(s)
		}
		d.decisionLog()
	}
	d.header()
	if !d.blind("warnings") {
		d.warnings()
	}
}

// accessLog looks at what becomes of a site's lines.
func (d *diagnosis) accessLog(s SiteFacts) {
	log := s.AccessLog
	// With a decision log the experiment is in a log all the same.
	result := ResultProblem
	if d.Edge.DecisionLog != nil {
		result = ResultNote
	}
	remedy := inCaddyfile(s.URL, "log")
	switch log.State {
	case AccessLogUnknown:
		d.add("access_log", ResultUnknown, "caddy adapt --pretty --config Caddyfile", "%s: %s", s.URL, log.Reason)
		return
	case AccessLogOff:
		d.add("access_log", result, remedy, "%s writes no access log", s.URL)
		return
	case AccessLogHostOff:
		d.add("access_log", result, remedy, "%s writes no access log: other sites of its server do, its hosts are left out (skip_hosts, skip_unmapped_hosts or a log with no_hostname)", s.URL)
		return
	case AccessLogSkipped:
		d.add("access_log", result, "take log_skip out of "+s.URL, "%s skips the access log for all of its requests (log_skip)", s.URL)
		return
	case AccessLogSkippedFew:
		d.add("access_log_skip", ResultNote, "take log_skip out of "+s.URL, "%s skips the access log for some of its requests (log_skip with a matcher)", s.URL)
	}
	if len(log.Sinks) == 0 {
		d.add("access_log", result, "take "+log.Logger+" out of the exclude list of a log, add it to its include list, or set the level of the log to INFO",
			"%s writes access log lines as %s, but no log takes them: all leave out that name (include, exclude) or its level", s.URL, log.Logger)
		return
	}
	var kept []string
	for _, sink := range log.Sinks {
		d.sink(s, sink, result)
		if sink.Details == FieldKept {
			kept = append(kept, "log "+sink.Name)
		}
	}
	if len(kept) > 0 {
		d.add("access_log", ResultOK, "", "%s writes its access log, with details.experiment, to %s", s.URL, strings.Join(kept, ", "))
	}
}

// sink looks at one log of a site.
func (d *diagnosis) sink(s SiteFacts, sink SinkFacts, severity Result) {
	remedy := "take the line of details out of the filter in the format of log " + sink.Name
	switch sink.Details {
	case FieldDeleted:
		d.add("details_filter", severity, remedy, "%s: log %s deletes the field details, and with it details.experiment", s.URL, sink.Name)
	case FieldChanged:
		d.add("details_filter", severity, remedy, "%s: log %s replaces details.experiment by something else (filter)", s.URL, sink.Name)
	case FieldUnknown:
		d.add("details_filter", ResultUnknown, "look into the log itself", "%s: log %s has a format of its own, of which nobody knows what it does to details", s.URL, sink.Name)
	}
	if len(sink.Filtered) > 0 {
		d.add("details_filter", ResultNote, remedy, "%s: log %s deletes or changes %s", s.URL, sink.Name, strings.Join(sink.Filtered, ", "))
	}
	if sink.Sampled {
		d.add("sampling", ResultNote, "take the sampling block out of log "+sink.Name, "%s: log %s is sampled: under load most lines are left out", s.URL, sink.Name)
	}
}

func (d *diagnosis) decisionLog() {
	switch log := d.Edge.DecisionLog; {
	case log == nil:
		d.add("decision_log", ResultNote, app("decision_log ./decisions.log"), "there is no decision log; it would have every decision without an access log")
	case log.Dropped > 0:
		d.add("decision_log", ResultNote, "", "the decision log is on, and its sink could not take %d lines", log.Dropped)
	default:
		d.add("decision_log", ResultOK, "", "the decision log is on: details.experiment is in it, whatever the access log does")
	}
}

// header looks for variations that no header can hold: they are in no log
// either, because nobody gets them.
func (d *diagnosis) header() {
	alone := &engine.Document{FeatureFlags: []engine.FeatureFlag{*d.flag}, Segments: d.Document.Segments, Experiments: []engine.Experiment{*d.experiment}}
	largest := 0
	var over []string
	for _, t := range engine.Compile(alone, engine.Settings{HeaderBudget: d.HeaderBudget}).Treatments {
		largest = max(largest, t.HeaderSize)
		if t.HeaderSize > d.HeaderBudget && (len(over) == 0 || over[len(over)-1] != t.VariationID) {
			over = append(over, t.VariationID)
		}
	}
	if len(over) > 0 {
		d.add("header_budget", ResultProblem, app(fmt.Sprintf("header_budget %d", largest)),
			"experiment_header_too_large: the header of %s has up to %d bytes, the budget is %d; who should get it gets nothing", strings.Join(over, ", "), largest, d.HeaderBudget)
		return
	}
	d.add("header_budget", ResultOK, "", "the largest header has %d of %d bytes", largest, d.HeaderBudget)
}

// silent are the warnings behind which a request or document was passed over
// without an error, with what to do about each.
var silent = []struct{ code, meaning, remedy string }{
	{"experiment_circuit_open", "the store does not answer and is left alone for a while; the last good document serves", "wait some minutes, then: caddy experiments status"},
	{"experiment_not_found", "override parameters named an experiment that does not exist; the request got none", "check experiment_id in the request"},
	{"experiment_orphaned_params", "variation_id or segment_id came without experiment_id; they were ignored", "add experiment_id to the request"},
	{"experiment_override_invalid", "override parameters could not be followed; they were ignored", "caddy experiments decide '<the URL>'"},
	{"experiment_header_too_large", "a variation did not fit into the header; the request got nothing", app("header_budget <bytes>")},
	{"experiment_resolution_failed", "a decision failed; the request went on without an experiment", "look for the code in Caddy's log; the entry has the reason"},
	{"experiment_config_rejected", "a document was refused; the last good one serves", "caddy experiments status"},
	{"experiment_config_stale", "the store has not been heard of for too long; the last good document serves", "caddy experiments status"},
}

func (d *diagnosis) warnings() {
	found := false
	for _, w := range silent {
		if n := d.Edge.Warnings[w.code]; n > 0 {
			found = true
			d.add(w.code, ResultNote, w.remedy, "%d times since this process started: %s", n, w.meaning)
		}
	}
	if !found {
		d.add("warnings", ResultOK, "", "this process has not warned that it passed over a request or document")
	}
}
