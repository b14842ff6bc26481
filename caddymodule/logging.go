package caddymodule

import (
	"reflect"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-experiments/caddy-experiments/management"
)

// accessLogger is the name of the logger that Caddy writes access logs with.
const accessLogger = "http.log.access"

// accessLog says what happens to the access log lines of a mount, for one of its
// hosts; an empty host is one that no site names.
func (m *mount) accessLog(host string) management.AccessLogFacts {
	logs := m.server.Logs
	if logs == nil {
		return management.AccessLogFacts{State: management.AccessLogOff}
	}
	if !logged(logs, host) {
		return management.AccessLogFacts{State: management.AccessLogHostOff}
	}
	facts := management.AccessLogFacts{State: management.AccessLogOn}
	switch v := m.variables; {
	case v.skipped:
		return management.AccessLogFacts{State: management.AccessLogSkipped}
	case v.namedSome:
		return management.AccessLogFacts{State: management.AccessLogUnknown, Reason: "some of its requests are logged under another name (log_name with a matcher)"}
	case v.skippedSome:
		facts.State = management.AccessLogSkippedFew
	}
	names := m.variables.names
	if len(names) == 0 {
		names = loggerNames(logs, host)
	}
	var known bool
	for i, name := range names {
		logger := accessLogger
		if name != "" {
			logger += "." + name
		}
		if i == 0 {
			facts.Logger = logger
		}
		var sinks []management.SinkFacts
		if sinks, known = sinksOf(logger); !known {
			return management.AccessLogFacts{State: management.AccessLogUnknown, Reason: "this version of Caddy does not say what it logs where"}
		}
		facts.Sinks = append(facts.Sinks, sinks...)
	}
	return facts
}

// logged reports whether a server logs the requests for a host, as Caddy tells
// it.
func logged(logs *caddyhttp.ServerLogConfig, host string) bool {
	for pattern := range logs.LoggerNames {
		if hostFits(host, pattern) {
			return true
		}
	}
	skipped := slices.ContainsFunc(logs.SkipHosts, func(pattern string) bool { return hostFits(host, pattern) })
	return !skipped && !logs.SkipUnmappedHosts
}

// loggerNames gives the names under which requests for a host are logged.
func loggerNames(logs *caddyhttp.ServerLogConfig, host string) []string {
	host = strings.ToLower(host)
	if names, ok := logs.LoggerNames[host]; ok {
		return names
	}
	labels := strings.Split(host, ".")
	for i, label := range labels {
		if label == "" {
			continue
		}
		labels[i] = "*"
		if names, ok := logs.LoggerNames[strings.Join(labels, ".")]; ok {
			return names
		}
	}
	return []string{logs.DefaultLoggerName}
}

// sinksOf gives the logs of the configuration in force that take the entries of
// a logger. Caddy has no other way for a module to learn how logging is
// configured than to look: what is not found in the form that is known here is
// reported as not known.
func sinksOf(logger string) (sinks []management.SinkFacts, known bool) {
	defer func() {
		if recover() != nil { // another version of Caddy has other types
			sinks, known = nil, false
		}
	}()
	logs, ok := way(reflect.ValueOf(caddy.ActiveContext()), "cfg", "Logging", "Logs")
	if !ok || logs.Kind() != reflect.Map {
		return nil, false
	}
	for entries := logs.MapRange(); entries.Next(); {
		sink, takes, ok := sinkOf(entries.Key().String(), entries.Value(), logger)
		if !ok {
			return nil, false
		}
		if takes {
			sinks = append(sinks, sink)
		}
	}
	slices.SortFunc(sinks, func(a, b management.SinkFacts) int { return strings.Compare(a.Name, b.Name) })
	return sinks, true
}

// sinkOf describes a log, and reports whether it takes the logger's entries of
// level info.
func sinkOf(name string, log reflect.Value, logger string) (sink management.SinkFacts, takes, known bool) {
	include, ok1 := way(log, "Include")
	exclude, ok2 := way(log, "Exclude")
	level, ok3 := way(log, "Level")
	sampling, ok4 := way(log, "Sampling")
	writer, ok5 := way(log, "writerOpener")
	encoder, ok6 := way(log, "encoder")
	if !(ok1 && ok2 && ok3 && ok4 && ok5 && ok6) {
		return sink, false, false
	}
	discards := writer.IsValid() && strings.HasSuffix(writer.Type().String(), "DiscardWriter")
	if discards || !accepts(texts(include), texts(exclude), logger) || !slices.Contains([]string{"", "DEBUG", "INFO"}, strings.ToUpper(level.String())) {
		return sink, false, true
	}
	sink = management.SinkFacts{Name: name, Details: management.FieldKept, Sampled: sampling.IsValid()}
	followEncoder(&sink, encoder, 0)
	return sink, true, true
}

// followEncoder looks at what the encoders, each inside the one before, do to
// details.experiment.
func followEncoder(sink *management.SinkFacts, encoder reflect.Value, depth int) {
	if !encoder.IsValid() || depth > deepest {
		sink.Details = management.FieldUnknown
		return
	}
	switch encoder.Type().String() {
	case "logging.JSONEncoder", "logging.ConsoleEncoder":
	case "logging.AppendEncoder", "logging.JournaldEncoder":
		follow(sink, encoder, depth)
	case "logging.FilterEncoder":
		fields, ok := way(encoder, "Fields")
		if !ok {
			sink.Details = management.FieldUnknown
			return
		}
		for entries := fields.MapRange(); entries.Next(); {
			applyFilter(sink, entries.Key().String(), reflect.Indirect(entries.Value().Elem()).Type().String())
		}
		slices.Sort(sink.Filtered)
		follow(sink, encoder, depth)
	default:
		// zap's own encoders, which are what an unset format stands for, are no
		// modules of Caddy's.
		if !strings.HasPrefix(encoder.Type().String(), "zapcore.") {
			sink.Details = management.FieldUnknown
		}
	}
}

func follow(sink *management.SinkFacts, encoder reflect.Value, depth int) {
	if wrapped, ok := way(encoder, "wrapped"); ok && sink.Details == management.FieldKept {
		followEncoder(sink, wrapped, depth+1)
	}
}

// applyFilter records what a filter of a field does to details.experiment.
func applyFilter(sink *management.SinkFacts, field, filter string) {
	fate := management.FieldChanged
	if filter == "logging.DeleteFilter" {
		fate = management.FieldDeleted
	}
	switch {
	case field == "details" || field == "details>experiment":
		sink.Details = fate
	case strings.HasPrefix(field, "details>experiment>"):
		sink.Filtered = append(sink.Filtered, strings.ReplaceAll(field, ">", "."))
	}
}

// accepts reports whether a log with these lists takes a logger's entries: the
// longest name that fits decides.
func accepts(include, exclude []string, logger string) bool {
	longest := func(names []string) (n int) {
		for _, name := range names {
			if strings.HasPrefix(logger+".", name+".") {
				n = max(n, len(name))
			}
		}
		return n
	}
	accepted, rejected := longest(include), longest(exclude)
	if len(include) > 0 && accepted == 0 || slices.Contains(exclude, "*") {
		return false
	}
	return rejected == 0 || accepted > rejected
}

// way follows fields by name through pointers and interfaces. The value is not
// valid where a pointer is nil, and the way is not ok where a field is missing.
func way(v reflect.Value, names ...string) (reflect.Value, bool) {
	v = inside(v)
	for _, name := range names {
		if !v.IsValid() || v.Kind() != reflect.Struct {
			return reflect.Value{}, false
		}
		field := v.FieldByName(name)
		if !field.IsValid() {
			return reflect.Value{}, false
		}
		v = inside(field)
	}
	return v, true
}

func inside(v reflect.Value) reflect.Value {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	return v
}

func texts(list reflect.Value) []string {
	out := make([]string, list.Len())
	for i := range out {
		out[i] = list.Index(i).String()
	}
	return out
}
