package main

import (
	"errors"
	"fmt"
	"testing"

	"github.com/caddy-experiments/caddy-experiments/results/postgres/postgrestest"
)

// database is a PostgreSQL server that was started for a measurement. It is what
// package postgrestest, which is made for tests, knows of a test.
type database struct {
	testing.TB // for the methods that are not used
	dsn        string
	cleanups   []func()
}

// failure is what a fatal error panics with.
type failure string

func (d *database) Helper()                           {}
func (d *database) Cleanup(f func())                  { d.cleanups = append(d.cleanups, f) }
func (d *database) Fatalf(format string, args ...any) { panic(failure(fmt.Sprintf(format, args...))) }
func (d *database) Skipf(format string, args ...any)  { panic(failure(fmt.Sprintf(format, args...))) }

func startDatabase() (d *database, err error) {
	d = &database{}
	defer func() {
		if cause := recover(); cause != nil {
			text, ours := cause.(failure)
			if !ours {
				panic(cause)
			}
			d.close()
			d, err = nil, errors.New(string(text))
		}
	}()
	d.dsn = postgrestest.Start(d)
	return d, nil
}

func (d *database) close() {
	for len(d.cleanups) > 0 {
		last := d.cleanups[len(d.cleanups)-1]
		d.cleanups = d.cleanups[:len(d.cleanups)-1]
		last()
	}
}
