package geo

import (
	"strings"

	"github.com/oschwald/maxminddb-golang/v2"
)

// Location is where an address is. The zero value means unknown; Region is
// empty when only the country is known, and never set without Country.
type Location struct {
	// Country is an ISO 3166-1 alpha-2 code in upper case, such as "SE".
	Country string
	// Region is the subdivision's part of an ISO 3166-2 code in upper case:
	// "WA" for US-WA. It is the first, that is the largest, subdivision.
	Region string
}

// IsZero reports whether nothing is known.
func (l Location) IsZero() bool { return l == Location{} }

// The paths are variables so that passing them on allocates nothing.
var (
	countryPath = []any{"country", "iso_code"}
	regionPath  = []any{"subdivisions", 0, "iso_code"}
)

// decodeLocation reads the two codes of a record and skips the rest. A value
// that cannot be a code is dropped: the codes end up in headers and logs. The
// error is the country's alone, since a country without region is an answer.
func decodeLocation(result maxminddb.Result) (Location, error) {
	var country, region string
	if err := result.DecodePath(&country, countryPath...); err != nil {
		return Location{}, err
	}
	if !isCountry(country) {
		return Location{}, nil
	}
	location := Location{Country: strings.ToUpper(country)}
	if err := result.DecodePath(&region, regionPath...); err == nil && isRegion(region) {
		location.Region = strings.ToUpper(region)
	}
	return location, nil
}

func isCountry(code string) bool {
	return len(code) == 2 && isLetter(code[0]) && isLetter(code[1])
}

func isRegion(code string) bool {
	if len(code) < 1 || len(code) > 3 {
		return false
	}
	for i := range len(code) {
		if !isLetter(code[i]) && (code[i] < '0' || code[i] > '9') {
			return false
		}
	}
	return true
}

func isLetter(c byte) bool {
	c |= 0x20
	return 'a' <= c && c <= 'z'
}
