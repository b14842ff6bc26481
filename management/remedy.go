package management

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/caddy-experiments/caddy-experiments/store"
)

// command writes one of Caddy's commands for the tenant.
func (d *diagnosis) command(rest string) string {
	line := "caddy experiments " + rest
	if d.Examination.Tenant != store.DefaultTenant {
		line += " --tenant " + string(d.Examination.Tenant)
	}
	return line
}

// api is where the management API answers, as far as it is known.
func (d *diagnosis) api() string {
	if d.Edge != nil && d.Edge.API != "" {
		return strings.TrimSuffix(d.Edge.API, "/")
	}
	return "$API"
}

// byHand reports whether the tenant has no management API on this edge, so that
// its document has to be changed.
func (d *diagnosis) byHand() bool { return d.Edge != nil && d.Edge.API == "" }

func (d *diagnosis) get(path string) string {
	if d.byHand() {
		return d.command("export")
	}
	return fmt.Sprintf(`curl "%s/%s" -H "Authorization: Bearer $TOKEN"`, d.api(), path)
}

func (d *diagnosis) send(method, path, body string) string {
	if d.byHand() {
		return strings.Join([]string{
			d.command("export -o document.json"),
			fmt.Sprintf("in document.json, at %s: %s", strings.TrimSuffix(path, "/status"), body),
			d.command("import document.json"),
		}, "\n")
	}
	return fmt.Sprintf(`curl -X %s "%s/%s" -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '%s'`,
		method, d.api(), path, strings.ReplaceAll(body, "'", `'\''`))
}

// status writes the request that moves an entity to another status.
func (d *diagnosis) status(path, status string) string {
	return d.send(http.MethodPost, path+"/status", `{"status": "`+status+`"}`)
}

func (d *diagnosis) experimentPath() string { return "experiments/" + d.experiment.ID }

// inCaddyfile writes lines of a Caddyfile and in which block they belong.
func inCaddyfile(block, lines string) string { return "Caddyfile, " + block + ":\n" + lines }

// app writes an option of the app.
func app(option string) string { return inCaddyfile("global options, experiments", option) }

// siteOption writes an option of a site's directive.
func siteOption(site SiteFacts, option string) string {
	return inCaddyfile(site.URL+", experiments", option)
}

// described is the site with all of its hosts.
func (s SiteFacts) described() string {
	if len(s.Hosts) < 2 {
		return s.URL
	}
	return s.URL + " (" + strings.Join(s.Hosts, ", ") + ")"
}
