package main

import (
	"fmt"
	"html"
	"math"
	"strings"

	"github.com/caddy-experiments/caddy-experiments/bench/report"
)

const (
	width    = 820
	margin   = 16
	rowSize  = 28
	labelled = 350 // where bars begin
	valued   = 120 // for the values behind them
)

// style follows the reader's light or dark scheme, and has a background of its
// own: pages do not always follow the same one.
const style = `<style>
text { font: 13px system-ui, sans-serif; fill: #1f2937 }
.title { font-weight: 600; font-size: 15px }
.small { font-size: 11px; fill: #6b7280 }
.ground { fill: #ffffff }
.axis { stroke: #d1d5db; fill: none }
.bar { fill: #9ca3af } .own { fill: #0f766e } .range { stroke: #1f2937; stroke-width: 1.5 }
.s0 { --c: #0f766e } .s1 { --c: #b45309 } .s2 { --c: #4f46e5 } .s3 { --c: #be185d }
.line { stroke: var(--c); fill: none; stroke-width: 2 } .dot { fill: var(--c) }
@media (prefers-color-scheme: dark) {
text { fill: #e5e7eb } .small { fill: #9ca3af } .ground { fill: #111827 } .axis { stroke: #374151 }
.bar { fill: #6b7280 } .own { fill: #2dd4bf } .range { stroke: #e5e7eb }
.s0 { --c: #2dd4bf } .s1 { --c: #fbbf24 } .s2 { --c: #a5b4fc } .s3 { --c: #f9a8d4 }
}
</style>
`

// draw makes an SVG of a figure.
func draw(f report.Figure) string {
	if len(f.Bars) > 0 {
		return drawBars(f)
	}
	return drawLines(f)
}

func begin(b *strings.Builder, f report.Figure, height int) {
	fmt.Fprintf(b, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\">\n", width, height, width, height)
	fmt.Fprintf(b, "<title>%s</title>\n%s<rect class=\"ground\" width=\"%d\" height=\"%d\"/>\n", html.EscapeString(f.Title), style, width, height)
	fmt.Fprintf(b, "<text class=\"title\" x=\"%d\" y=\"26\">%s, %s</text>\n", margin, html.EscapeString(f.Title), html.EscapeString(f.Unit))
}

// drawBars draws one bar below the other, all from zero.
func drawBars(f report.Figure) string {
	var b strings.Builder
	begin(&b, f, 2*margin+30+rowSize*len(f.Bars))
	most := 0.0
	for _, bar := range f.Bars {
		most = max(most, bar.Value, bar.High)
	}
	scale := float64(width-labelled-valued-margin) / most
	for i, bar := range f.Bars {
		y := 44 + i*rowSize
		class := "bar"
		if bar.Own {
			class = "own"
		}
		end := labelled + max(bar.Value, bar.High)*scale
		fmt.Fprintf(&b, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n", labelled-8, y+14, html.EscapeString(bar.Label))
		fmt.Fprintf(&b, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"20\" rx=\"2\"/>\n", class, labelled, y, max(1, bar.Value*scale))
		if bar.High > bar.Low {
			fmt.Fprintf(&b, "<path class=\"range\" d=\"M%.1f %dH%.1f\"/>\n", labelled+bar.Low*scale, y+10, labelled+bar.High*scale)
		}
		fmt.Fprintf(&b, "<text x=\"%.1f\" y=\"%d\">%s</text>\n", end+6, y+14, report.Round(bar.Value))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

const (
	plotLeft, plotRight = 70, width - 210
	plotTop, plotBottom = 50, 350
)

// drawLines draws lines over logarithmic axes.
func drawLines(f report.Figure) string {
	var b strings.Builder
	begin(&b, f, plotBottom+50)
	var xs, ys []float64
	for _, line := range f.Lines {
		xs, ys = append(xs, line.X...), append(ys, line.Y...)
	}
	x := newAxis(xs, plotLeft, plotRight)
	y := newAxis(ys, plotBottom, plotTop)
	for e := x.low; e <= x.high; e++ {
		at := x.at(math.Pow(10, float64(e)))
		fmt.Fprintf(&b, "<path class=\"axis\" d=\"M%.1f %dV%d\"/><text class=\"small\" x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", at, plotTop, plotBottom, at, plotBottom+16, power(e))
	}
	for e := y.low; e <= y.high; e++ {
		at := y.at(math.Pow(10, float64(e)))
		fmt.Fprintf(&b, "<path class=\"axis\" d=\"M%d %.1fH%d\"/><text class=\"small\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", plotLeft, at, plotRight, plotLeft-6, at+4, power(e))
	}
	fmt.Fprintf(&b, "<text class=\"small\" x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", (plotLeft+plotRight)/2, plotBottom+36, html.EscapeString(f.XTitle))
	for i, line := range f.Lines {
		fmt.Fprintf(&b, "<g class=\"s%d\"><path class=\"line\" d=\"", i%4)
		for j := range line.X {
			command := 'L'
			if j == 0 {
				command = 'M'
			}
			fmt.Fprintf(&b, "%c%.1f %.1f", command, x.at(line.X[j]), y.at(line.Y[j]))
		}
		b.WriteString("\"/>")
		for j := range line.X {
			fmt.Fprintf(&b, "<circle class=\"dot\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\"/>", x.at(line.X[j]), y.at(line.Y[j]))
		}
		fmt.Fprintf(&b, "<circle class=\"dot\" cx=\"%d\" cy=\"%d\" r=\"5\"/></g><text x=\"%d\" y=\"%d\">%s</text>\n", plotRight+20, plotTop+10+i*22, plotRight+32, plotTop+15+i*22, html.EscapeString(line.Label))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// axis maps values onto a picture, by their powers of ten.
type axis struct {
	low, high int
	from, to  float64
}

func newAxis(values []float64, from, to float64) axis {
	least, most := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if v > 0 {
			least, most = min(least, v), max(most, v)
		}
	}
	a := axis{int(math.Floor(math.Log10(least))), int(math.Ceil(math.Log10(most))), from, to}
	if a.high == a.low {
		a.high++
	}
	return a
}

func (a axis) at(value float64) float64 {
	share := (math.Log10(max(value, math.Pow(10, float64(a.low)))) - float64(a.low)) / float64(a.high-a.low)
	return a.from + share*(a.to-a.from)
}

func power(e int) string {
	if e < 0 {
		return fmt.Sprintf("%.*f", -e, math.Pow(10, float64(e)))
	}
	return report.Count(int(math.Pow(10, float64(e))))
}
