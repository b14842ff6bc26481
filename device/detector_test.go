package device

import (
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
)

func browserHeader() http.Header {
	h := http.Header{}
	h.Set("User-Agent", windowsNT+chrome+safari)
	h.Set("Sec-CH-UA", chromeHint)
	h.Set("Sec-CH-UA-Mobile", "?0")
	h.Set("Sec-CH-UA-Platform", `"Windows"`)
	h.Set("Accept", "text/html")
	h.Set("Accept-Language", "en")
	h.Set("Cookie", "a=b")
	return h
}

func agentHeader(agent string) http.Header {
	return http.Header{"User-Agent": {agent}}
}

func TestDetectHitAllocatesNothing(t *testing.T) {
	d, h := NewDetector(), browserHeader()
	d.Detect(h)
	if n := testing.AllocsPerRun(100, func() { d.Detect(h) }); n != 0 {
		t.Errorf("a hit allocates %v times", n)
	}
}

func TestCacheKeysAreCopies(t *testing.T) {
	block := []byte(windowsNT + chrome + safari)
	d := NewDetector()
	key := Signals{UserAgent: string(block)}
	d.cache.put(&key, Device{Type: Desktop})
	if _, ok := d.cache.get(&Signals{UserAgent: string(block)}); !ok {
		t.Error("an equal key is not found")
	}
	if _, ok := d.cache.get(&Signals{Model: string(block)}); ok {
		t.Error("the same text in another header is found")
	}
}

func TestCacheIsBounded(t *testing.T) {
	d := NewDetector()
	agent := strings.Repeat("x", maxUserAgent-10)
	for i := range 3 * CacheEntries {
		d.Detect(agentHeader(fmt.Sprintf("%d %s", i, agent)))
	}
	entries, bytes := 0, 0
	for i := range d.cache.sets {
		for j := range d.cache.sets[i].ways {
			if e := d.cache.sets[i].ways[j].Load(); e != nil {
				entries++
				bytes += e.key.size()
			}
		}
	}
	if entries > CacheEntries || bytes > CacheKeyBytes {
		t.Errorf("%d entries of %d bytes, want at most %d of %d", entries, bytes, CacheEntries, CacheKeyBytes)
	}
	if entries < CacheEntries*9/10 {
		t.Errorf("only %d of %d entries are in use", entries, CacheEntries)
	}
}

// A flood of agents that come once must not push out those that come often.
func TestCacheKeepsFrequentAgents(t *testing.T) {
	d := NewDetector()
	frequent := make([]Signals, 100)
	for i := range frequent {
		frequent[i] = Signals{UserAgent: fmt.Sprintf("frequent/%d", i)}
		d.cache.put(&frequent[i], Device{})
	}
	missed, asked := 0, 0
	for i := range 10 * CacheEntries {
		once := Signals{UserAgent: fmt.Sprintf("once/%d", i)}
		d.cache.put(&once, Device{})
		if i%10 == 0 {
			asked++
			key := &frequent[i/10%len(frequent)]
			if _, ok := d.cache.get(key); !ok {
				missed++
				d.cache.put(key, Device{})
			}
		}
	}
	if missed > asked/10 {
		t.Errorf("%d of %d frequent agents were pushed out", missed, asked)
	}
}

func TestLongSignalsAreNotCached(t *testing.T) {
	d := NewDetector()
	key := Signals{UserAgent: strings.Repeat("a", maxUserAgent), Brands: strings.Repeat("b", maxBrands), Platform: "c"}
	d.cache.put(&key, Device{})
	if _, ok := d.cache.get(&key); ok {
		t.Error("a key longer than its share is kept")
	}
}

func TestDetectConcurrently(t *testing.T) {
	d := NewDetector()
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := range 2000 {
				agent, want := "curl/8.5.0", Bot
				switch i % 3 {
				case 1:
					agent, want = fmt.Sprintf("%s Example/%d.%d", windowsNT+chrome+safari, worker, i), Desktop
				case 2:
					agent, want = fmt.Sprintf("%s Example/%d", reduced+chrome+mobile, i), Mobile
				}
				if got := d.Detect(agentHeader(agent)); got.Type != want {
					t.Errorf("%s is %q, want %q", agent, got.Type, want)
					return
				}
			}
		})
	}
	group.Wait()
}

// hostileInputs are values that made parsers of the field slow or hungry.
func hostileInputs() map[string]string {
	const megabyte = 1 << 20
	return map[string]string{
		"spaces":         strings.Repeat(" ", megabyte),
		"letters":        strings.Repeat("a", megabyte),
		"products":       strings.Repeat("a/1 ", megabyte/4),
		"parentheses":    strings.Repeat("(", megabyte),
		"closing":        strings.Repeat(")", megabyte),
		"brackets":       strings.Repeat("[", megabyte),
		"semicolons":     "Mozilla/5.0 (Linux; Android 10" + strings.Repeat(";", megabyte),
		"digits":         "Mozilla/5.0 (Linux; Android 10; " + strings.Repeat("43", megabyte/2),
		"bots":           strings.Repeat("bota", megabyte/4),
		"tvs":            "Mozilla/5.0 (Linux; Android 10; " + strings.Repeat("dtv", megabyte/3),
		"addresses":      "Mozilla/5.0 (" + strings.Repeat("http://a.b ", megabyte/11),
		"nul":            strings.Repeat("\x00", megabyte),
		"line ends":      "Mozilla/5.0\r\nX-Injected: 1\r\n" + strings.Repeat("\r\n", megabyte/2),
		"invalid utf-8":  strings.Repeat("\xff\xfe\xc3", megabyte/3),
		"wide":           strings.Repeat("浏览器", megabyte/9),
		"quotes":         strings.Repeat(`"`, megabyte),
		"long real":      windowsNT + chrome + safari + strings.Repeat(" Example/1.0", megabyte/12),
		"short nul":      "Mozilla\x00/5.0",
		"lone semicolon": "Android;",
		"lone word":      "android",
		"two digits":     "Mozilla/5.0 (Linux; Android 1; 43)",
	}
}

// bytesAllocated is what one call of f allocates.
func bytesAllocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestHostileInput(t *testing.T) {
	// The base parser's worst case within the cap, many times below one megabyte.
	const most = 512 << 10
	for name, value := range hostileInputs() {
		t.Run(name, func(t *testing.T) {
			signals := map[string]Signals{
				"agent": {UserAgent: value},
				"hints": {UserAgent: reduced + chrome, Brands: value, Mobile: value, Platform: value, Model: value, FormFactors: value},
				"all":   {value, value, value, value, value, value},
			}
			for part, s := range signals {
				var got Device
				if n := bytesAllocated(func() { got = Parse(s) }); n > most {
					t.Errorf("%s: %d bytes allocated", part, n)
				}
				checkVocabulary(t, got)
			}
			d := NewDetector()
			if n := bytesAllocated(func() { d.Detect(agentHeader(value)) }); n > most {
				t.Errorf("detector: %d bytes allocated", n)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(windowsNT+chrome+safari, chromeHint, "?0", `"Windows"`, `""`, `"Desktop"`)
	f.Add(androidAgent("SM-X910 Build/TP1A; wv", chrome+safari), "", "?1", `"Android"`, `"SM-X910"`, `"Tablet"`)
	f.Add("Mozilla/5.0 (Linux; Android 9; bq_42fs07b", "", "", "", "43u800", "")
	for _, value := range hostileInputs() {
		f.Add(cut(value, 2*maxUserAgent), cut(value, maxBrands), "", "", cut(value, maxModel), "")
	}
	f.Fuzz(func(t *testing.T, agent, brands, mobile, platform, model, formFactors string) {
		s := Signals{agent, brands, mobile, platform, model, formFactors}
		got := Parse(s)
		checkVocabulary(t, got)
		if again := Parse(s.capped()); again != got {
			t.Errorf("%+v, but %+v within the caps", got, again)
		}
	})
}

func BenchmarkDetectHit(b *testing.B) {
	b.Run("browser", func(b *testing.B) { benchmarkHit(b, browserHeader()) })
	b.Run("agent only", func(b *testing.B) {
		benchmarkHit(b, agentHeader(iPhone+"Version/17.5 Mobile/15E148 Safari/604.1"))
	})
}

func benchmarkHit(b *testing.B, h http.Header) {
	d := NewDetector()
	b.ReportAllocs()
	for b.Loop() {
		d.Detect(h)
	}
}

func BenchmarkDetectHitParallel(b *testing.B) {
	d := NewDetector()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		h := browserHeader()
		for pb.Next() {
			d.Detect(h)
		}
	})
}

func BenchmarkDetectMiss(b *testing.B) {
	d := NewDetector()
	h := browserHeader()
	agents := make([]string, 2*CacheEntries)
	for i := range agents {
		agents[i] = fmt.Sprintf("%s Example/%d", windowsNT+chrome+safari, i)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		h["User-Agent"][0] = agents[i%len(agents)]
		d.Detect(h)
	}
}

func BenchmarkParse(b *testing.B) {
	for name, agent := range map[string]string{
		"desktop": windowsNT + chrome + safari,
		"phone":   androidAgent("SM-A536B", chrome+mobile),
		"bot":     "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
		"unknown": "Example/1.0 (something; else)",
		"hostile": strings.Repeat("a/1 ", 1<<18),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Parse(Signals{UserAgent: agent})
			}
		})
	}
}
