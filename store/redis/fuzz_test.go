package redis

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/store"
)

// lengthSealer signs with the length of what is signed.
type lengthSealer struct{}

func (lengthSealer) Seal(message []byte) (keyID, signature string) {
	return "key", strconv.Itoa(len(message))
}

func (s lengthSealer) Verify(keyID, signature string, message []byte) error {
	if _, right := s.Seal(message); keyID != "key" || signature != right {
		return store.ErrBadSignature
	}
	return nil
}

func offline(t testing.TB) *Store {
	t.Helper()
	s, err := New(Options{Addresses: []string{"127.0.0.1:1"}, Sealer: lengthSealer{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func FuzzQueue(f *testing.F) {
	s := offline(f)
	q := s.Queue()
	f.Add(q.sealMessage([]byte("body")))
	f.Add([]byte(q.sealConfirmation("edge", 1<<64-1)))
	f.Add([]byte("experiments.queue.v1 experiments - -\n"))
	f.Add([]byte("99999999999999999999 key 1"))
	f.Fuzz(func(t *testing.T, text []byte) {
		body, err := q.openMessage(text)
		switch {
		case err != nil && !errors.Is(err, store.ErrRefused):
			t.Errorf("%q: %v", text, err)
		case err == nil && string(q.sealMessage(body)) != string(text):
			t.Errorf("%q is taken for %q", text, body)
		}
		if seq, ok := q.openConfirmation("edge", string(text)); ok && q.sealConfirmation("edge", seq) != string(text) {
			t.Errorf("%q confirms %d", text, seq)
		}
	})
}

func FuzzHead(f *testing.F) {
	for _, text := range []string{"", "1", "1000", "2251799813685248", "2251799813685249", "inf", "nan", "0x10", "1e3", " 1", "+1", "１"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		h := parseHead(text)
		if h.revision > greatestRevision || h.damaged && h.revision > 0 || len(h.text) > longestHead {
			t.Errorf("%q is %+v", text, h)
		}
		if digits := strings.TrimLeft(text, "0"); h.revision > 0 && strconv.FormatUint(h.revision, 10) != digits {
			t.Errorf("%q is revision %d", text, h.revision)
		}
	})
}

// FuzzOversized finds the id of a message in the beginning of a reply.
func FuzzOversized(f *testing.F) {
	q := offline(f).Queue()
	f.Add([]byte("%1\r\n$20\r\n{experiments}:events\r\n*1\r\n*2\r\n$15\r\n1796093920046-0\r\n*2\r\n$1\r\nm\r\n$104857600\r\n"))
	f.Add([]byte("*1\r\n*2\r\n$20\r\n{experiments}:events\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$3\r\n2-2\r\n"))
	f.Add([]byte("{experiments}:events\r\n*"))
	f.Fuzz(func(t *testing.T, begin []byte) {
		id := oversized(q.messages, begin)
		if id != "" && !entryForm.MatchString(id) {
			t.Errorf("%q has the id %q", begin, id)
		}
	})
}

// Redis is the same in RESP2, which old proxies speak.
func TestOversized(t *testing.T) {
	q := offline(t).Queue()
	for begin, want := range map[string]string{
		"%1\r\n$20\r\n{experiments}:events\r\n*1\r\n*2\r\n$15\r\n1796093920046-0\r\n*2\r\n$1\r\nm\r\n$104857600\r\n": "1796093920046-0",
		"*1\r\n*2\r\n$20\r\n{experiments}:events\r\n*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$3\r\n2-2\r\n$104857600\r\n":      "1-1",
		"%1\r\n$20\r\n{experiments}:events\r\n*1\r\n*2\r\n$104857600\r\n":                                            "",
		"-ERR no\r\n": "",
	} {
		if id := oversized(q.messages, []byte(begin)); id != want {
			t.Errorf("%q has the id %q", begin, id)
		}
	}
}

// Interface guard
var _ store.Sealer = lengthSealer{}
