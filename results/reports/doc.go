// Package reports makes reports for many who ask, so that none of them keeps the
// others from theirs.
//
// A report costs a scan of the log and statistics over it, and a request for one
// is cheap. What is asked for while the same is being made is made once, and a
// recent answer is given again. Tenants take turns: one that asks for a hundred
// reports delays another's by one.
package reports
