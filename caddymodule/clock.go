//go:build !experiments_clock

package caddymodule

import "time"

// wallClock is what goes into cookies, tokens, events and logs.
func wallClock() time.Time { return time.Now() }
