package events

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// AppendNDJSON appends the records as JSON, one a line: exposures, outcomes, then
// splits. Decode reads them as they were, if they are such as it takes.
func (b *Batch) AppendNDJSON(dst []byte) []byte {
	for i := range b.Exposures {
		dst = append(appendExposure(dst, &b.Exposures[i]), '\n')
	}
	for i := range b.Outcomes {
		dst = append(appendOutcome(dst, &b.Outcomes[i]), '\n')
	}
	for i := range b.Splits {
		dst = append(appendSplit(dst, &b.Splits[i]), '\n')
	}
	return dst
}

func appendExposure(dst []byte, e *Exposure) []byte {
	dst = append(dst, '{')
	dst = appendText(dst, "id", e.ID)
	dst = appendText(dst, "experiment", e.Experiment)
	dst = appendText(dst, "iteration", e.Iteration)
	dst = appendText(dst, "unit", e.Unit)
	dst = appendText(dst, "variation", e.Variation)
	dst = appendText(dst, "segment", e.Segment)
	dst = appendText(dst, "source", e.Source)
	if e.Bot {
		dst = append(appendKey(dst, "bot"), "true"...)
	}
	dst = appendText(dst, "device_type", e.DeviceType)
	dst = appendText(dst, "browser", e.Browser)
	dst = appendText(dst, "country", e.Country)
	dst = appendText(dst, "region", e.Region)
	dst = appendTime(dst, e.Time)
	dst = appendText(dst, "weights_version", e.WeightsVersion)
	return append(dst, '}')
}

func appendOutcome(dst []byte, o *Outcome) []byte {
	dst = append(dst, '{')
	dst = appendText(dst, "id", o.ID)
	dst = appendText(dst, "event", o.Event)
	dst = appendText(dst, "unit", o.Unit)
	dst = appendText(dst, "exposure_id", o.ExposureID)
	dst = appendText(dst, "user_id", o.UserID)
	dst = appendTime(dst, o.Time)
	if o.Value != nil {
		dst = appendNumber(appendKey(dst, "value"), *o.Value)
	}
	return append(dst, '}')
}

func appendSplit(dst []byte, s *Split) []byte {
	dst = append(dst, '{')
	dst = appendText(dst, "experiment", s.Experiment)
	dst = appendText(dst, "iteration", s.Iteration)
	dst = appendText(dst, "weights_version", s.WeightsVersion)
	dst = append(appendKey(dst, "weights"), '{')
	for _, variation := range slices.Sorted(maps.Keys(s.Weights)) {
		dst = appendNumber(appendKey(dst, variation), s.Weights[variation])
	}
	return append(dst, "}}"...)
}

// appendKey appends a key, and a comma unless it is the first.
func appendKey(dst []byte, key string) []byte {
	if dst[len(dst)-1] != '{' {
		dst = append(dst, ',')
	}
	return append(appendString(dst, key), ':')
}

// appendText appends a field that is left out where it is empty.
func appendText(dst []byte, key, text string) []byte {
	if text == "" {
		return dst
	}
	return appendString(appendKey(dst, key), text)
}

func appendTime(dst []byte, t Millis) []byte {
	return strconv.AppendInt(appendKey(dst, "t"), int64(t), 10)
}

func appendNumber(dst []byte, number float64) []byte {
	if math.IsNaN(number) || math.IsInf(number, 0) {
		return append(dst, "null"...)
	}
	return strconv.AppendFloat(dst, number, 'g', -1, 64)
}

func appendString(dst []byte, text string) []byte {
	const hex = "0123456789abcdef"
	text = strings.ToValidUTF8(text, "\ufffd")
	dst = append(dst, '"')
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ':
			dst = append(dst, `\u00`...)
			dst = append(dst, hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
