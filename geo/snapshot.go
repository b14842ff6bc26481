package geo

import (
	"bytes"
	"net/netip"
	"strings"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"
)

// snapshot is one file's content, ready to answer. All but the memo is
// immutable; lookups may hold it for as long as they like after it has been
// replaced, so the reader is never closed.
type snapshot struct {
	data     []byte
	reader   *maxminddb.Reader
	memo     *memo
	loadedAt time.Time
}

// readSnapshot reads and checks the file at path. When the content is that of
// current, current is returned: its memo is warm. The stamp is meaningful
// with an error too and tells which state of the file was refused.
func readSnapshot(path string, limit int64, current *snapshot) (*snapshot, stamp, error) {
	data, state, err := readFile(path, limit)
	if err != nil {
		return nil, state, err
	}
	if current != nil && bytes.Equal(current.data, data) {
		return current, state, nil
	}
	reader, err := openVerified(data)
	if err != nil {
		return nil, state, err
	}
	return &snapshot{
		data:     data,
		reader:   reader,
		memo:     newMemo(len(data)),
		loadedAt: time.Now(),
	}, state, nil
}

// lookup wants a valid address without IPv4-in-IPv6 mapping.
func (s *snapshot) lookup(ip netip.Addr) Location {
	// The reader answers this with an error, which costs more than a lookup.
	if ip.Is6() && s.reader.Metadata.IPVersion == 4 {
		return Location{}
	}
	result := s.reader.Lookup(ip)
	if !result.Found() {
		return Location{}
	}
	offset := result.Offset()
	if location, ok := s.memo.get(offset); ok {
		return location
	}
	// A record that cannot be read is as good as one that says nothing, and is
	// remembered like it: it will not become readable.
	location, _ := decodeLocation(result)
	s.memo.put(offset, location)
	return location
}

func (s *snapshot) buildTime() time.Time {
	return s.reader.Metadata.BuildTime().UTC()
}

// tellsRegions goes by the type's name: whether a record has subdivisions
// differs from network to network in any database.
func (s *snapshot) tellsRegions() bool {
	return !strings.Contains(s.reader.Metadata.DatabaseType, "Country")
}
