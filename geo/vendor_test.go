package geo

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// vendorFiles finds the vendor's published test databases, which are not part
// of this module: set MMDB_DIR to a folder holding them at any depth.
func vendorFiles(t testing.TB) map[string]string {
	t.Helper()
	folder := os.Getenv("MMDB_DIR")
	if folder == "" {
		folder = "../../shared/data"
	}
	files := map[string]string{}
	for _, pattern := range []string{"*.mmdb", "*/*.mmdb", "*/*/*.mmdb"} {
		paths, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			files[filepath.Base(path)] = path
		}
	}
	if len(files) == 0 {
		t.Skipf("no .mmdb files in %s: set MMDB_DIR to the vendor's test databases", folder)
	}
	return files
}

func vendorFile(t testing.TB, name string) string {
	t.Helper()
	path, ok := vendorFiles(t)[name]
	if !ok {
		t.Skipf("no %s: set MMDB_DIR to the vendor's test databases", name)
	}
	return path
}

func TestVendorCity(t *testing.T) {
	city := mustOpen(t, vendorFile(t, "GeoIP2-City-Test.mmdb"))
	for ip, want := range map[string]Location{
		"81.2.69.142":        {"GB", "ENG"},
		"2.125.160.216":      {"GB", "ENG"},
		"216.160.83.56":      {"US", "WA"},
		"89.160.20.112":      {"SE", "E"},
		"::ffff:81.2.69.142": {"GB", "ENG"},
		"2001:218::1":        {"JP", ""},
		"10.0.0.1":           {},
		"::1":                {},
	} {
		if got := city.Lookup(netip.MustParseAddr(ip)); got != want {
			t.Errorf("Lookup(%s) = %v, want %v", ip, got, want)
		}
	}
	if info := city.Info(); info.Type != "GeoIP2-City" || !info.Regions {
		t.Errorf("Info = %+v", info)
	}
}

func TestVendorCountry(t *testing.T) {
	country := mustOpen(t, vendorFile(t, "GeoIP2-Country-Test.mmdb"))
	for ip, want := range map[string]Location{
		"81.2.69.142":   {"GB", ""},
		"216.160.83.56": {"US", ""},
		"89.160.20.112": {"SE", ""},
	} {
		if got := country.Lookup(netip.MustParseAddr(ip)); got != want {
			t.Errorf("Lookup(%s) = %v, want %v", ip, got, want)
		}
	}
	if country.Info().Regions {
		t.Error("Regions is set for a Country database")
	}
}

// Whatever the file, opening and asking end soon, without a panic and without
// an answer that is no code.
func TestVendorFilesAreHarmless(t *testing.T) {
	good := map[string]bool{
		"GeoIP2-City-Test.mmdb": true, "GeoLite2-City-Test.mmdb": true,
		"GeoIP2-Country-Test.mmdb": true, "GeoLite2-Country-Test.mmdb": true,
		"GeoIP2-Enterprise-Test.mmdb": true, "GeoIP2-Precision-City-Test.mmdb": true,
	}
	for name, path := range vendorFiles(t) {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			database, err := Open(path)
			if err == nil {
				for i := range 1 << 16 {
					checkAnswer(t, database, netip.AddrFrom4([4]byte{byte(i >> 8), byte(i), byte(i * 7), byte(i * 13)}))
				}
			}
			if good[name] != (err == nil) && (good[name] || filepath.Base(filepath.Dir(path)) == "mmdb") {
				t.Errorf("Open = %v, want success %v", err, good[name])
			}
			if taken := time.Since(start); taken > 10*time.Second {
				t.Errorf("took %s", taken)
			}
			t.Logf("%v", err)
		})
	}
}

func checkAnswer(t testing.TB, database *Database, ip netip.Addr) {
	t.Helper()
	got := database.Lookup(ip)
	if got.Country != "" && !isCountry(got.Country) || got.Region != "" && (got.Country == "" || !isRegion(got.Region)) {
		t.Fatalf("Lookup(%s) = %q", ip, got)
	}
}
