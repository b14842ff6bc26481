// Package events says what units were shown and what they did: exposures and
// outcomes, as they come in, as a log keeps them, and as sums per variation that
// the statistics are computed from. Logs are below it, one package for each
// engine.
package events
