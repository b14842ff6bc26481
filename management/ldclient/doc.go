// Package ldclient has LaunchDarkly's own Go client manage experiments over the API
// of package management/launchdarkly. It is a module of its own, so that nobody who
// builds the plugin needs the client.
package ldclient
