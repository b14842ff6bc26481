package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/caddy-experiments/caddy-experiments/results"
)

// decide takes over the decision of the primary metric.
func (q *question) decide(r *Report) results.Decision {
	if m := r.Primary(); m != nil {
		return m.Decision
	}
	return results.Decision{Status: results.Collecting}
}

// Primary is the metric that decides; nil if there is none.
func (r *Report) Primary() *Metric {
	at := slices.IndexFunc(r.Metrics, func(m Metric) bool { return m.Role == results.Primary })
	if at < 0 {
		return nil
	}
	return &r.Metrics[at]
}

// verdict says in plain words what came out.
func verdict(r *Report, random bool) string {
	m := r.Primary()
	switch {
	case r.units() == 0:
		return "Nobody has been exposed yet."
	case m == nil:
		return "No metric decides this experiment; see the metrics one by one."
	case r.Decision.Status == results.Untrustworthy:
		return "Do not trust these numbers: the units are not divided as planned. See what the health notes say of the cause."
	case !random:
		return fmt.Sprintf("Segments decide here, so this is a description and no proof: %s", standings(r, m))
	case m.State == results.NoEvents || !m.MetricSeen:
		return fmt.Sprintf("%s units have been exposed, and no %s has come in yet.", grouped(r.units()), m.Name)
	}
	switch r.Decision.Status {
	case results.Winner:
		return winner(r, m)
	case results.Loser:
		return fmt.Sprintf("The control is better on %s: %s It is safe to stop and keep it.", m.Name, standings(r, m))
	case results.Undecided:
		text := fmt.Sprintf("Nothing is decided yet on %s: %s", m.Name, standings(r, m))
		for _, id := range r.Decision.Worse {
			text += fmt.Sprintf(" %s is worse than the control and can be taken out.", m.nameOf(id))
		}
		if m.DetectableEffect != nil && len(r.Decision.Worse) == 0 {
			text += fmt.Sprintf(" With the units so far a look would find a difference of %s four times out of five.", percent(*m.DetectableEffect))
		}
		return text + " Keep it running."
	}
	return untestable(r, m)
}

// untestable says why variations cannot be compared.
func untestable(r *Report, m *Metric) string {
	if !slices.ContainsFunc(r.Variations, func(v Variation) bool { return v.IsControl }) {
		return "No variation is the control, so there is nothing to compare with."
	}
	for _, t := range m.TreatmentResults {
		if t.Units < 2 {
			return fmt.Sprintf("%s has too few units to be compared on %s. Keep it running.", t.TreatmentName, m.Name)
		}
	}
	text := extreme(m)
	if text == "" {
		return fmt.Sprintf("The variations cannot be compared on %s: a variation's values do not vary.", m.Name)
	}
	for _, t := range m.TreatmentResults {
		if d := t.DifferenceInterval; d != nil {
			text += fmt.Sprintf(" %s differs from the control by %s to %s of all units.", t.TreatmentName, signed(d.Lower), signed(d.Upper))
		}
	}
	return text
}

func (m *Metric) nameOf(id string) string {
	for _, t := range m.TreatmentResults {
		if t.TreatmentID == id {
			return t.TreatmentName
		}
	}
	return id
}

func winner(r *Report, m *Metric) string {
	at := slices.IndexFunc(m.TreatmentResults, func(t results.TreatmentResult) bool { return t.TreatmentID == r.Decision.VariationID })
	if at < 0 {
		return "A variation beats the control." // unreachable: it decides by these results
	}
	return fmt.Sprintf("%s wins on %s: %s It is safe to stop.", m.TreatmentResults[at].TreatmentName, m.Name, difference(r, m, &m.TreatmentResults[at]))
}

// standings describes all treatments against the control.
func standings(r *Report, m *Metric) string {
	var texts []string
	for i := range m.TreatmentResults {
		t := &m.TreatmentResults[i]
		if !r.isControl(t.TreatmentID) {
			texts = append(texts, t.TreatmentName+" "+difference(r, m, t))
		}
	}
	return strings.Join(texts, " ")
}

// difference describes a treatment against the control, as a sentence's end.
func difference(r *Report, m *Metric, t *results.TreatmentResult) string {
	for _, d := range t.RelativeDifferences {
		if !r.isControl(d.FromTreatmentID) || d.Estimate == nil {
			continue
		}
		text := direction(*d.Estimate)
		if d.Lower != nil && d.Upper != nil {
			text += fmt.Sprintf(" (%s interval %s to %s)", percent(r.IntervalLevel), signed(*d.Lower), signed(*d.Upper))
		}
		if t.PBest != nil && m.ranks() {
			text += fmt.Sprintf(", best of all with a chance of %s", percent(*t.PBest))
		}
		return text + "."
	}
	return "cannot be compared with the control yet."
}

func (r *Report) isControl(id string) bool {
	return slices.ContainsFunc(r.Variations, func(v Variation) bool { return v.ID == id && v.IsControl })
}

func direction(x float64) string {
	switch {
	case x > 0:
		return percent(x) + " more than the control"
	case x < 0:
		return percent(-x) + " less than the control"
	}
	return "the same as the control"
}

// percent writes a share with three digits that count.
func percent(x float64) string {
	x *= 100
	digits := 1
	if x != 0 {
		digits = min(max(2-int(math.Floor(math.Log10(math.Abs(x)))), 0), 4)
	}
	text := strconv.FormatFloat(x, 'f', digits, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text + " %"
}

func signed(x float64) string {
	if x > 0 {
		return "+" + percent(x)
	}
	return percent(x)
}

// grouped writes a number with its thousands apart.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
