//go:build experiments_clock

package caddymodule

import (
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// A program that is built with this tag takes how far its clock is off from a
// file, whose name is in the environment, so that a test can have the clock jump
// while logins go on. No release is built with it.
const clockFile = "EXPERIMENTS_CLOCK_FILE"

var clockShift atomic.Int64 // nanoseconds

func init() {
	path := os.Getenv(clockFile)
	if path == "" {
		return
	}
	go func() {
		for {
			text, _ := os.ReadFile(path) // which is not there yet
			if shift, err := time.ParseDuration(strings.TrimSpace(string(text))); err == nil {
				clockShift.Store(int64(shift))
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
}

// wallClock has no monotonic reading, which would hide the jumps.
func wallClock() time.Time { return time.Now().Add(time.Duration(clockShift.Load())).Round(0) }
