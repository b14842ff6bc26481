package results

import "math"

// OBrienFlemingConfidence is the confidence level (0 to 1) to use at a look
// after the share t of the planned information, so that the whole test keeps
// the level confidence: 1 - (2 - 2 Phi(z / sqrt(t))), the spending function of
// Lan and DeMets (1983) that follows O'Brien and Fleming. Before the start it
// is 1.
func OBrienFlemingConfidence(confidence, t float64) (float64, State) {
	if !(confidence > 0 && confidence < 1) || !(t >= 0) || math.IsInf(t, 1) {
		return 0, InvalidInput
	}
	if t == 0 {
		return 1, OK
	}
	return 1 - 2*normalCDF(-upperQuantile((1-confidence)/2)/math.Sqrt(t)), OK
}

// Spending is a plan for a test that is looked at several times, for those who
// know their looks in advance: it is tighter than a confidence sequence.
type Spending struct {
	// Alpha is the error rate of the whole test, 0 to 1.
	Alpha float64
	Side  Side
	// Exponent is rho of the spending function alpha t^rho, above 0; 0 takes
	// the O'Brien-Fleming-like function 2 - 2 Phi(z(1-alpha/2)/sqrt(t)).
	Exponent float64
}

func (s Spending) spent(alpha, t float64) float64 {
	if s.Exponent > 0 {
		return alpha * math.Pow(t, s.Exponent)
	}
	return math.Min(alpha, 2*normalCDF(-upperQuantile(alpha/2)/math.Sqrt(t)))
}

// Group-sequential bounds are cut off here; beyond lies less than 1e-15.
const furthestBound = 8

// Bounds are the values z that the statistic must exceed at each look (in
// absolute value if two-sided), for looks at the shares t of the information,
// increasing, above 0. They are found by integrating the density of the
// statistic over the paths that crossed no bound before (Armitage, McPherson,
// Rowe 1969; Lan, DeMets 1983), a two-sided test as two one-sided ones of half
// the error rate. A look without new information repeats the bound before it.
func (s Spending) Bounds(t []float64) ([]float64, State) {
	alpha := s.Alpha
	if s.Side == TwoSided {
		alpha /= 2
	}
	if !(s.Alpha > 0 && s.Alpha < 1) || !(s.Exponent >= 0) {
		return nil, InvalidInput
	}
	bounds := make([]float64, len(t))
	var paths path
	var spent float64
	for i, now := range t {
		if !(now > 0) || math.IsInf(now, 1) || i > 0 && now < t[i-1] {
			return nil, InvalidInput
		}
		if i > 0 && now-t[i-1] <= 1e-5 {
			bounds[i] = bounds[i-1]
			continue
		}
		budget := s.spent(alpha, now) - spent
		sd := math.Sqrt(now)
		end := furthestBound * sd
		if crossed := paths.crossing(end, now); crossed < budget {
			end = crossing(func(x float64) float64 { return math.Log(paths.crossing(x, now)) - math.Log(budget) }, -end, end)
		}
		spent += paths.crossing(end, now)
		bounds[i] = end / sd
		paths = paths.advance(now, end)
	}
	return bounds, OK
}

// AdjustedAlpha are the error rates of single looks that the bounds stand for:
// a p-value below it stops the test.
func (s Spending) AdjustedAlpha(t []float64) ([]float64, State) {
	bounds, state := s.Bounds(t)
	for i, z := range bounds {
		bounds[i] = normalCDF(-z)
		if s.Side == TwoSided {
			bounds[i] *= 2
		}
	}
	return bounds, state
}

// path is the density of the Brownian path at time t over those that never
// crossed, at quadrature points with their weights. The zero value is the start.
type path struct {
	t                       float64
	points, weights, values []float64
}

// crossing is the chance to be above end at the time now.
func (p path) crossing(end, now float64) float64 {
	sd := math.Sqrt(now - p.t)
	if p.t == 0 {
		return normalCDF(-end / sd)
	}
	var sum float64
	for i, x := range p.points {
		sum += p.weights[i] * p.values[i] * normalCDF((x-end)/sd)
	}
	return sum
}

// advance takes the density to the time now, without what is above end.
func (p path) advance(now, end float64) path {
	start := -furthestBound * math.Sqrt(now)
	sd := math.Sqrt(now - p.t)
	panels := int(math.Min(math.Ceil((end-start)/(1.5*sd)), 150)) + 1
	next := path{t: now}
	width := (end - start) / float64(panels)
	for i := range panels {
		for j, node := range panelNodes {
			x := start + width*(float64(i)+(node+1)/2)
			density := normalDensity(x / sd)
			if p.t > 0 {
				density = 0
				for k, from := range p.points {
					if z := (x - from) / sd; math.Abs(z) < 9 {
						density += p.weights[k] * p.values[k] * normalDensity(z)
					}
				}
			}
			next.points = append(next.points, x)
			next.weights = append(next.weights, panelWeights[j]*width/2)
			next.values = append(next.values, density/sd)
		}
	}
	return next
}
