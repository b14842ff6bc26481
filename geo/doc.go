// Package geo answers where a network address is: the country and the first
// subdivision, both as upper-case ISO codes, from a MaxMind DB file of the
// City, Country or Enterprise kind. It keeps that file in memory, follows it
// on disk, and replaces it only by one that has been verified and tried, so
// that neither an update nor a damaged file can disturb a lookup.
//
// # Data
//
// The country is what the database says under country.iso_code and nothing
// else: registered_country and represented_country are not consulted, because
// they say who a network belongs to, not where it is used. The region is the
// part of the ISO 3166-2 code after the country ("WA" for US-WA). Networks
// the database does not list, such as private and loopback ranges, are unknown.
//
// # Concurrency
//
// Lookup and Info may be called by any number of goroutines, also while Watch
// is replacing the data. A warm Lookup takes no lock and allocates nothing.
//
// # Memory
//
// A file is read into the heap as a whole, because a mapped file that is
// truncated in place kills the process. While an update is being checked the
// old and the new file are both held, so plan for twice the file's size.
// Replaced data is left to the garbage collector and never closed.
package geo
