// Package networks holds the made-up whereabouts of the networks reserved for
// documentation, and writes them as a database for demonstrations and tests.
package networks

import (
	"fmt"
	"io"
	"net"
	"net/netip"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// DatabaseType is the type the written database states.
const DatabaseType = "GeoLite2-City"

// buildEpoch is fixed, in Unix seconds, so that the same table always makes
// the same bytes: 2026-01-01 00:00:00 UTC.
const buildEpoch = 1767225600

// Network is a row of the table. Region is empty where only the country is
// told.
type Network struct {
	Prefix      netip.Prefix
	Country     string
	CountryName string
	Region      string
	RegionName  string
}

// Table lists the networks of RFC 5737 and RFC 3849. Of two that overlap the
// later wins.
var Table = []Network{
	{netip.MustParsePrefix("192.0.2.0/24"), "SE", "Sweden", "AB", "Stockholm"},
	{netip.MustParsePrefix("198.51.100.0/24"), "US", "United States", "WA", "Washington"},
	{netip.MustParsePrefix("198.51.100.128/25"), "US", "United States", "CA", "California"},
	{netip.MustParsePrefix("203.0.113.0/24"), "GB", "United Kingdom", "ENG", "England"},
	{netip.MustParsePrefix("203.0.113.128/25"), "DE", "Germany", "BE", "Berlin"},
	{netip.MustParsePrefix("2001:db8::/32"), "JP", "Japan", "13", "Tokyo"},
	{netip.MustParsePrefix("2001:db8:1::/48"), "US", "United States", "NY", "New York"},
	{netip.MustParsePrefix("2001:db8:2::/48"), "SG", "Singapore", "", ""},
}

// Write writes the table to w as a MaxMind DB, the same bytes every time.
func Write(w io.Writer) error {
	tree, err := mmdbwriter.New(mmdbwriter.Options{
		BuildEpoch:              buildEpoch,
		DatabaseType:            DatabaseType,
		Description:             map[string]string{"en": "Made-up locations of documentation networks"},
		IncludeReservedNetworks: true,
		Languages:               []string{"en"},
		RecordSize:              24,
	})
	if err != nil {
		return fmt.Errorf("demo database: making the tree: %w", err)
	}
	for _, network := range Table {
		prefix := &net.IPNet{
			IP:   network.Prefix.Addr().AsSlice(),
			Mask: net.CIDRMask(network.Prefix.Bits(), network.Prefix.Addr().BitLen()),
		}
		if err := tree.Insert(prefix, record(network)); err != nil {
			return fmt.Errorf("demo database: inserting %s: %w", network.Prefix, err)
		}
	}
	if _, err := tree.WriteTo(w); err != nil {
		return fmt.Errorf("demo database: writing: %w", err)
	}
	return nil
}

func record(network Network) mmdbtype.Map {
	record := mmdbtype.Map{"country": place(network.Country, network.CountryName)}
	if network.Region != "" {
		record["subdivisions"] = mmdbtype.Slice{place(network.Region, network.RegionName)}
	}
	return record
}

func place(code, name string) mmdbtype.Map {
	return mmdbtype.Map{
		"iso_code": mmdbtype.String(code),
		"names":    mmdbtype.Map{"en": mmdbtype.String(name)},
	}
}
