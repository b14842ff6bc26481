package geo

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"

	"github.com/oschwald/geoip2-golang/v2"
	"github.com/oschwald/maxminddb-golang/v2"
)

var (
	// ErrWrongType says that a file is a MaxMind DB that does not tell
	// countries, such as an ASN or a Domain database.
	ErrWrongType = errors.New("wrong database type")
	// ErrDamaged says that a file is no MaxMind DB or a broken one.
	ErrDamaged = errors.New("damaged database")
)

const (
	wanted = "a City, Country or Enterprise database such as GeoLite2-City is wanted"

	// maxTrialNetworks bounds the search for a first country. It is a bound on
	// steps and not on time, so that a file is judged alike on any machine.
	maxTrialNetworks = 1 << 17

	// maxBuildEpoch is the end of the year 9999, in Unix seconds: the last
	// that prints with four digits.
	maxBuildEpoch = 253402300799
)

// openVerified makes a reader over data, which must not change afterwards, if
// it is a whole database that tells countries. The checks run from cheap to
// dear, and every one assumes the ones before.
func openVerified(data []byte) (reader *maxminddb.Reader, err error) {
	// The file comes from outside, and the decoder is not ours.
	defer func() {
		if cause := recover(); cause != nil {
			reader, err = nil, fmt.Errorf("%w: reading it panicked: %v", ErrDamaged, cause)
		}
	}()
	if kind := foreignKind(data); kind != "" {
		return nil, fmt.Errorf("%w: it is %s: %s", ErrDamaged, kind, wanted)
	}
	if err := checkType(data); err != nil {
		return nil, err
	}
	reader, err = maxminddb.OpenBytes(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w: fetch the file again", ErrDamaged, err)
	}
	if uint64(reader.Metadata.BuildEpoch) > maxBuildEpoch {
		return nil, fmt.Errorf("%w: build time %d is no date: fetch the file again", ErrDamaged, reader.Metadata.BuildEpoch)
	}
	if err := reader.Verify(); err != nil {
		return nil, fmt.Errorf("%w: verifying: %w: fetch the file again", ErrDamaged, err)
	}
	if err := try(reader); err != nil {
		return nil, err
	}
	return reader, nil
}

// checkType lets the GeoIP2 reader judge the database type, as it knows the
// vendors' names. It opens ASN, ISP, Domain and other databases too, which
// only show themselves by refusing to be asked for a country.
func checkType(data []byte) error {
	reader, err := geoip2.OpenBytes(data)
	if unknown, ok := errors.AsType[geoip2.UnknownDatabaseTypeError](err); ok {
		return fmt.Errorf("%w: it is of type %q: %s", ErrWrongType, unknown.DatabaseType, wanted)
	}
	if err != nil {
		return fmt.Errorf("%w: %w: fetch the file again", ErrDamaged, err)
	}
	_, err = reader.Country(netip.IPv4Unspecified())
	if invalid, ok := errors.AsType[geoip2.InvalidMethodError](err); ok {
		return fmt.Errorf("%w: it is of type %q: %s", ErrWrongType, invalid.DatabaseType, wanted)
	}
	return nil
}

// try looks for one network with a country. A file may carry an accepted type
// and yet lay its records out in another way; it would answer nothing at all.
// Networks without data count, since they may be all there is.
func try(reader *maxminddb.Reader) error {
	steps := 0
	for result := range reader.Networks(maxminddb.IncludeNetworksWithoutData()) {
		if steps++; steps > maxTrialNetworks {
			break
		}
		if err := result.Err(); err != nil {
			return fmt.Errorf("%w: trying it: %w: fetch the file again", ErrDamaged, err)
		}
		if !result.Found() {
			continue
		}
		location, err := decodeLocation(result)
		if err != nil {
			return fmt.Errorf("%w: trying %s: %w: fetch the file again", ErrDamaged, result.Prefix(), err)
		}
		if location.Country != "" {
			return nil
		}
	}
	return fmt.Errorf("%w: it is of type %q but its records hold no country.iso_code: %s",
		ErrWrongType, reader.Metadata.DatabaseType, wanted)
}

// foreignKind names what data is when it plainly is something else that an
// update procedure tends to leave in the place of a database.
func foreignKind(data []byte) string {
	const tarMagicOffset = 257
	switch start := bytes.TrimLeft(data[:min(len(data), 512)], " \t\r\n"); {
	case len(data) == 0:
		return "an empty file"
	case bytes.HasPrefix(data, []byte{0x1f, 0x8b}):
		return "a gzip archive still to be unpacked"
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return "a zip archive still to be unpacked"
	case len(data) > tarMagicOffset && bytes.HasPrefix(data[tarMagicOffset:], []byte("ustar")):
		return "a tar archive still to be unpacked"
	case bytes.HasPrefix(start, []byte("<")):
		return "a web page"
	default:
		return ""
	}
}
