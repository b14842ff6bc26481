package engine

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
)

// The vectors are worked out by testdata/vectors.py from the published formula,
// so that Go and an analyst's query agree.
func TestBucketVectors(t *testing.T) {
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Subject      string
		ExperimentID string `json:"experiment_id"`
		Bucket       int
		FineBucket   int `json:"fine_bucket"`
		Weights      []string
		Index        int
	}
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) < 200 {
		t.Fatalf("%d vectors, want at least 200", len(vectors))
	}
	for i, v := range vectors {
		bucket := BucketOf(v.Subject, v.ExperimentID)
		if int(bucket) != v.FineBucket || int(bucket)/1000 != v.Bucket {
			t.Errorf("vector %d: BucketOf(%.40q, %.40q) = %d, want %d", i, v.Subject, v.ExperimentID, bucket, v.FineBucket)
		}
		snapshot := compile(t, weighted(v.ExperimentID, v.Weights))
		d := snapshot.Decide(&Request{Subject: v.Subject, Force: Force{ExperimentID: v.ExperimentID}})
		got := -1
		if d.Treatment != nil {
			got = strings.Index(base58Letters, strings.TrimPrefix(d.Treatment.VariationID, "var_"))
		}
		if got != v.Index {
			t.Errorf("vector %d: subject %.40q with weights %v got variation %d, want %d", i, v.Subject, v.Weights, got, v.Index)
		}
	}
}

const base58Letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"

// weighted is an active percentage experiment with these weights, its
// variations named after base58Letters in order.
func weighted(experimentID string, weights []string) string {
	var variations, allocations []string
	for i, weight := range weights {
		id := "var_" + base58Letters[i:i+1]
		variations = append(variations, fmt.Sprintf(`{"id":%q,"name":"v"}`, id))
		allocations = append(allocations, fmt.Sprintf(`{"variation_id":%q,"weight":%s,"is_control":%t}`, id, weight, i == 0))
	}
	return fmt.Sprintf(`{"feature_flags":[{"id":"flg_1","name":"f","status":"active","parameters":{"p":{"type":"number","value":1}},"variations":[%s]}],
	"experiments":[{"id":%q,"name":"e","feature_flag_id":"flg_1","allocation_strategy":"percentage","status":"active","allocations":[%s]}]}`,
		strings.Join(variations, ","), experimentID, strings.Join(allocations, ","))
}

func TestBucketRange(t *testing.T) {
	for i := range 20000 {
		if b := BucketOf(fmt.Sprint(i), "exp_1"); b < 0 || b >= Bucket(WholeWeight) {
			t.Fatalf("BucketOf(%d) = %d, out of range", i, b)
		}
	}
}

// A range ends before the next one begins, to the thousandth of a percent.
func TestRangeEdges(t *testing.T) {
	snapshot := compile(t, weighted("exp_1", []string{"12.345", "37.655", "50"}))
	want := map[Bucket]string{0: "var_A", 12_344: "var_A", 12_345: "var_B", 49_999: "var_B", 50_000: "var_C", 99_999: "var_C"}
	for i := 0; len(want) > 0 && i < 10_000_000; i++ {
		subject := fmt.Sprint(i)
		bucket := BucketOf(subject, "exp_1")
		variation, edge := want[bucket]
		if !edge {
			continue
		}
		if got := snapshot.Decide(&Request{Subject: subject}).Treatment.VariationID; got != variation {
			t.Errorf("bucket %d got %s, want %s", bucket, got, variation)
		}
		delete(want, bucket)
	}
	if len(want) > 0 {
		t.Errorf("no subject falls on %v", want)
	}
}

// The subjects are fixed, so the statistic is too: the bounds are what chance
// exceeds once in ten thousand times.
func TestSplitFollowsTheWeights(t *testing.T) {
	const subjects = 100_000
	tests := []struct {
		name    string
		weights []string
		bound   float64 // chi-square at 1e-4 with one degree of freedom less than weights above 0
	}{
		{"halves", []string{"50", "50"}, 15.14},
		{"thirds", []string{"33.333", "33.333", "33.334"}, 18.42},
		{"small share", []string{"0.5", "99.5"}, 15.14},
		{"thousandths", []string{"0.055", "0.445", "99.5"}, 18.42},
		{"zero between", []string{"20", "0", "80"}, 15.14},
		{"many", []string{"10", "10", "10", "10", "10", "10", "10", "10", "10", "10"}, 33.72},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			snapshot := compile(t, weighted("exp_share", test.weights))
			counts := map[string]int{}
			for i := range subjects {
				counts[snapshot.Decide(&Request{Subject: fmt.Sprintf("device-%d", i)}).Treatment.VariationID]++
			}
			var chi float64
			for i, text := range test.weights {
				weight, _ := ParseWeight(text)
				got := float64(counts["var_"+base58Letters[i:i+1]])
				if weight == 0 {
					if got != 0 {
						t.Errorf("%v subjects got a variation of weight 0", got)
					}
					continue
				}
				want := subjects * float64(weight) / float64(WholeWeight)
				chi += (got - want) * (got - want) / want
			}
			if chi > test.bound {
				t.Errorf("chi-square %.2f is over %.2f; counts %v", chi, test.bound, counts)
			}
		})
	}
}

// Another experiment with the same subjects must split them independently.
func TestExperimentsSplitIndependently(t *testing.T) {
	both, first := 0, 0
	for i := range 100_000 {
		subject := fmt.Sprintf("device-%d", i)
		if BucketOf(subject, "exp_1") < 50_000 {
			first++
			if BucketOf(subject, "exp_2") < 50_000 {
				both++
			}
		}
	}
	if share := float64(both) / float64(first); share < 0.49 || share > 0.51 {
		t.Errorf("of those in the first half of one experiment %.3f are in the first half of the other, want 0.5", share)
	}
}
