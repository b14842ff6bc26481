// Package redistest starts real Redis servers for tests: one server, a master
// under sentinels, a cluster, and a proxy that disturbs the way to any of them.
// Everything listens on the loopback interface only and ends with the test.
package redistest
