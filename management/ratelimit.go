package management

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/time/rate"
)

// quota is how many requests a client has left: a bucket that fills at the rate.
type quota struct {
	limiter *rate.Limiter
	rate    float64
	burst   int
}

func newQuota(perSecond float64, burst int) *quota {
	return &quota{limiter: rate.NewLimiter(rate.Limit(perSecond), burst), rate: perSecond, burst: burst}
}

// spend takes one request out of the quota and says in the answer's header what
// is left, and when it will be full again in seconds of Unix time.
func (q *quota) spend(header http.Header, now time.Time) *refusal {
	allowed := q.limiter.AllowN(now, 1)
	left := max(q.limiter.TokensAt(now), 0)
	full := math.Ceil(float64(now.UnixMilli())/1000 + (float64(q.burst)-left)/q.rate)
	header.Set("X-RateLimit-Limit", strconv.Itoa(q.burst))
	header.Set("X-RateLimit-Remaining", strconv.Itoa(int(left)))
	header.Set("X-RateLimit-Reset", strconv.FormatFloat(full, 'f', 0, 64))
	if allowed {
		return nil
	}
	header.Set("Retry-After", strconv.Itoa(int(math.Ceil((1-left)/q.rate))))
	return failed(CodeTooManyRequests, "")
}
