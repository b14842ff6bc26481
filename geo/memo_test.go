package geo

import (
	"net/netip"
	"sync"
	"testing"
)

func TestMemoSize(t *testing.T) {
	for _, test := range []struct{ fileSize, want int }{
		{0, minMemoSlots},
		{2000, minMemoSlots},
		{1 << 20, 1 << 12},
		{1<<20 + 256, 1 << 13},
		{1 << 29, maxMemoSlots},
	} {
		if got := len(newMemo(test.fileSize).slots); got != test.want {
			t.Errorf("newMemo(%d) has %d slots, want %d", test.fileSize, got, test.want)
		}
	}
}

func TestMemoNeverMixesRecords(t *testing.T) {
	memo := newMemo(0)
	location := func(offset uintptr) Location {
		return Location{Country: string([]byte{'A' + byte(offset%26), 'A' + byte(offset/26%26)})}
	}
	if _, ok := memo.get(0); ok {
		t.Error("an empty memo knows offset 0")
	}
	// Far more offsets than slots, so that they displace one another.
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for offset := range uintptr(20 * minMemoSlots) {
				memo.put(offset, location(offset))
				if got, ok := memo.get(offset); ok && got != location(offset) {
					t.Errorf("get(%d) = %v, want %v", offset, got, location(offset))
					return
				}
			}
		})
	}
	group.Wait()
}

func TestWarmLookupDoesNotAllocate(t *testing.T) {
	demo := mustOpen(t, demoFile)
	for _, text := range []string{
		"192.0.2.1", "203.0.113.200", "2001:db8:1::1", "::ffff:192.0.2.1",
		"2001:db8::1%eth0", "10.0.0.1", "fe80::1%eth0",
	} {
		ip := netip.MustParseAddr(text)
		if allocs := testing.AllocsPerRun(1000, func() { demo.Lookup(ip) }); allocs != 0 {
			t.Errorf("Lookup(%s) makes %v allocations", text, allocs)
		}
	}
	if allocs := testing.AllocsPerRun(1000, func() { demo.Lookup(netip.Addr{}) }); allocs != 0 {
		t.Errorf("Lookup of the invalid address makes %v allocations", allocs)
	}
}
