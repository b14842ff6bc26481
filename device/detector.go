package device

import "net/http"

// Detector answers from a bounded cache in front of Parse. It is safe for
// concurrent use; a hit takes no lock and allocates nothing.
type Detector struct {
	cache *cache
}

// NewDetector returns a Detector with an empty cache of CacheEntries.
func NewDetector() *Detector {
	return &Detector{cache: newCache()}
}

// Detect describes the sender of a request with headers h. Where a header is
// repeated its first value counts. The keys of h must be canonical, as a server
// makes them.
func (d *Detector) Detect(h http.Header) Device {
	s := Signals{
		UserAgent:   first(h["User-Agent"], maxUserAgent),
		Brands:      first(h["Sec-Ch-Ua"], maxBrands),
		Mobile:      first(h["Sec-Ch-Ua-Mobile"], maxMobile),
		Platform:    first(h["Sec-Ch-Ua-Platform"], maxPlatform),
		Model:       first(h["Sec-Ch-Ua-Model"], maxModel),
		FormFactors: first(h["Sec-Ch-Ua-Form-Factors"], maxFormFactors),
	}
	if device, ok := d.cache.get(&s); ok {
		return device
	}
	device := Parse(s)
	d.cache.put(&s, device)
	return device
}

// first returns the first of values, cut to limit bytes.
func first(values []string, limit int) string {
	if len(values) == 0 {
		return ""
	}
	return cut(values[0], limit)
}
