// Package postgres is an event log on PostgreSQL, and on databases that speak its
// protocol and SQL. It computes the sums next to the data, so that a query brings
// back aggregated rows only.
//
// A database needs the collation "C", partial indexes, COPY into temporary tables,
// INSERT … ON CONFLICT, materialized common table expressions, DISTINCT ON, window
// functions, FILTER, exact sums of the type numeric and the isolation level
// REPEATABLE READ; neither functions of its own nor extensions. It is tested with
// PostgreSQL 15. Tables that are spread over nodes want to be so by tenant and
// unit.
package postgres
