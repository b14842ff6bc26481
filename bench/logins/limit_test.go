package logins

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
)

// Node takes 16 KB of request line and headers. The edge leaves its header out
// of a request that has come near that; what its cookies take is lost.
func TestRoomThatTheEdgeTakes(t *testing.T) {
	needNode(t)
	var p provided
	edge := startFront(t, setup{experiments: true}, p.start)
	bare := startFront(t, setup{}, p.start)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	room := func(f *front, jar http.CookieJar) int {
		t.Helper()
		passes := func(length int) bool {
			client := http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
			address := fmt.Sprintf("%s/auth?client_id=nobody&long=%s", f.origin(), strings.Repeat("a", length))
			response, err := client.Get(address)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			return response.StatusCode != http.StatusRequestHeaderFieldsTooLarge
		}
		low, high := 8000, 20000
		for low+1 < high {
			if middle := (low + high) / 2; passes(middle) {
				low = middle
			} else {
				high = middle
			}
		}
		return low
	}
	without := room(bare, nil)
	first := without - room(edge, nil)
	room(edge, jar) // gets cookies
	carried := without - room(edge, jar)
	t.Logf("of a parameter, %d bytes pass without the edge; %d fewer with it at a first login, %d fewer with its cookies", without, first, carried)
	if first > 0 || carried > 300 {
		t.Errorf("the edge takes %d and %d bytes", first, carried)
	}
}
