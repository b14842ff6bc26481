package geo

import "time"

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
