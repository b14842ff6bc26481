package geo

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"os"
	"testing"
	"time"
)

func FuzzLookup(f *testing.F) {
	for _, text := range []string{"192.0.2.1", "203.0.113.200", "2001:db8:1::1", "::", "::ffff:192.0.2.1", "255.255.255.255"} {
		f.Add(netip.MustParseAddr(text).AsSlice(), "eth0")
	}
	f.Add([]byte{}, "")
	demo := mustOpen(f, demoFile)
	f.Fuzz(func(t *testing.T, address []byte, zone string) {
		ip, _ := netip.AddrFromSlice(address)
		checkAnswer(t, demo, ip)
		got := demo.Lookup(ip)
		if ip.Is6() && got != demo.Lookup(ip.WithZone(zone)) {
			t.Errorf("zone %q changes the answer for %s", zone, ip)
		}
		if ip.Is4() && got != demo.Lookup(netip.AddrFrom16(ip.As16())) {
			t.Errorf("mapping %s into IPv6 changes the answer", ip)
		}
	})
}

// FuzzOpen checks that whatever the bytes, judging them ends soon and without
// a panic, and that what is accepted answers with codes only.
func FuzzOpen(f *testing.F) {
	demo, err := os.ReadFile(demoFile)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(demo)
	f.Add(buildPlace(f, "SE", "AB", 1000))
	f.Add(build(f, databaseOfType("GeoLite2-ASN")))
	f.Add([]byte("\xab\xcd\xefMaxMind.com"))
	f.Fuzz(func(t *testing.T, content []byte) {
		if len(content) > 1<<16 {
			t.Skip()
		}
		start := time.Now()
		judge(t, content)
		if taken := time.Since(start); taken > 5*time.Second {
			t.Errorf("took %s", taken)
		}
	})
}

// TestEveryBitFlipIsHarmless is FuzzOpen's check on all neighbours of a good
// file. The format has no checksum: a flip inside a code makes another code,
// which nothing can tell.
func TestEveryBitFlipIsHarmless(t *testing.T) {
	t.Parallel()
	demo, err := os.ReadFile(demoFile)
	if err != nil {
		t.Fatal(err)
	}
	accepted := 0
	for i := range demo {
		for bit := range 8 {
			if testing.Short() && bit != i%8 {
				continue
			}
			content := bytes.Clone(demo)
			content[i] ^= 1 << bit
			if judge(t, content) {
				accepted++
			}
		}
	}
	t.Logf("%d of %d flips are not noticed", accepted, 8*len(demo))
}

// judge opens content and, if it is accepted, asks it for addresses all over
// the space.
func judge(t *testing.T, content []byte) (accepted bool) {
	t.Helper()
	reader, err := openVerified(content)
	if err != nil {
		return false
	}
	database := &Database{}
	database.current.Store(&snapshot{data: content, reader: reader, memo: newMemo(len(content))})
	database.Info()
	var address [16]byte
	for i := range uint32(512) {
		bits := i * 0x9E3779B9
		binary.BigEndian.PutUint32(address[:4], bits)
		checkAnswer(t, database, netip.AddrFrom4([4]byte(address[:4])))
		binary.BigEndian.PutUint64(address[8:], uint64(bits)<<i%64)
		checkAnswer(t, database, netip.AddrFrom16(address))
	}
	for _, text := range []string{"192.0.2.1", "198.51.100.200", "203.0.113.1", "2001:db8::1", "2001:db8:1::1", "2002:c000:201::"} {
		checkAnswer(t, database, netip.MustParseAddr(text))
	}
	return true
}
