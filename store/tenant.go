package store

import (
	"fmt"
	"regexp"
	"strings"
)

// Tenant names an isolated configuration: a project and one of its
// environments, as project/environment.
type Tenant string

// DefaultTenant is the tenant of those who need only one.
const DefaultTenant Tenant = "default/production"

// Both parts are file names and parts of keys: they start with a letter or
// digit, so that neither can be hidden or lead out of a directory.
var tenantForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}/[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// ParseTenant checks the form of a tenant's name.
func ParseTenant(name string) (Tenant, error) {
	if !tenantForm.MatchString(name) {
		return "", fmt.Errorf("tenant %q: must be project/environment, each of letters, digits, '.', '_' and '-', with a letter or digit first, and at most 64 long", name)
	}
	return Tenant(name), nil
}

// Project gives the part before the slash.
func (t Tenant) Project() string {
	project, _, _ := strings.Cut(string(t), "/")
	return project
}

// Environment gives the part after the slash.
func (t Tenant) Environment() string {
	_, environment, _ := strings.Cut(string(t), "/")
	return environment
}
