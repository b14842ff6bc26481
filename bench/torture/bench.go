package main

import (
	"context"
	"fmt"
	"os"
	"testing"
)

// bench lets the servers of package redistest, which are made for tests, serve a
// program: it is what they know of a test.
type bench struct {
	testing.TB // for the methods that are not used
	cleanups   []func()
}

// failure is what a fatal error of a bench panics with.
type failure string

// skip is what a bench panics with where something is missing.
type skip string

func (b *bench) Helper()                           {}
func (b *bench) Cleanup(f func())                  { b.cleanups = append(b.cleanups, f) }
func (b *bench) Fatalf(format string, args ...any) { panic(failure(fmt.Sprintf(format, args...))) }
func (b *bench) Fatal(args ...any)                 { panic(failure(fmt.Sprint(args...))) }
func (b *bench) Errorf(format string, args ...any) { panic(failure(fmt.Sprintf(format, args...))) }
func (b *bench) Error(args ...any)                 { panic(failure(fmt.Sprint(args...))) }
func (b *bench) Skipf(format string, args ...any)  { panic(skip(fmt.Sprintf(format, args...))) }
func (b *bench) Skip(args ...any)                  { panic(skip(fmt.Sprint(args...))) }
func (b *bench) Logf(string, ...any)               {}
func (b *bench) Log(...any)                        {}
func (b *bench) Failed() bool                      { return false }
func (b *bench) Name() string                      { return "torture" }
func (b *bench) Context() context.Context          { return context.Background() }

func (b *bench) TempDir() string {
	dir, err := os.MkdirTemp("", "torture-*")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) }) // in the place for what is temporary
	return dir
}

// clean undoes everything, last things first.
func (b *bench) clean() {
	for len(b.cleanups) > 0 {
		last := b.cleanups[len(b.cleanups)-1]
		b.cleanups = b.cleanups[:len(b.cleanups)-1]
		last()
	}
}
