package management

import (
	"fmt"
	"strings"
	"time"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/store"
)

// traffic looks for what keeps requests away from the experiment.
func (d *diagnosis) traffic() {
	d.question = QuestionTraffic
	d.active()
	d.blockers(d.readiness())
	d.limit()
	d.flow()
	d.ramp()
	d.inForce()
	d.sites()
	d.segments()
	d.override()
	d.counted()
}

// active looks at the experiment's status.
func (d *diagnosis) active() {
	status := d.experiment.Status
	switch status {
	case engine.ExperimentActive:
		d.add("status", ResultOK, "", "the experiment is active")
	case engine.ExperimentDraft, engine.ExperimentPaused:
		d.add("status", ResultProblem, d.status(d.experimentPath(), "active"),
			"the experiment is in %s status; only an active one assigns anybody", status)
	case engine.ExperimentCompleted:
		d.add("status", ResultProblem, d.again(), "the experiment is completed, and a completed one cannot be activated again")
	default:
		d.add("status", ResultProblem, d.again(), "the experiment is archived: only override parameters reach it")
	}
}

// again writes how to make a new experiment like this one.
func (d *diagnosis) again() string {
	name := d.experiment.Name + " again"
	if len(name) > 255 {
		name = d.experiment.ID + " again"
	}
	flow := d.experiment.AuthenticationFlow
	if engine.FlowBlocker(d.experiment) != nil {
		flow = engine.FlowAuthentication
	}
	body := struct {
		Name             string                  `json:"name"`
		FeatureFlagID    string                  `json:"feature_flag_id"`
		Flow             string                  `json:"authentication_flow"`
		Strategy         engine.Strategy         `json:"allocation_strategy"`
		AssignmentConfig engine.AssignmentConfig `json:"assignment_config"`
		DefaultConfig    engine.DefaultConfig    `json:"default_config,omitempty"`
		Levels           []int                   `json:"levels,omitempty"`
		Allocations      []engine.Allocation     `json:"allocations"`
	}{name, d.flag.ID, flow, d.experiment.Strategy, d.experiment.AssignmentConfig,
		d.experiment.DefaultConfig, d.experiment.Levels, d.experiment.Allocations}
	return d.send("POST", "experiments", encodeLine(body))
}

// readiness is what keeps the experiment from running by itself.
func (d *diagnosis) readiness() []engine.Blocker {
	return engine.Readiness(d.experiment, d.flag, engine.Efforts(d.Document))
}

// blockers reports each blocker with its own remedy.
func (d *diagnosis) blockers(blockers []engine.Blocker) {
	if len(blockers) == 0 {
		d.add("is_valid", ResultOK, "", "is_valid is true")
	}
	for _, blocker := range blockers {
		d.add(blocker.Code, ResultProblem, d.unblock(blocker.Code), "is_valid is false: %s", blocker.Message)
	}
}

// limit looks for other active experiments that come first.
func (d *diagnosis) limit() {
	active := engine.Deciding(d.Document.Experiments)
	if _, may := standing(d.Document, d.experiment, d.MaxActive); may {
		d.add("active_limit", ResultOK, d.get("experiments?status=active"),
			"%d of at most %d experiments of %s are active; none stands in the way", len(active), d.MaxActive, d.Examination.Tenant)
		return
	}
	var owners []string
	for _, other := range active[:min(len(active), d.MaxActive)] {
		owners = append(owners, other.ID+` "`+other.Name+`"`)
	}
	d.add("active_limit", ResultProblem,
		d.status("experiments/"+active[0].ID, "paused")+"\n"+app(fmt.Sprintf("max_active_experiments %d", max(len(active), d.MaxActive+1))),
		"%s: another experiment is active and comes first: %s; at most %d of %s may assign at a time",
		engine.CodeActiveLimitExceeded, strings.Join(owners, ", "), d.MaxActive, d.Examination.Tenant)
}

// flow looks at whether any request belongs to the experiment's flow.
func (d *diagnosis) flow() {
	blocker := engine.FlowBlocker(d.experiment)
	if blocker == nil {
		d.add("authentication_flow", ResultOK, "", "the requests that are decided belong to the flow %s", d.experiment.AuthenticationFlow)
		return
	}
	d.add(blocker.Code, ResultProblem, d.unblock(blocker.Code), "%s", blocker.Message)
}

// ramp says whom the ramp lets in, if there is one.
func (d *diagnosis) ramp() {
	if len(d.experiment.Levels) == 0 {
		return
	}
	level, remedy := d.experiment.Level(), ""
	next, more := d.experiment.NextLevel()
	if more && d.experiment.Status == engine.ExperimentActive {
		remedy = d.send("POST", d.experimentPath()+"/advance-ramp", fmt.Sprintf(`{"target_level": %d}`, next))
		if d.byHand() {
			remedy = d.send("PATCH", d.experimentPath(), fmt.Sprintf(`{"current_level": %d}`, next))
		}
	}
	switch {
	case level == 0:
		d.add("ramp", ResultProblem, remedy, "the ramp is at level 0: it lets no subject in")
	case level < engine.EveryLevel:
		d.add("ramp", ResultNote, remedy, "the ramp is at level %d: %d %% of the subjects are in, the others get nothing of the experiment", level, level)
	default:
		d.add("ramp", ResultOK, remedy, "the ramp is at level 100: everybody is in")
	}
}

// inForce looks at whether the edge decides by the newest document.
func (d *diagnosis) inForce() {
	if d.blind("document") {
		return
	}
	edge := d.Edge
	if !edge.Entitled {
		d.add("entitled", ResultProblem, app("tenants "+string(d.Examination.Tenant)+"   (beside those that are there)"),
			"%s: tenant %s is not among the tenants that this edge lets have experiments", CodeNotEntitled, d.Examination.Tenant)
	}
	if !edge.Store.Reachable {
		d.add("store", ResultProblem, d.command("status"),
			"the store has not answered since %s: %s; this edge goes on with what it has, and nothing can be changed", edge.Store.Since.Format(time.RFC3339), edge.Store.LastError)
	}
	switch {
	case edge.State == "":
		d.add("document", ResultNote, "", "this edge does not follow tenant %s, because no site or token of it uses that tenant", d.Examination.Tenant)
	case !edge.Store.Reachable:
		d.add("document", ResultNote, "", "revision %d is in force; whether there is a newer one cannot be known", edge.Revision)
	case edge.State == store.StateDegraded:
		d.add("document", ResultProblem, d.command("status")+"\n"+d.command("export -o document.json")+"\ncaddy experiments validate document.json",
			"the newest document is not in force; this edge decides by revision %d: %s", edge.Revision, edge.LastError)
	case edge.State == store.StateEmpty:
		d.add("document", ResultProblem, d.command("status"), "this edge has no document of %s yet: %s", d.Examination.Tenant, edge.LastError)
	case d.Revision != 0 && d.Revision != edge.Revision:
		d.add("document", ResultNote, d.command("status"), "this edge decides by revision %d, the store has revision %d; it should be applied within about a second", edge.Revision, d.Revision)
	default:
		d.add("document", ResultOK, "", "revision %d is in force, and the store has none that is newer", edge.Revision)
	}
}

// sites looks at where requests would have to arrive.
func (d *diagnosis) sites() {
	if d.blind("sites") {
		return
	}
	sites := d.Edge.Sites
	switch {
	case len(sites) == 0 && d.Edge.SitesUnknown != "":
		d.add("sites", ResultUnknown, "caddy adapt --pretty --config Caddyfile", "no site of tenant %s was found, but %s", d.Examination.Tenant, d.Edge.SitesUnknown)
		return
	case len(sites) == 0:
		d.add("sites", ResultProblem, inCaddyfile("the site in front of the provider", "experiments {\n\ttenant "+string(d.Examination.Tenant)+"\n}\nreverse_proxy idp:8080"),
			"no site of this edge uses tenant %s, so no request is decided for it", d.Examination.Tenant)
		return
	}
	d.add("sites", ResultOK, "", "tenant %s decides on %s", d.Examination.Tenant, listed(sites, func(s SiteFacts) string { return s.described() }))
	for _, s := range sites {
		d.add("authorize_path", ResultNote, siteOption(s, "authorize_path /authorize"),
			"%s decides GET and POST of exactly these paths, without prompt=none: %s", s.URL, strings.Join(s.AuthorizePaths, " "))
		d.placement(s)
		if s.Conditional && len(s.Detours) == 0 {
			d.add("matcher", ResultNote, "caddy adapt --pretty --config Caddyfile",
				"%s: experiments stands behind a matcher, or in a handle or route with one; requests that it does not match are not decided", s.URL)
		}
	}
}

// override says how to see a variation whatever the rules say.
func (d *diagnosis) override() {
	if len(d.flag.Variations) == 0 {
		return
	}
	id := d.flag.Variations[0].ID
	for _, a := range d.experiment.Allocations {
		if !a.IsControl {
			id = a.VariationID
			break
		}
	}
	base, path, remedy := "https://<your site>", "/authorize", ""
	if d.Edge != nil && len(d.Edge.Sites) > 0 {
		s := d.Edge.Sites[0]
		base, path = s.URL, s.AuthorizePaths[0]
		switch s.Overrides {
		case "off":
			remedy = siteOption(s, "overrides signed") + "\n"
			fallthrough
		case "signed":
			remedy += d.command("token --experiment "+d.experiment.ID+" --variation "+id) + "   (prints what to add)\n"
		}
	}
	remedy += fmt.Sprintf("curl -i '%s%s?experiment_id=%s&variation_id=%s'", base, path, d.experiment.ID, id)
	d.add("bypass", ResultNote, remedy, "override parameters give a variation without looking at weights or segments")
}

// counted looks at what the edge has given out.
func (d *diagnosis) counted() {
	if d.blind("decisions") {
		return
	}
	var parts []string
	for _, c := range d.Edge.Decisions {
		parts = append(parts, fmt.Sprintf("%s by %s: %d", c.VariationID, c.Source, c.Count))
	}
	if len(parts) > 0 {
		d.add("decisions", ResultOK, "", "since this process started it has given out %s", strings.Join(parts, ", "))
		return
	}
	remedy := d.command("decide /authorize")
	if len(d.Edge.Sites) > 0 {
		remedy = "caddy experiments decide '" + d.Edge.Sites[0].URL + d.Edge.Sites[0].AuthorizePaths[0] + "'"
	}
	d.add("decisions", ResultNote, remedy, "since this process started it has given nobody a variation of the experiment")
}

// listed writes one word about each of several things.
func listed[T any](things []T, word func(T) string) string {
	words := make([]string, len(things))
	for i, thing := range things {
		words[i] = word(thing)
	}
	return strings.Join(words, ", ")
}
