package geo

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Database answers from the last good content of one file. It is made by Open
// or OpenOptional, needs no closing, and is safe for concurrent use.
type Database struct {
	path    string
	limit   int64
	current atomic.Pointer[snapshot] // nil until an optional file appears

	mutex   sync.Mutex // makes a new current and its failure appear as one
	failure error      // why the file on disk is not the one in use

	polling sync.Mutex // held for a whole poll, and guards what follows
	judged  stamp      // of the file last applied or found to be no good
	pending stamp      // of a file that has not settled yet
	since   time.Time  // when pending was first seen
	refusal string     // the failure's cause, to tell a new one from a known
}

// Open reads the database at path. It refuses a file that is damaged
// (ErrDamaged), of another type (ErrWrongType), larger than MaxSize
// (ErrTooLarge), being written to (ErrChanging) or missing (fs.ErrNotExist).
func Open(path string) (*Database, error) {
	return open(path, false)
}

// OpenOptional is like Open, but takes a missing file for one that is still
// to come: until Watch finds it every address is unknown. A file that exists
// and is no good is an error as it is for Open.
func OpenOptional(path string) (*Database, error) {
	return open(path, true)
}

func open(path string, optional bool) (*Database, error) {
	if path == "" {
		return nil, errors.New("geo database: path is empty: name a .mmdb file")
	}
	database := &Database{path: path, limit: MaxSize}
	loaded, state, err := readSnapshot(path, database.limit, nil)
	switch {
	case err == nil:
		database.judged = state
		database.current.Store(loaded)
	case optional && errors.Is(err, fs.ErrNotExist):
		database.failure, database.refusal = database.wrap("opening", err), err.Error()
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w or make it optional", database.wrap("opening", err))
	default:
		return nil, database.wrap("opening", err)
	}
	return database, nil
}

// Lookup tells where ip is. An IPv4 address mapped into IPv6 is looked up as
// the IPv4 address it is, and a zone is ignored. Whatever is wrong with the
// address or the data, the answer is the zero Location.
func (d *Database) Lookup(ip netip.Addr) (location Location) {
	snapshot := d.current.Load()
	if snapshot == nil || !ip.IsValid() {
		return Location{}
	}
	// Verification should leave nothing to recover from; a request must not
	// depend on it.
	defer func() {
		if recover() != nil {
			location = Location{}
		}
	}()
	return snapshot.lookup(ip.Unmap())
}

// Info is what a status page shows of a Database.
type Info struct {
	// Path is the file that is followed, as it was given.
	Path string
	// Loaded is false as long as an optional file has not appeared; Type to
	// Size are then zero.
	Loaded bool
	// Type is the database type that the file states, such as "GeoLite2-City".
	Type string
	// Regions is false for a type that tells countries only.
	Regions bool
	// BuildTime is when the vendor built the data, in UTC.
	BuildTime time.Time
	// LoadedAt is when the data in use was read.
	LoadedAt time.Time
	// Size of the data in use, in bytes.
	Size int64
	// LastError says why the file on disk is not the one in use, and is nil
	// when it is.
	LastError error
}

// Info returns the present state. It does not wait for a check in progress.
func (d *Database) Info() Info {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	info := Info{Path: d.path, LastError: d.failure}
	if snapshot := d.current.Load(); snapshot != nil {
		info.Loaded = true
		info.Type = snapshot.reader.Metadata.DatabaseType
		info.Regions = snapshot.tellsRegions()
		info.BuildTime = snapshot.buildTime()
		info.LoadedAt = snapshot.loadedAt
		info.Size = int64(len(snapshot.data))
	}
	return info
}

func (d *Database) wrap(doing string, err error) error {
	return fmt.Errorf("geo database %s: %s: %w", d.path, doing, err)
}
