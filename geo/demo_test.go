package geo

import (
	"bytes"
	"net/netip"
	"os"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/geo/demo/networks"
)

func TestDemoFileIsWhatTheProgramWrites(t *testing.T) {
	committed, err := os.ReadFile(demoFile)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		var written bytes.Buffer
		if err := networks.Write(&written); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(written.Bytes(), committed) {
			t.Fatalf("%s is out of date: run go run ./geo/demo geo/%s from the module's root", demoFile, demoFile)
		}
	}
}

func TestDemoLookups(t *testing.T) {
	demo := mustOpen(t, demoFile)
	for i, network := range networks.Table {
		// A later row may cover a part of this one, but none covers the end of
		// an IPv6 network or the start of an IPv4 one that has room left.
		want := Location{network.Country, network.Region}
		covered := false
		for _, later := range networks.Table[i+1:] {
			covered = covered || later.Prefix.Contains(network.Prefix.Addr())
		}
		if covered {
			t.Errorf("the start of %s is covered by a later row: adjust this test", network.Prefix)
		}
		if got := demo.Lookup(network.Prefix.Addr()); got != want {
			t.Errorf("Lookup(%s) = %v, want %v", network.Prefix.Addr(), got, want)
		}
	}
	tests := []struct {
		ip   string
		want Location
	}{
		{"192.0.2.1", Location{"SE", "AB"}},
		{"192.0.2.255", Location{"SE", "AB"}},
		{"192.0.1.255", Location{}},
		{"192.0.3.0", Location{}},
		{"198.51.100.127", Location{"US", "WA"}},
		{"198.51.100.128", Location{"US", "CA"}},
		{"203.0.113.7", Location{"GB", "ENG"}},
		{"203.0.113.200", Location{"DE", "BE"}},
		{"2001:db8::1", Location{"JP", "13"}},
		{"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", Location{"JP", "13"}},
		{"2001:db8:1::1", Location{"US", "NY"}},
		{"2001:db8:2::1", Location{"SG", ""}},
		{"2001:db7::1", Location{}},
		{"::ffff:198.51.100.200", Location{"US", "CA"}},
		{"::ffff:198.51.100.200%eth0", Location{"US", "CA"}},
		{"2001:db8::1%eth0", Location{"JP", "13"}},
	}
	for _, test := range tests {
		if got := demo.Lookup(netip.MustParseAddr(test.ip)); got != test.want {
			t.Errorf("Lookup(%s) = %v, want %v", test.ip, got, test.want)
		}
	}
}

func TestUnlistedAddressesAreUnknown(t *testing.T) {
	demo := mustOpen(t, demoFile)
	for _, ip := range []string{
		"10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "127.0.0.1",
		"169.254.1.1", "0.0.0.0", "224.0.0.1", "255.255.255.255",
		"::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1",
		"64:ff9b::c000:201", "::ffff:10.0.0.1", "::ffff:127.0.0.1",
	} {
		if got := demo.Lookup(netip.MustParseAddr(ip)); !got.IsZero() {
			t.Errorf("Lookup(%s) = %v, want unknown", ip, got)
		}
	}
	if got := demo.Lookup(netip.Addr{}); !got.IsZero() {
		t.Errorf("Lookup of the invalid address = %v, want unknown", got)
	}
}
