// Package trouble tells of what fails again and again, seldom enough for a log that
// people read.
package trouble
