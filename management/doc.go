// Package management is the REST API of an experiment center over a store: feature
// flags with their variations, segments and experiments, compatible with the
// experimentation part of Auth0's Management API. It is plain net/http; where it
// is mounted, which tokens there are and where its log goes is the caller's.
//
// Every write is a change of the tenant's whole document: load, change, check,
// commit against the revision that was loaded, and again if somebody else was
// faster. An answer to a write means that the store has made it durable.
package management
