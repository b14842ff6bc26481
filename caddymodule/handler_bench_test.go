package caddymodule

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-experiments/caddy-experiments/engine"
)

// nowhere is an answer that nobody reads.
type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (n *nowhere) WriteHeader(int)             {}

// BenchmarkHandler measures what the handler adds to a request. What Caddy makes
// for each request is made once.
func BenchmarkHandler(b *testing.B) {
	const subject = "AAAAAAAAAAAAAAAAAAAAAA"
	const authorize = "/authorize?client_id=spa&response_type=code&scope=openid%20profile%20email&redirect_uri=https%3A%2F%2Fapp.example.com%2Fcallback" +
		"&state=Zm9vYmFyYmF6cXV4&nonce=bm9uY2Vub25jZQ&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256&connection=google-oauth2"
	device := "experiment_device=" + ring([]string{fuzzKey}).writeDevice(subject, time.Now())
	carry := "experiment_carry=" + ring([]string{fuzzKey}).writeCarry(&engine.Decision{
		Treatment: &engine.Treatment{ExperimentID: "exp_Sp1it", VariationID: "var_Base", IsControl: true}, Source: engine.SourceBucket,
	}, "default/production", subject, time.Now())
	tests := []struct {
		name, target, cookie string
		log                  bool
	}{
		{"returning", authorize, device + "; " + carry, false},
		{"carried", "/u/login/identifier?state=Zm9vYmFyYmF6cXV4", device + "; " + carry, false},
		{"first_visit", authorize, "", false},
		{"other_path", "/assets/app.js", device, false},
		{"with_decision_log", authorize, device + "; " + carry, true},
	}
	for _, test := range tests {
		b.Run(test.name, func(b *testing.B) {
			s := newSite(b, halves)
			if test.log {
				s.app.decisions = opened(b, caddy.DiscardWriter{})
				b.Cleanup(func() { _ = s.app.decisions.Destruct() })
			}
			request := httptest.NewRequest(http.MethodGet, test.target, nil)
			request.RemoteAddr = "198.51.100.7:1234"
			for name, value := range map[string]string{
				"User-Agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
				"Accept":     "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", "Accept-Language": "en-US,en;q=0.9",
				"Accept-Encoding": "gzip, deflate, br, zstd", "Referer": "https://app.example.com/", "Upgrade-Insecure-Requests": "1",
				"Sec-Ch-Ua": `"Chromium";v="140", "Not=A?Brand";v="24", "Google Chrome";v="140"`, "Sec-Ch-Ua-Mobile": "?0", "Sec-Ch-Ua-Platform": `"Windows"`,
				"Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "cross-site", "Cookie": "session=Zm9vYmFyYmF6cXV4; " + test.cookie,
			} {
				request.Header.Set(name, value)
			}
			answer := &nowhere{header: http.Header{}}
			replacer := caddy.NewReplacer()
			request = caddyhttp.PrepareRequest(request, replacer, answer, &caddyhttp.Server{Logs: &caddyhttp.ServerLogConfig{}})
			fresh := *replacer
			variables := request.Context().Value(caddyhttp.VarsCtxKey).(map[string]any)
			next := caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
				delete(r.Header, "X-Experiment-Config")
				return nil
			})
			b.ReportAllocs()
			for b.Loop() {
				*replacer = fresh // or it would gather our placeholders
				delete(variables, visitVariable)
				clear(answer.header)
				if err := s.ServeHTTP(answer, request, next); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
