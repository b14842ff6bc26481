// Package results turns what units did under each variation of an experiment
// into an answer to "which variation is better, how sure is that, and may the
// experiment stop". It is pure mathematics on additive sums: no I/O, no clock,
// no randomness, and the same sums give the same answer on every machine.
package results
