package engine

import (
	"fmt"
	"testing"
)

func BenchmarkDecode(b *testing.B) {
	text := []byte(largeDocument(10, StrategyPercentage))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	for _, strategy := range []Strategy{StrategyPercentage, StrategySegment} {
		b.Run(string(strategy), func(b *testing.B) {
			document := decode(b, largeDocument(10, strategy))
			b.ReportAllocs()
			for b.Loop() {
				Compile(document, Settings{})
			}
		})
	}
}

func BenchmarkDecide(b *testing.B) {
	requests := []struct {
		name     string
		strategy Strategy
		request  Request
	}{
		{"percentage", StrategyPercentage, Request{}},
		{"segment", StrategySegment, Request{Attributes: Attributes{Country: "FR", Browser: "chrome", DeviceType: "desktop", UserAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"}}},
		{"override", StrategyPercentage, Request{Force: Force{ExperimentID: "exp_" + base58Number(0), VariationID: "var_" + base58Number(0) + "B"}}},
		{"carried", StrategyPercentage, Request{Carried: Carried{ExperimentID: "exp_" + base58Number(0), VariationID: "var_" + base58Number(0) + "B"}}},
	}
	for _, test := range requests {
		for _, n := range []int{1, 100} {
			b.Run(fmt.Sprintf("%s/%d", test.name, n), func(b *testing.B) {
				snapshot := Compile(decode(b, largeDocument(n, test.strategy)), Settings{MaxActive: n})
				request := test.request
				request.Subject = "0f8fad5b-d9cb-469f-a165-70867728950e"
				b.ReportAllocs()
				for b.Loop() {
					if d := snapshot.Decide(&request); d.Treatment == nil {
						b.Fatal("no treatment")
					}
				}
			})
		}
	}
}
