package caddymodule

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// While the document is swapped every answer is of one document: experiment,
// variation and configuration belong together, in the header, the cookie and the
// log.
func TestConcurrentSwaps(t *testing.T) {
	edition := func(n int) string {
		mark := strings.Repeat("x", n%7+1)
		return strings.NewReplacer("exp_Sp1it", "exp_"+mark, "var_Base", "var_B"+mark, "var_Passkey", "var_P"+mark, `"Sign in"`, `"`+mark+`"`).Replace(halves)
	}
	s := newSite(t, edition(0))
	ctx, stop := context.WithCancel(context.Background())
	var background sync.WaitGroup
	background.Go(func() { s.live.Run(ctx) })
	background.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			s.store.put(edition(n))
			time.Sleep(time.Millisecond)
		}
	})
	var marks sync.Map
	var editions atomic.Int32
	deadline := time.Now().Add(20 * time.Second)
	var workers sync.WaitGroup
	for range 50 {
		workers.Go(func() {
			var cookies []string
			for i := 0; i < 100 || editions.Load() < 3 && time.Now().Before(deadline); i++ {
				r := httptest.NewRequest(http.MethodGet, "/authorize?client_id=spa", nil)
				r.RemoteAddr = "198.51.100.7:1234"
				r.Header.Set("User-Agent", fmt.Sprintf("agent %d", i))
				if i%3 == 0 {
					cookies = nil
				}
				r.Header["Cookie"] = cookies
				forwarded, answer, err := s.ask(r)
				if err != nil {
					t.Error(err)
				}
				var got struct {
					Experiment string `json:"experiment_id"`
					Variation  string `json:"variation_id"`
					Control    bool   `json:"is_control"`
					Config     map[string]struct{ Value any }
				}
				values := forwarded.Header["X-Experiment-Config"]
				if len(values) != 1 || json.Unmarshal([]byte(values[0]), &got) != nil {
					t.Errorf("forwarded %q", values)
					continue
				}
				mark := strings.TrimPrefix(got.Experiment, "exp_")
				base := got.Variation == "var_B"+mark
				if !base && got.Variation != "var_P"+mark || got.Control != base || got.Config["headline"].Value != mark || got.Config["passkey"].Value != !base {
					t.Errorf("inconsistent: %s", values[0])
				}
				if _, known := marks.LoadOrStore(mark, true); !known {
					editions.Add(1)
				}
				for _, c := range answer.Result().Cookies() {
					if c.Name == carryCookie && !strings.Contains(c.Value, "."+got.Experiment+"."+got.Variation+".") {
						t.Errorf("the cookie %s carries something else than %s", c.Value, values[0])
					}
					cookies = append(cookies, c.Name+"="+c.Value)
				}
			}
		})
	}
	workers.Wait()
	stop()
	background.Wait()
	if editions.Load() < 3 {
		t.Errorf("only %d editions were seen", editions.Load())
	}
}
