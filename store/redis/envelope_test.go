package redis

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/store"
)

// checksum seals without a key, which is enough to see what is sealed.
type checksum struct{}

func (checksum) Seal(message []byte) (keyID, signature string) {
	return "crc", base64.RawURLEncoding.EncodeToString(fmt.Append(nil, crc32.ChecksumIEEE(message)))
}

func (c checksum) Verify(keyID, signature string, message []byte) error {
	if keyID != "crc" {
		return store.ErrUnknownKey
	}
	if _, right := c.Seal(message); right != signature {
		return store.ErrBadSignature
	}
	return nil
}

func sealing(t testing.TB, change func(*Options)) *Store {
	t.Helper()
	options := Options{Addresses: []string{"127.0.0.1:1"}, Sealer: checksum{}, MaxDocumentSize: 1000}
	if change != nil {
		change(&options)
	}
	s, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

const someTenant = store.Tenant("default/production")

func TestEnvelope(t *testing.T) {
	s := sealing(t, nil)
	for _, text := range []string{"", "{}", "a\nb\n", strings.Repeat("x", 1000)} {
		version, err := s.open(someTenant, s.seal(someTenant, 7, []byte(text)))
		if err != nil || string(version.Text) != text || version.Revision != 7 {
			t.Errorf("%d bytes came back as %d at revision %d: %v", len(text), len(version.Text), version.Revision, err)
		}
	}
}

// Whatever somebody puts in the place of a document is refused, with a reason.
func TestRefusedEnvelopes(t *testing.T) {
	s := sealing(t, nil)
	good := string(s.seal(someTenant, 7, []byte(`{"a":1}`)))
	line, text, _ := strings.Cut(good, "\n")
	words := strings.Split(line, " ")
	with := func(place int, word string) string {
		changed := append([]string{}, words...)
		changed[place] = word
		return strings.Join(changed, " ") + "\n" + text
	}
	resealed := func(place int, word string) string { // by somebody who has the key
		changed := append([]string{}, words[:5]...)
		changed[place] = word
		head := strings.Join(changed, " ")
		_, signature := checksum{}.Seal(signedPart(head, []byte(text)))
		return head + " " + signature + "\n" + text
	}
	other := sealing(t, func(o *Options) { o.Prefix = "other" })
	for _, test := range []struct{ name, sealed, reason string }{
		{"empty line", "\n" + text, "no document of ours"},
		{"plain document", `{"feature_flags":[],"segments":[],"experiments":[]}`, "the first line is missing"},
		{"only a line", line, "the first line is missing"},
		{"long line", strings.Repeat("x", 600) + "\n", "the first line is missing"},
		{"future format", with(0, "experiments.v2"), "no document of ours"},
		{"a word less", strings.Replace(good, " ", "", 1), "no document of ours"},
		{"a word more", strings.Replace(good, " ", "  ", 1), "no document of ours"},
		{"another deployment", string(other.seal(someTenant, 7, []byte(text))), `belongs to the prefix "other"`},
		{"another tenant", string(s.seal("acme/staging", 7, []byte(text))), `belongs to the tenant "acme/staging"`},
		{"revision 0", resealed(3, "0"), "revision"},
		{"negative revision", resealed(3, "-1"), "revision"},
		{"signed revision", resealed(3, "+7"), "revision"},
		{"leading zero", resealed(3, "07"), "revision"},
		{"no number", resealed(3, "seven"), "revision"},
		{"large revision", resealed(3, "2251799813685249"), "revision"},
		{"huge revision", resealed(3, "99999999999999999999999"), "revision"},
		{"raised revision", with(3, "8"), "signature is wrong"},
		{"unknown key", with(4, "other"), "share one signing_key"},
		{"unsigned", words[0] + " experiments default/production 7 - -\n" + text, "not signed"},
		{"no key", with(4, "-"), "share one signing_key"},
		{"no signature", with(5, "-"), "signature is wrong"},
		{"changed text", strings.Replace(good, `"a"`, `"b"`, 1), "signature is wrong"},
		{"shorter text", good[:len(good)-1], "signature is wrong"},
		{"longer text", good + " ", "signature is wrong"},
		{"carriage return", line + "\r\n" + text, "signature is wrong"},
	} {
		t.Run(test.name, func(t *testing.T) {
			version, err := s.open(someTenant, []byte(test.sealed))
			if !errors.Is(err, store.ErrRefused) || !strings.Contains(err.Error(), test.reason) {
				t.Errorf("revision %d, error %v; it should be refused for %q", version.Revision, err, test.reason)
			}
		})
	}
	for i := range len(good) { // any one bit
		bad := []byte(good)
		bad[i] ^= 1 << (i % 8)
		if _, err := s.open(someTenant, bad); err == nil {
			t.Errorf("with byte %d changed it is believed", i)
		}
	}
	if _, err := s.open(someTenant, s.seal(someTenant, 7, make([]byte, 1001))); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("over the size limit: %v", err)
	}
}

func TestUnsignedEnvelope(t *testing.T) {
	open := sealing(t, func(o *Options) { o.AcceptUnsigned = true })
	if version, err := open.open(someTenant, []byte("experiments.v1 experiments default/production 7 - -\n{}")); err != nil || version.Revision != 7 || string(version.Text) != "{}" {
		t.Errorf("revision %d, %v", version.Revision, err)
	}
	signed := open.seal(someTenant, 7, []byte("{}"))
	if _, err := open.open(someTenant, bytes.Replace(signed, []byte("{}"), []byte("[]"), 1)); !errors.Is(err, store.ErrBadSignature) {
		t.Errorf("a wrong signature: %v", err)
	}
}

func FuzzEnvelope(f *testing.F) {
	s := sealing(f, nil)
	f.Add(s.seal(someTenant, 7, []byte(`{"a":1}`)))
	f.Add([]byte("experiments.v1 experiments default/production 7 - -\n{}"))
	f.Add([]byte("experiments.v1 experiments default/production 18446744073709551616 crc x\n"))
	f.Fuzz(func(t *testing.T, sealed []byte) {
		version, err := s.open(someTenant, sealed)
		if err != nil {
			return
		}
		if again := s.seal(someTenant, version.Revision, version.Text); !bytes.Equal(again, sealed) {
			t.Errorf("%q is believed, which would be written as %q", sealed, again)
		}
	})
}
