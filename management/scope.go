package management

import (
	"fmt"
	"slices"
	"strings"
)

// Scope is something that a token may do.
type Scope string

// The scopes. Validating an experiment is reading; changing a status is
// updating.
const (
	ScopeRead   Scope = "read:experimentation"
	ScopeCreate Scope = "create:experimentation"
	ScopeUpdate Scope = "update:experimentation"
	ScopeDelete Scope = "delete:experimentation"
)

// Scopes lists all scopes.
var Scopes = [...]Scope{ScopeRead, ScopeCreate, ScopeUpdate, ScopeDelete}

// ParseScope gives the scope of a name.
func ParseScope(name string) (Scope, error) {
	if !slices.Contains(Scopes[:], Scope(name)) {
		return "", fmt.Errorf("there is no scope %q; the scopes are %s", name, scopeList())
	}
	return Scope(name), nil
}

func scopeList() string {
	names := make([]string, len(Scopes))
	for i, scope := range Scopes {
		names[i] = string(scope)
	}
	return strings.Join(names, ", ")
}
