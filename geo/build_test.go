package geo

import (
	"bytes"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

const demoFile = "testdata/demo.mmdb"

// database describes a file for build. The zero value makes a City database
// with version 6 addresses and the build epoch 1700000000.
type database struct {
	kind      string
	ipVersion int
	epoch     int64
	records   map[string]mmdbtype.DataType // by prefix
}

func build(t testing.TB, d database) []byte {
	t.Helper()
	if d.kind == "" {
		d.kind = "GeoLite2-City"
	}
	if d.ipVersion == 0 {
		d.ipVersion = 6
	}
	if d.epoch == 0 {
		d.epoch = 1700000000
	}
	tree, err := mmdbwriter.New(mmdbwriter.Options{
		BuildEpoch:              d.epoch,
		DatabaseType:            d.kind,
		Description:             map[string]string{"en": "test"},
		IncludeReservedNetworks: true,
		IPVersion:               d.ipVersion,
		Languages:               []string{"en"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for prefix, value := range d.records {
		_, network, err := net.ParseCIDR(prefix)
		if err != nil {
			t.Fatal(err)
		}
		if err := tree.Insert(network, value); err != nil {
			t.Fatal(err)
		}
	}
	var content bytes.Buffer
	if _, err := tree.WriteTo(&content); err != nil {
		t.Fatal(err)
	}
	return content.Bytes()
}

// buildPlace makes a City database in which all of 192.0.2.0/24 is one place.
func buildPlace(t testing.TB, country, region string, epoch int64) []byte {
	t.Helper()
	return build(t, database{
		epoch:   epoch,
		records: map[string]mmdbtype.DataType{"192.0.2.0/24": cityRecord(country, region)},
	})
}

// databaseOfType differs from an accepted database in nothing but its type.
func databaseOfType(kind string) database {
	return database{kind: kind, records: map[string]mmdbtype.DataType{"192.0.2.0/24": cityRecord("FR")}}
}

// cityRecord has no subdivisions when none are given.
func cityRecord(country string, regions ...string) mmdbtype.Map {
	record := mmdbtype.Map{
		"country": mmdbtype.Map{"iso_code": mmdbtype.String(country)},
	}
	var subdivisions mmdbtype.Slice
	for _, region := range regions {
		subdivisions = append(subdivisions, mmdbtype.Map{"iso_code": mmdbtype.String(region)})
	}
	if subdivisions != nil {
		record["subdivisions"] = subdivisions
	}
	return record
}

func writeFile(t testing.TB, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// temporary writes content to a new file and returns its path.
func temporary(t testing.TB, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "geo.mmdb")
	writeFile(t, path, content)
	return path
}

func mustOpen(t testing.TB, path string) *Database {
	t.Helper()
	database, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return database
}
