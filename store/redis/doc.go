// Package redis keeps configuration in Redis, from where it reaches every edge
// in milliseconds, and on each edge's disk as it was last known to be good. The
// protocol is in docs/redis.md.
package redis
