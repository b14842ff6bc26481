// Package postgrestest starts real PostgreSQL servers for tests. They listen on
// the loopback interface only, ask for a password and end with the test.
package postgrestest
