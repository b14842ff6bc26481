package management

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
)

// etagOf is the strong validator of an entity: it changes when anything that
// the API says of the entity does, and with nothing else.
func etagOf(view any) string {
	sum := sha256.Sum256(encode(view))
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
}

// entity is the answer that consists of one entity.
func entity(status int, view any) answer {
	return answer{status: status, body: view, etag: etagOf(view)}
}

// expected checks If-Match against an entity as it is now.
func (c *call) expected(view any) *refusal {
	conditions := c.request.Header.Values("If-Match")
	if len(conditions) == 0 || matches(conditions, etagOf(view)) {
		return nil
	}
	return failed(CodePreconditionFailed, "")
}

// matches compares strongly, as If-Match asks for: a weak validator never
// matches.
func matches(conditions []string, etag string) bool {
	for _, condition := range strings.Split(strings.Join(conditions, ","), ",") {
		if condition = strings.TrimSpace(condition); condition == "*" || condition == etag {
			return true
		}
	}
	return false
}

// noContent is the answer of a deletion.
var noContent = answer{status: http.StatusNoContent}
