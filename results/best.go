package results

import (
	"math"
	"slices"
)

// Rank is how one variation stands among all.
type Rank struct {
	// Best is the probability to be the best of all, 0 to 1; over all
	// variations they sum to 1.
	Best float64
	// Loss is what is expected to be lost by choosing this variation, in the
	// metric's unit: E[max over all] - E[this one].
	Loss float64
}

// RankRates ranks conversion rates by their posteriors.
func RankRates(posteriors []Beta, lowerIsBetter bool) ([]Rank, State) {
	candidates := make([]candidate, len(posteriors))
	for i, p := range posteriors {
		if !p.valid() {
			return nil, InvalidInput
		}
		candidates[i] = rated(p)
	}
	return rank(candidates, lowerIsBetter), OK
}

// RankMeans ranks means by their posteriors.
func RankMeans(posteriors []Normal, lowerIsBetter bool) ([]Rank, State) {
	candidates := make([]candidate, len(posteriors))
	for i, p := range posteriors {
		if !isFinite(p.Mu) || !(p.Sigma > 0) || !isFinite(p.Sigma) {
			return nil, InvalidInput
		}
		candidates[i] = measured(p)
	}
	if len(posteriors) == 2 {
		return rankPair(posteriors[0], posteriors[1], lowerIsBetter), OK
	}
	return rank(candidates, lowerIsBetter), OK
}

// rankPair is the closed form for two normals.
func rankPair(first, second Normal, lowerIsBetter bool) []Rank {
	d := Normal{second.Mu - first.Mu, math.Hypot(first.Sigma, second.Sigma)}
	if lowerIsBetter {
		d.Mu = -d.Mu
	}
	choosing, forgoing := d.Loss()
	return []Rank{{d.CDF(0), forgoing}, {d.Survival(0), choosing}}
}

// candidate is a posterior along a coordinate z that suits it: a rate's log
// odds, a mean itself.
type candidate struct {
	density  func(z float64) float64
	tails    func(z float64) (below, above float64)
	quantile func(p, q float64) float64
	slope    func(z float64) float64 // of the metric by z
	same     any                     // equal for equal posteriors
}

func rated(d Beta) candidate {
	return candidate{
		density: func(z float64) float64 {
			x, y := fromOdds(z)
			return betaPower(d.Alpha, d.Beta, x, y)
		},
		tails: func(z float64) (float64, float64) {
			x, y := fromOdds(z)
			return incompleteBeta(d.Alpha, d.Beta, x, y)
		},
		quantile: d.oddsQuantile,
		slope: func(z float64) float64 {
			x, y := fromOdds(z)
			return x * y
		},
		same: d,
	}
}

func measured(d Normal) candidate {
	return candidate{
		density: func(z float64) float64 { return normalDensity((z-d.Mu)/d.Sigma) / d.Sigma },
		tails:   func(z float64) (float64, float64) { return d.CDF(z), d.Survival(z) },
		quantile: func(p, q float64) float64 {
			if p < q {
				return d.Mu + d.Sigma*normalQuantile(p)
			}
			return d.Mu + d.Sigma*upperQuantile(q)
		},
		slope: func(float64) float64 { return 1 },
		same:  d,
	}
}

// point is a quadrature point with its weight.
type point struct{ z, weight float64 }

// marks are the lower tails at whose quantiles, and at those of their mirror
// images, the range of integration is split: between them a posterior is smooth
// enough for one panel.
var marks = []float64{1e-16, 1e-9, 1e-4, 0.02, 0.25}

// grid covers the range of all candidates with panels.
func (c candidate) grid(all []candidate) []point {
	var splits []float64
	for _, each := range all {
		for _, p := range marks {
			splits = append(splits, each.quantile(p, 1-p), each.quantile(1-p, p))
		}
	}
	slices.Sort(splits)
	splits = slices.Compact(splits)
	points := make([]point, 0, len(splits)*len(panelNodes))
	for i := 1; i < len(splits); i++ {
		width := splits[i] - splits[i-1]
		for j, node := range panelNodes {
			points = append(points, point{splits[i-1] + width*(node+1)/2, panelWeights[j] * width / 2})
		}
	}
	return points
}

// rank integrates, with F the distribution functions and f the densities,
//
//	Best_i = Int f_i Prod_{j≠i} F_j dt
//	Loss_i = Int F_i (1 - Prod_{j≠i} F_j) dt
//
// by quadrature: the same numbers on every machine and every run, where
// sampling would give new ones each time. The loss is E[max(best other - this
// one, 0)]; written so, no digit is lost in a difference of two expectations.
// Where lower is better, survival functions take the place of F.
func rank(all []candidate, lowerIsBetter bool) []Rank {
	k := len(all)
	ranks := make([]Rank, k)
	if k == 0 {
		return ranks
	}
	if k == 1 {
		return []Rank{{Best: 1}}
	}
	below, above, density := make([]float64, k), make([]float64, k), make([]float64, k)
	for _, at := range all[0].grid(all) {
		for i, c := range all {
			below[i], above[i] = c.tails(at.z)
			density[i] = c.density(at.z)
		}
		if lowerIsBetter {
			below, above = above, below
		}
		for i := range all {
			logOthers := 0.0
			for j := range all {
				if j != i {
					logOthers += logOneMinus(above[j], below[j])
				}
			}
			ranks[i].Best += at.weight * density[i] * math.Exp(logOthers)
			ranks[i].Loss += at.weight * all[i].slope(at.z) * below[i] * -math.Expm1(logOthers)
		}
	}
	var sum float64
	for _, r := range ranks {
		sum += r.Best
	}
	for i := range ranks {
		ranks[i].Best /= sum
	}
	return alike(all, ranks)
}

// logOneMinus is ln(1-q) = ln(p) from whichever is the more precise.
func logOneMinus(q, p float64) float64 {
	if q < 0.5 {
		return math.Log1p(-q)
	}
	return math.Log(p)
}

// alike gives equal posteriors equal ranks, exactly.
func alike(all []candidate, ranks []Rank) []Rank {
	for i := range all {
		var group []int
		for j := range all {
			if all[j].same == all[i].same {
				group = append(group, j)
			}
		}
		if group[0] != i {
			continue
		}
		if len(group) == len(all) {
			for j := range ranks {
				ranks[j].Best = 1 / float64(len(ranks))
			}
		}
		for _, j := range group {
			ranks[j] = ranks[i]
		}
	}
	return ranks
}
