// Package report answers "which variation won?" for one iteration of one
// experiment. It asks an event log for the sums, lets the statistics judge them,
// and says in plain words what follows and what is wrong with the data.
package report
