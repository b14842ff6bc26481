// Package store is the contract of where configuration lives, one versioned
// document per tenant, and keeps compiled snapshots in step with it. The
// implementations are in the packages below it.
package store
