// Package launchdarkly answers LaunchDarkly's Experiments API over the documents
// of tenants. Projects and environments are the two parts of a tenant's name,
// experiments, flags and variations those that the other API manages.
package launchdarkly
