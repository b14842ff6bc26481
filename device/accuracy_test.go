package device

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
)

// corpusRow is one labelled agent, a line of the corpus. An empty label is not scored.
type corpusRow struct {
	UserAgent string            `json:"ua"`
	Headers   map[string]string `json:"headers"`
	Type      string            `json:"device_type"`
	Browser   string            `json:"browser"`
	Platform  string            `json:"platform"`
}

func (r corpusRow) signals() Signals {
	s := Signals{UserAgent: r.UserAgent}
	for name, value := range r.Headers {
		switch strings.ToLower(name) {
		case "sec-ch-ua":
			s.Brands = value
		case "sec-ch-ua-mobile":
			s.Mobile = value
		case "sec-ch-ua-platform":
			s.Platform = value
		case "sec-ch-ua-model":
			s.Model = value
		case "sec-ch-ua-form-factors":
			s.FormFactors = value
		}
	}
	return s
}

// eachCorpusRow calls f with every row of the corpus that UA_CORPUS names.
func eachCorpusRow(tb testing.TB, f func(corpusRow)) {
	tb.Helper()
	path := os.Getenv("UA_CORPUS")
	if path == "" {
		path = "../../shared/data/ua-public.jsonl.gz"
	}
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		tb.Skipf("no corpus of labelled agents at %s: name one in UA_CORPUS", path)
	}
	if err != nil {
		tb.Fatal(err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		tb.Fatal(err)
	}
	lines := bufio.NewScanner(unzipped)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var row corpusRow
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			tb.Fatal(err)
		}
		f(row)
	}
	if err := lines.Err(); err != nil {
		tb.Fatal(err)
	}
}

// Bots and other devices are one class when device types are scored.
const botOrOther = "bot/other"

func typeClass(deviceType string) string {
	if deviceType == Bot || deviceType == Other {
		return botOrOther
	}
	return deviceType
}

var topBrowsers = map[string]bool{
	"chrome": true, "safari": true, "firefox": true, "edge": true, "opera": true,
	"samsung": true, "ie": true, "android": true, "ucbrowser": true, "yandex": true,
}

var platformClass = map[string]string{
	Windows: Windows, MacOS: MacOS, IOS: IOS, Android: Android, Linux: Linux, ChromeOS: ChromeOS,
}

// share counts right answers among all.
type share struct{ right, all int }

func (s *share) add(right bool) {
	s.all++
	if right {
		s.right++
	}
}

func (s *share) percent() float64 {
	if s.all == 0 {
		return 0
	}
	return 100 * float64(s.right) / float64(s.all)
}

func TestAccuracy(t *testing.T) {
	var types, browsers, platforms share
	recall := map[string]*share{Mobile: {}, Tablet: {}, Desktop: {}, TV: {}, botOrOther: {}}
	confusion := map[[2]string]int{}
	eachCorpusRow(t, func(row corpusRow) {
		got := Parse(row.signals())
		checkVocabulary(t, got)
		if row.Type != "" {
			class := typeClass(row.Type)
			right := typeClass(got.Type) == class
			types.add(right)
			recall[class].add(right)
			confusion[[2]string{class, got.Type}]++
		}
		if topBrowsers[row.Browser] {
			browsers.add(got.Browser == row.Browser)
		}
		if row.Platform != "" {
			want := platformClass[row.Platform]
			if want == "" {
				want = Other
			}
			platforms.add(got.Platform == want)
		}
	})

	table := fmt.Sprintf("%-10s", "label")
	columns := []string{Mobile, Tablet, Desktop, TV, Bot, Other}
	for _, column := range columns {
		table += fmt.Sprintf("%9s", column)
	}
	macro := 0.0
	for _, class := range []string{Mobile, Tablet, Desktop, TV, botOrOther} {
		table += fmt.Sprintf("\n%-10s", class)
		for _, column := range columns {
			table += fmt.Sprintf("%9d", confusion[[2]string{class, column}])
		}
		table += fmt.Sprintf("   recall %.2f %%", recall[class].percent())
		macro += recall[class].percent() / float64(len(recall))
	}
	t.Logf("device types\n%s", table)

	figures := []struct {
		name        string
		got, target float64
		all         int
	}{
		{"device type", types.percent(), 92, types.all},
		{"device type, mean recall", macro, 85, types.all},
		{"browser, top ten", browsers.percent(), 98.5, browsers.all},
		{"platform", platforms.percent(), 98, platforms.all},
	}
	for _, figure := range figures {
		t.Logf("%s: %.2f %% of %d (target %.1f)", figure.name, figure.got, figure.all, figure.target)
		if figure.all > 0 && figure.got < figure.target {
			t.Errorf("%s is below its target", figure.name)
		}
	}
}
