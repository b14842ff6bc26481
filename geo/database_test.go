package geo

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/oschwald/maxminddb-golang/v2"
)

func TestOpenRefuses(t *testing.T) {
	demo, err := os.ReadFile(demoFile)
	if err != nil {
		t.Fatal(err)
	}
	asn := mmdbtype.Map{
		"autonomous_system_number":       mmdbtype.Uint32(64496),
		"autonomous_system_organization": mmdbtype.String("Example"),
	}
	wrongType := func(kind string, record mmdbtype.DataType) []byte {
		return build(t, database{kind: kind, records: map[string]mmdbtype.DataType{"192.0.2.0/24": record}})
	}
	tests := []struct {
		name    string
		content []byte
		is      error
		text    []string
	}{
		{"empty", nil, ErrDamaged, []string{"an empty file"}},
		{"text", []byte("not a database"), ErrDamaged, []string{"invalid MaxMind DB file", "fetch the file again"}},
		{"gzip", append([]byte{0x1f, 0x8b, 8, 0}, demo...), ErrDamaged, []string{"a gzip archive", "unpack"}},
		{"zip", append([]byte("PK\x03\x04"), demo...), ErrDamaged, []string{"a zip archive"}},
		{"tar", append(append(make([]byte, 257), "ustar\x0000"...), demo...), ErrDamaged, []string{"a tar archive"}},
		{"web page", []byte("\r\n<!DOCTYPE html><title>Unauthorized</title>"), ErrDamaged, []string{"a web page"}},
		{"half", demo[:len(demo)/2], ErrDamaged, nil},
		{"without end", demo[:len(demo)-1], ErrDamaged, nil},
		{"doubled", append(append([]byte{}, demo...), demo...), ErrDamaged, nil},
		{"ASN", wrongType("GeoLite2-ASN", asn), ErrWrongType,
			[]string{`"GeoLite2-ASN"`, "a City, Country or Enterprise database such as GeoLite2-City is wanted"}},
		{"ISP", wrongType("GeoIP2-ISP", asn), ErrWrongType, []string{`"GeoIP2-ISP"`}},
		{"Domain", wrongType("GeoIP2-Domain", mmdbtype.Map{"domain": mmdbtype.String("example.com")}), ErrWrongType, []string{`"GeoIP2-Domain"`}},
		{"Connection-Type", wrongType("GeoIP2-Connection-Type", mmdbtype.Map{"connection_type": mmdbtype.String("Cable/DSL")}), ErrWrongType, []string{`"GeoIP2-Connection-Type"`}},
		{"Anonymous-IP", wrongType("GeoIP2-Anonymous-IP", mmdbtype.Map{"is_anonymous": mmdbtype.Bool(true)}), ErrWrongType, []string{`"GeoIP2-Anonymous-IP"`}},
		{"Anonymous-Plus", wrongType("GeoIP-Anonymous-Plus", mmdbtype.Map{"is_anonymous": mmdbtype.Bool(true)}), ErrWrongType, []string{`"GeoIP-Anonymous-Plus"`}},
		{"unheard of", wrongType("city ipv4", cityRecord("SE", "AB")), ErrWrongType, []string{`"city ipv4"`}},
		{"flat records", wrongType("DBIP-City-Lite", mmdbtype.Map{"country_code": mmdbtype.String("SE")}), ErrWrongType,
			[]string{`"DBIP-City-Lite"`, "no country.iso_code"}},
		{"no networks", build(t, database{}), ErrWrongType, []string{"no country.iso_code"}},
		{"number for a country", wrongType("GeoLite2-City", mmdbtype.Map{"country": mmdbtype.Uint32(1)}), ErrDamaged, []string{"192.0.2.0/24"}},
		{"no country code", wrongType("GeoLite2-City", cityRecord("Sweden", "AB")), ErrWrongType, []string{"no country.iso_code"}},
		{"far future", build(t, database{epoch: 1 << 60, records: map[string]mmdbtype.DataType{"192.0.2.0/24": cityRecord("SE")}}), ErrDamaged, []string{"build time"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := temporary(t, test.content)
			for name, open := range map[string]func(string) (*Database, error){"Open": Open, "OpenOptional": OpenOptional} {
				database, err := open(path)
				if err == nil || database != nil {
					t.Fatalf("%s accepted the file", name)
				}
				if !errors.Is(err, test.is) {
					t.Errorf("%s error %q is not %q", name, err, test.is)
				}
				for _, text := range append(test.text, "geo database "+path+": opening: ") {
					if !strings.Contains(err.Error(), text) {
						t.Errorf("%s error %q lacks %q", name, err, text)
					}
				}
			}
		})
	}
}

func TestOpenMissing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "absent.mmdb")
	_, err := Open(path)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("Open = %v, want fs.ErrNotExist", err)
	}
	if text := err.Error(); strings.Count(text, path) != 1 || !strings.HasSuffix(text, "put a database there or make it optional") {
		t.Errorf("error %q should name the path once and say what to do", err)
	}

	database, err := OpenOptional(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := database.Lookup(netip.MustParseAddr("192.0.2.1")); !got.IsZero() {
		t.Errorf("Lookup = %v, want unknown", got)
	}
	info := database.Info()
	if info.Loaded || info.Type != "" || !info.BuildTime.IsZero() || info.Path != path {
		t.Errorf("Info = %+v, want nothing but the path and an error", info)
	}
	if !errors.Is(info.LastError, fs.ErrNotExist) {
		t.Errorf("LastError = %v, want fs.ErrNotExist", info.LastError)
	}
}

func TestOpenRefusesWhatIsNoFile(t *testing.T) {
	if _, err := Open(""); err == nil {
		t.Error("Open accepted an empty path")
	}
	if _, err := Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "a directory") {
		t.Errorf("Open of a directory = %v", err)
	}
	if _, err := Open(os.DevNull); err == nil || !strings.Contains(err.Error(), "a device") {
		t.Errorf("Open of a device = %v", err)
	}
}

func TestReadFileLimit(t *testing.T) {
	path := temporary(t, make([]byte, 100))
	if _, _, err := readFile(path, 100); err != nil {
		t.Errorf("a file of exactly the limit: %v", err)
	}
	if _, _, err := readFile(path, 99); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a file over the limit: %v, want ErrTooLarge", err)
	}
	// A sparse file of the documented size costs nothing unless it is read.
	if err := os.Truncate(path, MaxSize+1); err != nil {
		t.Skip(err)
	}
	if _, err := Open(path); !errors.Is(err, ErrTooLarge) {
		t.Errorf("Open = %v, want ErrTooLarge", err)
	}
}

func TestInfo(t *testing.T) {
	info := mustOpen(t, demoFile).Info()
	stat, err := os.Stat(demoFile)
	if err != nil {
		t.Fatal(err)
	}
	if !info.Loaded || info.LastError != nil || info.Path != demoFile ||
		info.Type != "GeoLite2-City" || !info.Regions || info.Size != stat.Size() {
		t.Errorf("Info = %+v", info)
	}
	if got := info.BuildTime.Format("2006-01-02T15:04:05Z07:00"); got != "2026-01-01T00:00:00Z" {
		t.Errorf("BuildTime = %s", got)
	}
	if info.LoadedAt.IsZero() {
		t.Error("LoadedAt is zero")
	}
}

func TestRecordsOfOtherKinds(t *testing.T) {
	ip := netip.MustParseAddr("192.0.2.1")
	subdivisions := func(value mmdbtype.DataType) mmdbtype.Map {
		return mmdbtype.Map{"country": mmdbtype.Map{"iso_code": mmdbtype.String("US")}, "subdivisions": value}
	}
	tests := []struct {
		name   string
		record mmdbtype.DataType
		want   Location
	}{
		{"lower case", cityRecord("us", "wa"), Location{"US", "WA"}},
		{"first of two", cityRecord("GB", "ENG", "LND"), Location{"GB", "ENG"}},
		{"one character", cityRecord("AT", "9"), Location{"AT", "9"}},
		{"country only", cityRecord("SG"), Location{"SG", ""}},
		{"registered country only", mmdbtype.Map{"registered_country": mmdbtype.Map{"iso_code": mmdbtype.String("US")}}, Location{}},
		{"subdivision without country", mmdbtype.Map{"subdivisions": cityRecord("US", "WA")["subdivisions"]}, Location{}},
		{"long country", cityRecord("USA", "WA"), Location{}},
		{"digits for a country", cityRecord("U1", "WA"), Location{}},
		{"line break in the country", cityRecord("U\n", "WA"), Location{}},
		{"two bytes, one letter", cityRecord("é", "WA"), Location{}},
		{"long region", cityRecord("US", "WASH"), Location{"US", ""}},
		{"hyphen in the region", cityRecord("US", "W-A"), Location{"US", ""}},
		{"line break in the region", cityRecord("US", "W\n"), Location{"US", ""}},
		{"empty region", cityRecord("US", ""), Location{"US", ""}},
		{"no subdivision in the list", subdivisions(mmdbtype.Slice{}), Location{"US", ""}},
		{"text for subdivisions", subdivisions(mmdbtype.String("WA")), Location{"US", ""}},
		{"number for a region", subdivisions(mmdbtype.Slice{mmdbtype.Map{"iso_code": mmdbtype.Uint32(7)}}), Location{"US", ""}},
		{"empty record", mmdbtype.Map{}, Location{}},
		{"text for a record", mmdbtype.String("US"), Location{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			database := mustOpen(t, temporary(t, build(t, database{records: map[string]mmdbtype.DataType{
				"1.0.0.0/24":   cityRecord("AU"),
				"192.0.2.0/24": test.record,
			}})))
			for range 2 { // cold, then warm
				if got := database.Lookup(ip); got != test.want {
					t.Errorf("Lookup = %v, want %v", got, test.want)
				}
			}
		})
	}
}

func TestIPv4OnlyDatabase(t *testing.T) {
	database := mustOpen(t, temporary(t, build(t, database{
		kind: "GeoIP2-Country", ipVersion: 4,
		records: map[string]mmdbtype.DataType{"192.0.2.0/24": cityRecord("SE")},
	})))
	for ip, want := range map[string]Location{
		"192.0.2.1":        {"SE", ""},
		"::ffff:192.0.2.1": {"SE", ""},
		"2001:db8::1":      {},
		"10.0.0.1":         {},
	} {
		if got := database.Lookup(netip.MustParseAddr(ip)); got != want {
			t.Errorf("Lookup(%s) = %v, want %v", ip, got, want)
		}
	}
	if database.Info().Regions {
		t.Error("Regions is set for a Country database")
	}
}

func TestAcceptedTypes(t *testing.T) {
	for _, kind := range []string{
		"GeoLite2-City", "GeoIP2-City", "GeoIP2-City-Europe", "GeoLite2-Country", "GeoIP2-Country",
		"GeoIP2-Enterprise", "DBIP-City-Lite", "DBIP-Country-Lite", "DBIP-Country",
		"DBIP-Location (compat=City)", "DBIP-Location-ISP (compat=Enterprise)",
	} {
		path := temporary(t, build(t, database{kind: kind, records: map[string]mmdbtype.DataType{"192.0.2.0/24": cityRecord("SE", "AB")}}))
		database, err := Open(path)
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		if got := database.Info().Type; got != kind {
			t.Errorf("Type = %q, want %q", got, kind)
		}
	}
}

// A panic below Lookup must not reach a request; a snapshot without a reader
// stands for whatever might cause one.
func TestLookupRecovers(t *testing.T) {
	database := mustOpen(t, demoFile)
	database.current.Store(&snapshot{})
	if got := database.Lookup(netip.MustParseAddr("192.0.2.1")); !got.IsZero() {
		t.Errorf("Lookup = %v, want unknown", got)
	}
}

// A tree may be made of a few nodes that lead on by both their branches. It is
// in order, but has more networks than anyone can visit.
func TestOpenGivesUpOnEndlessNetworks(t *testing.T) {
	content := build(t, database{records: map[string]mmdbtype.DataType{
		"2001:db8::1/128": mmdbtype.Map{"registered_country": mmdbtype.Map{"iso_code": mmdbtype.String("SE")}},
	}})
	reader, err := maxminddb.OpenBytes(content)
	if err != nil {
		t.Fatal(err)
	}
	const depth, nodeSize, separator = 128, 7, 16
	nodes := reader.Metadata.NodeCount
	record := nodes + separator // the first and only one
	for i := range uint(depth) {
		left, right := i+1, i+1
		if i == depth-1 {
			left, right = nodes, record // nodes stands for no data
		}
		node := content[i*nodeSize:]
		copy(node, []byte{
			byte(left >> 16), byte(left >> 8), byte(left), 0,
			byte(right >> 16), byte(right >> 8), byte(right),
		})
	}
	if err := reader.Verify(); err != nil {
		t.Fatalf("the tree should be in order: %v", err)
	}
	start := time.Now()
	if _, err := Open(temporary(t, content)); !errors.Is(err, ErrWrongType) {
		t.Errorf("Open = %v, want ErrWrongType", err)
	}
	if taken := time.Since(start); taken > 5*time.Second {
		t.Errorf("took %s", taken)
	}
}
