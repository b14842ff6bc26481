package geo

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"os"
	"testing"

	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// openBenchmark is the database at GEO_BENCH_DATABASE, for figures at a
// real size, or else the demo's.
func openBenchmark(t testing.TB) *Database {
	t.Helper()
	path := os.Getenv("GEO_BENCH_DATABASE")
	if path == "" {
		path = demoFile
	}
	return mustOpen(t, path)
}

var sink Location

func BenchmarkLookupWarm(b *testing.B) {
	for name, text := range map[string]string{"v4": "198.51.100.200", "v6": "2001:db8:1::1", "mapped": "::ffff:198.51.100.200", "unlisted": "10.0.0.1"} {
		b.Run(name, func(b *testing.B) {
			database, ip := openBenchmark(b), netip.MustParseAddr(text)
			b.ReportAllocs()
			for b.Loop() {
				sink = database.Lookup(ip)
			}
		})
	}
}

func BenchmarkLookupParallel(b *testing.B) {
	database, ip := openBenchmark(b), netip.MustParseAddr("198.51.100.200")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			database.Lookup(ip)
		}
	})
}

// BenchmarkLookupCold asks for random addresses: the tree is out of the CPU's
// cache, and so is the memo or, in the large database, the record out of it.
func BenchmarkLookupCold(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *Database{"demo": openBenchmark, "large": openLarge} {
		b.Run(name, func(b *testing.B) {
			database := open(b)
			random := rand.New(rand.NewPCG(1, 2))
			addresses := make([]netip.Addr, 1<<17)
			for i := range addresses {
				var address [4]byte
				binary.BigEndian.PutUint32(address[:], random.Uint32())
				addresses[i] = netip.AddrFrom4(address)
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				sink = database.Lookup(addresses[i%len(addresses)])
				i++
			}
		})
	}
}

// openLarge makes a database of 65,536 networks, which are all of IPv4, with
// as many distinct records: more than its memo has slots.
func openLarge(t testing.TB) *Database {
	t.Helper()
	records := make(map[string]mmdbtype.DataType, 1<<16)
	for i := range 1 << 16 {
		record := cityRecord("US", "WA")
		record["city"] = mmdbtype.Map{
			"geoname_id": mmdbtype.Uint32(i),
			"names":      mmdbtype.Map{"en": mmdbtype.String("Springfield")},
		}
		records[netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(i >> 8), byte(i)}), 16).String()] = record
	}
	return mustOpen(t, temporary(t, build(t, database{ipVersion: 4, records: records})))
}

// BenchmarkDecode is what the memo saves.
func BenchmarkDecode(b *testing.B) {
	reader := openBenchmark(b).current.Load().reader
	result := reader.Lookup(netip.MustParseAddr("198.51.100.200"))
	b.ReportAllocs()
	for b.Loop() {
		sink, _ = decodeLocation(result)
	}
}

func BenchmarkOpen(b *testing.B) {
	for b.Loop() {
		openBenchmark(b)
	}
}
