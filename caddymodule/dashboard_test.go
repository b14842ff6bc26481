package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// dashboard is what matters here of operations/grafana-dashboard.json.
type dashboard struct {
	Title, UID  string
	Panels      []panel
	Annotations struct {
		List []struct {
			Name, Expr, TextFormat string
			Datasource             datasource
		}
	}
	Templating struct {
		List []struct {
			Name, Type string
			Definition string
			Datasource datasource
		}
	}
}

type datasource struct{ Type, UID string }

type panel struct {
	ID          int
	Type, Title string
	Datasource  datasource
	GridPos     struct{ X, Y, W, H int }
	Targets     []struct {
		RefID, Expr, LegendFormat string
		Datasource                datasource
	}
}

func readDashboard(t testing.TB) dashboard {
	t.Helper()
	var d dashboard
	if err := json.Unmarshal([]byte(operationsFile(t, "grafana-dashboard.json")), &d); err != nil {
		t.Fatal(err)
	}
	if len(d.Panels) < 20 {
		t.Fatalf("found %d panels", len(d.Panels))
	}
	return d
}

// queries gives every expression of the dashboard with where it stands and the
// labels that its text names.
func (d dashboard) queries() (where, expressions, texts []string) {
	add := func(place, expression, text string) {
		where, expressions, texts = append(where, place), append(expressions, expression), append(texts, text)
	}
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			add(p.Title+" "+target.RefID, target.Expr, target.LegendFormat)
		}
	}
	for _, a := range d.Annotations.List {
		add("annotation "+a.Name, a.Expr, a.TextFormat)
	}
	for _, v := range d.Templating.List {
		if v.Type == "query" {
			selector, label, ok := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(v.Definition, "label_values("), ")"), ", ")
			for ok && strings.Contains(label, ", ") { // the selector has commas too
				var more string
				more, label, _ = strings.Cut(label, ", ")
				selector += ", " + more
			}
			add("variable "+v.Name, selector, "{{"+label+"}}")
		}
	}
	return where, expressions, texts
}

func TestDashboardIsWellFormed(t *testing.T) {
	d := readDashboard(t)
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if ids[p.ID] || p.Title == "" {
			t.Errorf("%q has the id %d", p.Title, p.ID)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("%q is where %q is, or beside the page", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			continue
		}
		if len(p.Targets) == 0 {
			t.Errorf("%q shows nothing", p.Title)
		}
		sources := []datasource{p.Datasource}
		for _, target := range p.Targets {
			sources = append(sources, target.Datasource)
		}
		for _, source := range sources {
			if source != (datasource{"prometheus", "${datasource}"}) {
				t.Errorf("%q is bound to the source %v", p.Title, source)
			}
		}
	}
}

func TestDashboardsVariablesExist(t *testing.T) {
	d := readDashboard(t)
	known := []string{"__rate_interval", "__range", "__interval"}
	for _, v := range d.Templating.List {
		known = append(known, v.Name)
	}
	for _, name := range []string{"datasource", "instance", "tenant"} {
		if !slices.Contains(known, name) {
			t.Errorf("there is no variable %s", name)
		}
	}
	for _, use := range regexp.MustCompile(`\$\{?(\w+)`).FindAllStringSubmatch(operationsFile(t, "grafana-dashboard.json"), -1) {
		if !slices.Contains(known, use[1]) {
			t.Errorf("$%s is used and not defined", use[1])
		}
	}
}

// Every metric of ours is shown, and nothing is asked for that no edge exposes.
func TestDashboardAsksForWhatThereIs(t *testing.T) {
	exposed := exposition(t)
	where, expressions, texts := readDashboard(t).queries()
	for i, expression := range expressions {
		if expression == "$expected / 100" { // a line to compare with
			continue
		}
		labels := exposed.check(t, where[i], expression)
		for _, label := range regexp.MustCompile(`\{\{(\w+)\}\}`).FindAllStringSubmatch(texts[i], -1) {
			if !labels[label[1]] {
				t.Errorf("%s: the text has the label %s, which the metrics do not", where[i], label[1])
			}
		}
	}
	all := strings.Join(expressions, "\n")
	for name := range exposed {
		if strings.HasPrefix(name, "caddy_experiments_") && !regexp.MustCompile(`\b`+name+`\b`).MatchString(all) {
			t.Errorf("no panel shows %s", name)
		}
	}
}

// Prometheus itself reads every expression, as the rule that it could be.
func TestDashboardsExpressionsAreValid(t *testing.T) {
	where, expressions, _ := readDashboard(t).queries()
	var rules strings.Builder
	rules.WriteString("groups:\n- name: dashboard\n  rules:\n")
	variables := strings.NewReplacer("$__rate_interval", "5m", "$__range", "6h", "$__interval", "1m", "$expected", "50")
	for i, expression := range expressions {
		fmt.Fprintf(&rules, "  - record: dashboard:%d\n    labels: {panel: %q}\n    expr: %q\n", i, where[i], variables.Replace(expression))
	}
	path := filepath.Join(t.TempDir(), "dashboard.yml")
	if err := os.WriteFile(path, []byte(rules.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "rules", path)
}
