package engine

import (
	"fmt"
	"slices"
)

// The authentication flows that have a meaning of their own. Any other text stands
// for FlowAuthentication, as all texts once did.
const (
	// FlowAuthentication is a login or signup, from the authorization request on.
	FlowAuthentication    = "authentication"
	FlowMFAEnrollment     = "mfa_enrollment"
	FlowMFAChallenge      = "mfa_challenge"
	FlowPasswordReset     = "password_reset"
	FlowPasskeyEnrollment = "passkey_enrollment"
	// FlowAll is every flow at once.
	FlowAll = "all"
)

// Flows lists the flows that have a meaning of their own.
var Flows = []string{FlowAuthentication, FlowMFAEnrollment, FlowMFAChallenge, FlowPasswordReset, FlowPasskeyEnrollment, FlowAll}

// FlowBlocker says that no request belongs to the flow of an experiment, nil where
// that is not so. The requests that are decided are authorization requests, and
// what follows them in the same login.
func FlowBlocker(e *Experiment) *Blocker {
	if e.AuthenticationFlow == FlowAuthentication || e.AuthenticationFlow == FlowAll || !slices.Contains(Flows, e.AuthenticationFlow) {
		return nil
	}
	return &Blocker{
		Code: CodeFlowNotServed,
		Message: fmt.Sprintf("its authentication_flow is %s, and no request belongs to that flow; the requests that are decided are those of %s",
			e.AuthenticationFlow, FlowAuthentication),
	}
}

// MayDecide reports whether the experiment at a place of what Deciding returns may
// assign subjects: the first ones up to the limit. One of FlowAll has to be alone.
func MayDecide(active []*Experiment, place, limit int) bool {
	alone := place == 0 || active[0].AuthenticationFlow != FlowAll && active[place].AuthenticationFlow != FlowAll
	return place < limit && alone
}
