package management

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/caddy-experiments/caddy-experiments/engine"
	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// The error codes. Those of what keeps an experiment from running are in
// package engine; the table has them all.
const (
	CodeInvalidBody        = "invalid_body"
	CodeInvalidContentType = "invalid_content_type"
	CodeBodyTooLarge       = "body_too_large"
	CodeInvalidQuery       = "invalid_query_string"
	CodeInvalidToken       = "invalid_token"
	CodeInsufficientScope  = "insufficient_scope"
	CodeNotEntitled        = "feature_not_entitled"
	CodeRouteNotFound      = "route_not_found"
	CodeMethodNotAllowed   = "method_not_allowed"
	CodePreconditionFailed = "precondition_failed"
	CodeTooManyRequests    = "too_many_requests"

	CodeDocumentTooLarge = "experiment_document_too_large"
	CodeDocumentLimit    = "experiment_document_limit_exceeded"
	CodeDocumentInvalid  = "experiment_document_invalid"
	CodeStoreUnavailable = "experiment_store_unavailable"
	CodeServiceFailed    = "experiment_service_failed"

	CodeEventsBusy        = "experiment_events_busy"
	CodeEventsOff         = "experiment_events_off"
	CodeEventsTooLarge    = "experiment_events_too_large"
	CodeEventsRejected    = "experiment_events_rejected"
	CodeEventsUnavailable = "experiment_events_unavailable"
	CodeResultsBusy       = "experiment_results_busy"
	CodeIterationNotFound = "experiment_iteration_not_found"
	CodeMetricNotFound    = "experiment_metric_not_found"

	CodeFlagNotFound        = "feature_flag_not_found"
	CodeFlagNameTaken       = "feature_flag_name_taken"
	CodeFlagNotModifiable   = "feature_flag_not_modifiable"
	CodeFlagInUse           = "feature_flag_in_use"
	CodeFlagArchived        = "feature_flag_archived"
	CodeFlagTransition      = "feature_flag_transition_not_allowed"
	CodeFlagTooFew          = "feature_flag_missing_variations"
	CodeFlagLastVariation   = "feature_flag_last_variation"
	CodeFlagVariationLimit  = "feature_flag_variation_limit_exceeded"
	CodeFlagHeaderTooLarge  = "feature_flag_header_too_large"
	CodeParameterType       = "feature_flag_parameter_type_mismatch"
	CodeParameterTooLarge   = "feature_flag_parameter_too_large"
	CodeParameterOverridden = "feature_flag_parameter_overridden"

	CodeVariationNotFound  = "variation_not_found"
	CodeVariationNameTaken = "variation_name_taken"
	CodeVariationInUse     = "variation_in_use"
	CodeOverrideUnknown    = "variation_override_unknown_parameter"
	CodeOverrideType       = "variation_override_type_mismatch"
	CodeOverrideDefault    = "variation_override_equals_default"
	CodeOverrideTooLarge   = "variation_override_too_large"

	CodeSegmentNotFound      = "segment_not_found"
	CodeSegmentNameTaken     = "segment_name_taken"
	CodeSegmentNotModifiable = "segment_not_modifiable"
	CodeSegmentInUse         = "segment_in_use"
	CodeSegmentTransition    = "segment_transition_not_allowed"

	CodeExperimentNotFound        = "experiment_not_found"
	CodeExperimentNameTaken       = "experiment_name_taken"
	CodeExperimentActive          = "experiment_active"
	CodeExperimentRequiresPause   = "experiment_requires_pause"
	CodeExperimentCompleted       = "experiment_completed"
	CodeExperimentTransition      = "experiment_transition_not_allowed"
	CodeExperimentNotReady        = "experiment_not_ready"
	CodeExperimentAllocationLimit = "experiment_allocation_limit_exceeded"
	CodeExperimentSegmentUnknown  = "experiment_segment_not_found"
	CodeExperimentRequiresDraft   = "experiment_requires_draft"
	CodeExperimentDefaultConfig   = "experiment_default_config_not_allowed"
	CodeExperimentNotActive       = "experiment_not_active"
	CodeExperimentNoRamp          = "experiment_missing_levels"
	CodeExperimentNotNextLevel    = "experiment_level_not_next"
)

// Code describes an error code.
type Code struct {
	// Status is the status of an answer with the code.
	Status int
	// Message is what an answer says that has nothing more to say. Most with
	// status 400 add the field and the rule.
	Message string
}

// codes is the one place that says what an error code means.
var codes = map[string]Code{
	CodeInvalidBody:        {http.StatusBadRequest, "Invalid request body."},
	CodeInvalidContentType: {http.StatusBadRequest, "The content type must be application/json or application/x-www-form-urlencoded."},
	CodeBodyTooLarge:       {http.StatusBadRequest, fmt.Sprintf("The request body is larger than %d bytes.", maxBody)},
	CodeInvalidQuery:       {http.StatusBadRequest, "Invalid request query string."},
	CodeInvalidToken:       {http.StatusUnauthorized, "Invalid token."},
	CodeInsufficientScope:  {http.StatusForbidden, "Insufficient scope."},
	CodeNotEntitled:        {http.StatusForbidden, "Experiment Center is not enabled for this tenant"},
	CodeRouteNotFound:      {http.StatusNotFound, "There is nothing at this path."},
	CodeMethodNotAllowed:   {http.StatusMethodNotAllowed, "This path does not have this method; the Allow header lists those it has."},
	CodePreconditionFailed: {http.StatusPreconditionFailed, "The entity has changed: its ETag does not match If-Match."},
	CodeTooManyRequests:    {http.StatusTooManyRequests, "Too many requests. Check the X-RateLimit-Limit, X-RateLimit-Remaining and X-RateLimit-Reset headers."},

	CodeDocumentTooLarge: {http.StatusBadRequest, "The tenant's configuration would be larger than the store takes."},
	CodeDocumentLimit:    {http.StatusBadRequest, "The tenant's configuration as a whole would break a rule."},
	CodeDocumentInvalid:  {http.StatusServiceUnavailable, "The stored configuration is invalid; the server's log says why."},
	CodeStoreUnavailable: {http.StatusServiceUnavailable, "The store cannot be reached; nothing has been changed."},
	CodeServiceFailed:    {http.StatusServiceUnavailable, "The request could not be handled; the server's log says why."},

	CodeEventsBusy:        {http.StatusServiceUnavailable, "Too many events are on their way at once; send the batch again."},
	CodeEventsOff:         {http.StatusNotFound, "This edge keeps no events: it has events off, or hands them on to another edge, which has the results."},
	CodeEventsTooLarge:    {http.StatusRequestEntityTooLarge, fmt.Sprintf("The batch is larger than %d bytes or %d events; send it in several parts.", events.DefaultMaxBytes, events.DefaultMaxRecords)},
	CodeEventsRejected:    {http.StatusBadRequest, "None of the events was taken."},
	CodeEventsUnavailable: {http.StatusServiceUnavailable, "The event log cannot be reached; send the batch again."},
	CodeResultsBusy:       {http.StatusTooManyRequests, "Too many reports of this tenant are being made or wait; ask again in some seconds."},
	CodeIterationNotFound: {http.StatusNotFound, "Iteration not found."},
	CodeMetricNotFound:    {http.StatusNotFound, "Metric not found."},

	CodeFlagNotFound:        {http.StatusNotFound, "Feature flag not found."},
	CodeFlagNameTaken:       {http.StatusConflict, "A feature flag with this name already exists."},
	CodeFlagNotModifiable:   {http.StatusForbidden, "Feature flag cannot be modified."},
	CodeFlagInUse:           {http.StatusConflict, "Feature flag is in use by one or more non-archived experiments and cannot be deleted."},
	CodeFlagArchived:        {http.StatusBadRequest, "The feature flag is archived; a new experiment cannot refer to it."},
	CodeFlagTransition:      {http.StatusBadRequest, "Status transition is not allowed."},
	CodeFlagTooFew:          {http.StatusBadRequest, "Feature flag must have at least 2 variations to be activated."},
	CodeFlagLastVariation:   {http.StatusBadRequest, "Feature flag must have at least one variation. Cannot delete the last variation."},
	CodeFlagVariationLimit:  {http.StatusBadRequest, "Feature flag variation limit exceeded."},
	CodeFlagHeaderTooLarge:  {http.StatusBadRequest, "The merged configuration of a variation would not fit into the header."},
	CodeParameterType:       {http.StatusBadRequest, "Parameter value does not match the declared type."},
	CodeParameterTooLarge:   {http.StatusBadRequest, "Parameter value exceeds maximum size of 1KB."},
	CodeParameterOverridden: {http.StatusBadRequest, "A variation overrides a parameter that would be removed or get another type."},

	CodeVariationNotFound:  {http.StatusNotFound, "Variation not found."},
	CodeVariationNameTaken: {http.StatusConflict, "A variation with this name already exists on this feature flag."},
	CodeVariationInUse:     {http.StatusConflict, "Variation is in use by one or more non-archived allocations and cannot be deleted."},
	CodeOverrideUnknown:    {http.StatusBadRequest, "Invalid override key."},
	CodeOverrideType:       {http.StatusBadRequest, "Override value type does not match the parameter type."},
	CodeOverrideDefault:    {http.StatusBadRequest, "Override value must differ from the feature flag parameter default value."},
	CodeOverrideTooLarge:   {http.StatusBadRequest, "Override value exceeds maximum size of 1KB."},

	CodeSegmentNotFound:      {http.StatusNotFound, "Segment not found."},
	CodeSegmentNameTaken:     {http.StatusConflict, "A segment with this name already exists."},
	CodeSegmentNotModifiable: {http.StatusForbidden, "Segment cannot be modified."},
	CodeSegmentInUse:         {http.StatusConflict, "Segment is in use by one or more non-archived experiment allocations."},
	CodeSegmentTransition:    {http.StatusBadRequest, "Status transition is not allowed."},

	CodeExperimentNotFound:        {http.StatusNotFound, "Experiment not found."},
	CodeExperimentNameTaken:       {http.StatusConflict, "An experiment with this name already exists."},
	CodeExperimentActive:          {http.StatusBadRequest, "Active experiments cannot be deleted. Pause or complete the experiment first."},
	CodeExperimentRequiresPause:   {http.StatusBadRequest, "Cannot modify allocations on an active experiment"},
	CodeExperimentCompleted:       {http.StatusBadRequest, "Completed experiments cannot be reactivated."},
	CodeExperimentTransition:      {http.StatusBadRequest, "Status transition is not allowed."},
	CodeExperimentNotReady:        {http.StatusBadRequest, "Experiment cannot be activated: validation failed."},
	CodeExperimentAllocationLimit: {http.StatusBadRequest, fmt.Sprintf("Experiments may have at most %d allocations.", MaxAllocations)},
	CodeExperimentSegmentUnknown:  {http.StatusBadRequest, "Segment not found."},
	CodeExperimentRequiresDraft:   {http.StatusBadRequest, "The field can only be changed while the experiment is a draft."},
	CodeExperimentDefaultConfig:   {http.StatusBadRequest, "default_config applies to feature flags that Auth0 manages only."},
	CodeExperimentNotActive:       {http.StatusConflict, "The ramp can only be advanced while the experiment is active."},
	CodeExperimentNoRamp:          {http.StatusBadRequest, "The experiment has no levels, so it has no ramp."},
	CodeExperimentNotNextLevel:    {http.StatusBadRequest, "The target must be the level that follows the current one."},

	engine.CodeFlagNotActive:        {http.StatusBadRequest, "The experiment's feature flag is not active."},
	engine.CodeMissingAllocations:   {http.StatusBadRequest, "The experiment has no allocations."},
	engine.CodeForeignVariation:     {http.StatusBadRequest, "Variation does not belong to the referenced feature flag."},
	engine.CodeMissingControl:       {http.StatusBadRequest, "Not exactly one allocation is the control."},
	engine.CodeInvalidWeights:       {http.StatusBadRequest, "The weights do not sum to 100 (percentage strategy)."},
	engine.CodeMissingDefault:       {http.StatusBadRequest, "No allocation is the fallback (segment strategy)."},
	engine.CodeMultipleDefaults:     {http.StatusBadRequest, "Several allocations are the fallback (segment strategy)."},
	engine.CodeSegmentsTooExpensive: {http.StatusBadRequest, "Deciding by the segments would take too long (segment strategy)."},
	engine.CodeSegmentArchived:      {http.StatusBadRequest, "The segment is archived; an allocation needs an active one (segment strategy)."},
	engine.CodeFlowNotServed:        {http.StatusBadRequest, "No request belongs to the experiment's authentication flow."},
	engine.CodeActiveLimitExceeded:  {http.StatusBadRequest, "Another experiment is already active on this tenant."},
}

// CodesMarkdown writes the table of all error codes as the documentation has it.
func CodesMarkdown() string {
	var b strings.Builder
	b.WriteString("| `errorCode` | status | message |\n|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(codes)) {
		fmt.Fprintf(&b, "| `%s` | %d | %s |\n", name, codes[name].Status, codes[name].Message)
	}
	return b.String()
}
