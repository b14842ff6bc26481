package caddymodule_test

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// promtool runs Prometheus's own checker in operations/ and fails with what it
// says.
func promtool(t *testing.T, arguments ...string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is missing; install the package prometheus")
	}
	command := exec.Command(path, arguments...)
	command.Dir = "../operations"
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%.3000s", strings.Join(arguments, " "), err, out)
	}
}

func operationsFile(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../operations", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// alertRule is one alert as it stands in alerts.yml.
type alertRule struct{ name, text, expression string }

var (
	alertStart      = regexp.MustCompile(`(?m)^ +- alert: (\w+)$`)
	alertExpression = regexp.MustCompile(`(?s)\n +expr: (?:>-\n)?(.*?)\n +(?:for|labels):`)
)

func alertRules(t testing.TB) []alertRule {
	t.Helper()
	text := operationsFile(t, "alerts.yml")
	starts := alertStart.FindAllStringSubmatchIndex(text, -1)
	var rules []alertRule
	for i, at := range starts {
		end := len(text)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		rule := alertRule{name: text[at[2]:at[3]], text: text[at[0]:end]}
		if found := alertExpression.FindStringSubmatch(rule.text); found != nil {
			rule.expression = found[1]
		}
		rules = append(rules, rule)
	}
	if len(rules) < 10 {
		t.Fatalf("found %d alerts", len(rules))
	}
	return rules
}

func TestAlertsAreValid(t *testing.T) {
	promtool(t, "check", "rules", "alerts.yml")
	promtool(t, "test", "rules", "alerts_test.yml")
}

// Whoever is woken up must be told what is wrong, how bad it is, and what to do.
func TestAlertsLeadSomewhere(t *testing.T) {
	const repository = "https://github.com/caddy-experiments/caddy-experiments/blob/main/"
	severity := regexp.MustCompile(`\n          severity: (critical|warning|info)\n`)
	runbook := regexp.MustCompile(`\n          runbook_url: ` + repository + `(\S+)#(\S+)\n`)
	for _, rule := range alertRules(t) {
		for _, part := range []string{"\n          summary: ", "\n          description: "} {
			if !strings.Contains(rule.text, part) {
				t.Errorf("%s has no %s", rule.name, strings.TrimSpace(part))
			}
		}
		if !severity.MatchString(rule.text) {
			t.Errorf("%s has no known severity", rule.name)
		}
		link := runbook.FindStringSubmatch(rule.text)
		if link == nil {
			t.Errorf("%s has no runbook of this repository", rule.name)
			continue
		}
		if !slices.Contains(anchors(t, link[1]), link[2]) {
			t.Errorf("%s: %s has no section #%s", rule.name, link[1], link[2])
		}
	}
}

// anchors gives the anchors of the headings of a document.
func anchors(t testing.TB, document string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", document))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(string(text), -1) {
		plain := regexp.MustCompile("[^a-z0-9 _-]").ReplaceAllString(strings.ToLower(heading[1]), "")
		found = append(found, strings.ReplaceAll(plain, " ", "-"))
	}
	for _, anchor := range regexp.MustCompile(`<a id="([^"]+)">`).FindAllStringSubmatch(string(text), -1) {
		found = append(found, anchor[1])
	}
	return found
}

// Each alert has a test where it fires and one where it does not.
func TestAlertsAreTested(t *testing.T) {
	tests := operationsFile(t, "alerts_test.yml")
	for _, rule := range alertRules(t) {
		for outcome, pattern := range map[string]string{
			"fires":         `alertname: ` + rule.name + `\n +exp_alerts:\n`,
			"does not fire": `alertname: ` + rule.name + `\n +exp_alerts: \[\]\n`,
		} {
			if !regexp.MustCompile(pattern).MatchString(tests) {
				t.Errorf("no test says when %s %s", rule.name, outcome)
			}
		}
	}
}

// What alerts and dashboard ask for must be what a real edge exposes.
func TestAlertsAskForWhatThereIs(t *testing.T) {
	exposed := exposition(t)
	mentioned := regexp.MustCompile(`\$labels\.(\w+)`)
	documented := documentation(t)
	for _, rule := range alertRules(t) {
		labels := exposed.check(t, rule.name, rule.expression)
		for _, label := range mentioned.FindAllStringSubmatch(rule.text, -1) {
			if !labels[label[1]] {
				t.Errorf("%s: the text has the label %s, which the expression does not", rule.name, label[1])
			}
		}
		for _, codes := range regexp.MustCompile(`code=~?"([^"]*)"`).FindAllStringSubmatch(rule.expression, -1) {
			for code := range strings.SplitSeq(codes[1], "|") {
				code, _, _ = strings.Cut(code, ".+")
				if !strings.Contains(documented, "`"+code) {
					t.Errorf("%s: no warning has the code %s", rule.name, code)
				}
			}
		}
	}
}

func documentation(t testing.TB) string {
	t.Helper()
	var text strings.Builder
	for _, name := range []string{"observability.md", "document.md"} {
		page, err := os.ReadFile(filepath.Join("../docs", name))
		if err != nil {
			t.Fatal(err)
		}
		text.Write(page)
	}
	return text.String()
}

// samples are the metrics that an edge exposes, with their labels.
type samples map[string]map[string]bool

// exposition scrapes an edge that has served every kind of request.
func exposition(t *testing.T) samples {
	t.Helper()
	e := startEdge(t, setup{Store: map[string]string{"default/production": split}, App: "decision_log {dir}/decisions.log\nevents {dir}/events\ngeoip " + demoPath})
	for _, path := range []string{"/authorize", "/authorize?experiment_id=exp_Unknown", "/login"} {
		e.Get(path, nil)
	}
	found := samples{"up": {"job": true, "instance": true}} // Prometheus's own
	for line := range strings.Lines(e.scrape()) {
		match := regexp.MustCompile(`^([a-z_]+)(?:\{(.*)\})? \S+\n$`).FindStringSubmatch(line)
		if match == nil {
			continue
		}
		if found[match[1]] == nil {
			found[match[1]] = map[string]bool{"job": true, "instance": true} // of every target
		}
		for _, label := range regexp.MustCompile(`([a-z_]+)="`).FindAllStringSubmatch(match[2], -1) {
			found[match[1]][label[1]] = true
		}
	}
	return found
}

var (
	quoted   = regexp.MustCompile(`"[^"]*"`)
	metric   = regexp.MustCompile(`\b(?:up|(?:caddy|go|process)_[a-z0-9_]+)\b(?:\{([^}]*)\})?`)
	grouping = regexp.MustCompile(`\b(?:by|on|ignoring|without|group_left|group_right) ?\(([^)]*)\)`)
	word     = regexp.MustCompile(`[a-z_]+`)
)

// check reports metrics and labels of a PromQL expression that no edge has, and
// gives all the labels that its metrics have.
func (s samples) check(t *testing.T, where, expression string) map[string]bool {
	t.Helper()
	expression = quoted.ReplaceAllString(expression, `""`)
	all := map[string]bool{}
	selectors := metric.FindAllStringSubmatch(expression, -1)
	if len(selectors) == 0 {
		t.Errorf("%s: no metric in %s", where, expression)
	}
	for _, selector := range selectors {
		name, _, _ := strings.Cut(selector[0], "{")
		labels, known := s[name]
		if !known {
			t.Errorf("%s: no edge has the metric %s", where, name)
			continue
		}
		maps.Copy(all, labels)
		for _, label := range word.FindAllString(selector[1], -1) {
			if !labels[label] {
				t.Errorf("%s: %s has no label %s", where, name, label)
			}
		}
	}
	for _, group := range grouping.FindAllStringSubmatch(expression, -1) {
		for _, label := range word.FindAllString(group[1], -1) {
			if !all[label] {
				t.Errorf("%s: groups by %s, which its metrics do not have", where, label)
			}
		}
	}
	return all
}
