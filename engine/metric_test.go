package engine

import "testing"

func TestBuiltInMetrics(t *testing.T) {
	want := map[string][2]string{
		"login": {"s", HigherThanBaseline}, "signup": {"ss", HigherThanBaseline},
		"failed_login": {"f", LowerThanBaseline}, "login_ms": {"login_ms", LowerThanBaseline},
	}
	var none Document
	for key, facts := range want {
		m, known := none.Metric(key)
		if !known || m.EventKey != facts[0] || m.SuccessCriteria != facts[1] || m.UnitAggregationType != AggregationAverage || m.IsNumeric != (key == "login_ms") {
			t.Errorf("%s is %+v", key, m)
		}
	}
	if n := len(BuiltInMetrics()); n != len(want) {
		t.Errorf("%d metrics are built in, want %d", n, len(want))
	}
	if m, _ := none.Metric("login_ms"); m.Unit != "ms" || m.EventDefault == nil || !m.EventDefault.Disabled {
		t.Errorf("login_ms is %+v", m)
	}
}

func TestFindMetrics(t *testing.T) {
	document := decode(t, recorded)
	if m, known := document.Metric("revenue"); !known || m.EventKey != "bought it!" {
		t.Errorf("got %+v, %t", m, known)
	}
	if g, known := document.MetricGroup("funnel"); !known || len(g.Metrics) != 2 {
		t.Errorf("got %+v, %t", g, known)
	}
	if _, known := document.Metric("nothing"); known {
		t.Error("a metric that nobody defined is known")
	}
	if _, known := document.MetricGroup("login"); known {
		t.Error("a group that nobody defined is known")
	}
}

func TestCompletedMetric(t *testing.T) {
	got := Metric{Key: "k", EventKey: "e"}.Completed()
	if got.Name != "k" || got.Kind != MetricCustom || got.UnitAggregationType != AggregationAverage || got.SuccessCriteria != HigherThanBaseline || got.AnalysisType != AnalysisMean {
		t.Errorf("got %+v", got)
	}
	own := decode(t, recorded).Metrics[0]
	if got := own.Completed(); got.Kind != MetricClick || got.UnitAggregationType != AggregationSum || got.SuccessCriteria != LowerThanBaseline || got.Name != "Revenue" {
		t.Errorf("got %+v", got)
	}
}
