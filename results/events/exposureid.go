package events

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// tagLength is that of the part of an exposure's id which follows the unit.
const tagLength = 11

// ExposureID gives the id of the exposures of a unit in an iteration of an
// experiment. It begins with the unit, so that an outcome that names it needs no
// exposure to be found first. The unit must not contain a dot.
func ExposureID(unit, experiment, iteration, variation string) string {
	sum := sha256.Sum256([]byte(experiment + "\n" + iteration + "\n" + variation))
	return unit + "." + base64.RawURLEncoding.EncodeToString(sum[:])[:tagLength]
}

// UnitOf gives the unit in an exposure's id. It is not ok for an id that was made
// elsewhere; only the exposure itself tells the unit then.
func UnitOf(exposureID string) (unit string, ok bool) {
	unit, tag, found := strings.Cut(exposureID, ".")
	return unit, found && unit != "" && len(tag) == tagLength && !strings.Contains(tag, ".")
}
