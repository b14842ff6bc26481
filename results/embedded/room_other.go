//go:build !linux && !darwin && !freebsd

package embedded

import "errors"

func spaceOf(string) (space, error) { return space{}, errors.ErrUnsupported }
