// Package durable reads files that may be anything, and writes files that are
// whole and on disk when they can be seen. After a crash at any point a place
// has its old contents or the new ones.
package durable
