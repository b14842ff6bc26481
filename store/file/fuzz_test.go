package file

import (
	"testing"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

func FuzzRevision(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `{"revision":7}`, `{"revision":"7"}`, `{"revision":-7}`, `{"revision":1e3}`, `{"revision":7.0}`,
		`{"revision":2251799813685248}`, `{"revision":2251799813685249}`, `{"revision":18446744073709551616}`,
		`[{"revision":7}]`, `{"a":{"revision":7}}`, `{"revision":7`, `{"rev\u0069sion":7}`, `{"revision":7,"revision":8}`, "\xff",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		revision := writtenRevision(text)
		if revision > greatestRevision {
			t.Errorf("revision %d of %q leaves no room to count on", revision, text)
		}
		// What a commit has written is read back.
		if document, err := engine.Decode(text); err == nil && document.Revision <= greatestRevision {
			committed := engine.Document{Revision: document.Revision}
			text, err := committed.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			if got := writtenRevision(text); got != document.Revision {
				t.Errorf("revision %d is read back as %d", document.Revision, got)
			}
		}
	})
}

func TestWrittenRevision(t *testing.T) {
	for _, test := range []struct {
		text string
		want uint64
	}{
		{``, 0},
		{`{}`, 0},
		{`{"segments":[]}`, 0},
		{`{"revision":7}`, 7},
		{`{"segments":[{"revision":9}],"revision":7}`, 7},
		{`{"segments":[{"revision":9}]}`, 0},
		{`{"revision":7,"segments":[`, 7},
		{`{"revision":7`, 7},
		{`{"revision":`, 0},
		{`{"segments":[}`, 0},
		{`{"a":"revision","b":1}`, 0},
		{`{"revision":"7"}`, 0},
		{`{"revision":-7}`, 0},
		{`{"revision":7.5}`, 0},
		{`{"revision":null}`, 0},
		{`["revision",7]`, 0},
		{`{"revision":2251799813685248}`, 1 << 51},
		{`{"revision":2251799813685249}`, 0},
		{`{"revision":99999999999999999999}`, 0},
	} {
		if got := writtenRevision([]byte(test.text)); got != test.want {
			t.Errorf("%s has revision %d, want %d", test.text, got, test.want)
		}
	}
}
