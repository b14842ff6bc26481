package caddymodule_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// What experiments may add to the heap that Caddy's reverse_proxy needs for a
// request, for a device in a login, the header and the decision log included. It
// is what they add, with little room; 1700 and 8 are wanted. Of it 1500 and 3 are
// Caddy's, for one header and one handler more.
const (
	addedBytes   = 1900
	addedMallocs = 6
)

// TestHeapOfARequest counts what a request allocates in a real Caddy, with
// experiments and without. The count, unlike time, is the same on any machine,
// and processor time follows it.
func TestHeapOfARequest(t *testing.T) {
	if raced() {
		t.Skip("the race detector allocates too")
	}
	e := &edge{t: t, Dir: t.TempDir(), port: freePort(t), barePort: freePort(t), adminPort: freePort(t)}
	e.URL = fmt.Sprintf("http://127.0.0.1:%d", e.port)
	e.WriteDocument("default/production", split)
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt(fmt.Appendf(nil, `{
	admin 127.0.0.1:%d
	log {
		output discard
	}
	experiments {
		store file %s/experiments
		geoip ../geo/testdata/demo.mmdb
		signing_key %s
		decision_log %s/decisions.log
	}
}
http://:%d {
	bind 127.0.0.1
	experiments
	reverse_proxy %[6]s
}
http://:%[7]d {
	bind 127.0.0.1
	reverse_proxy %[6]s
}
`, e.adminPort, e.Dir, testKey, e.Dir, e.port, thriftyProvider(t), e.barePort), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		t.Fatal(err)
	}
	if err := caddy.Load(config, true); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = caddy.Stop() })

	const path = "/authorize?client_id=spa&response_type=code&scope=openid%20profile&state=Zm9vYmFyYmF6cXV4"
	var cookies []string
	for _, c := range e.Get(path, nil).Cookies() {
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	if len(cookies) != 2 {
		t.Fatalf("a new device is given the cookies %v", cookies)
	}
	// As many headers as a browser sends: one more makes the map of a shorter
	// request grow.
	request := "GET " + path + " HTTP/1.1\r\nHost: auth.example.com\r\nReferer: https://app.example.com/\r\nUpgrade-Insecure-Requests: 1\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0\r\nAccept: text/html,application/xhtml+xml\r\n" +
		"Accept-Language: en\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\n" +
		"Sec-Fetch-Site: cross-site\r\nCookie: " + strings.Join(cookies, "; ") + "\r\n\r\n"

	bare, own := newCounter(t, e.barePort, request), newCounter(t, e.port, request)
	// Collections empty the pools that requests are served from.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	var bytes, mallocs []float64
	for range 9 { // whatever else this process does at times is not in the middle
		b, m := bare.count()
		ownBytes, ownMallocs := own.count()
		bytes, mallocs = append(bytes, ownBytes-b), append(mallocs, ownMallocs-m)
		runtime.GC()
	}
	slices.Sort(bytes)
	slices.Sort(mallocs)
	t.Logf("experiments add %.0f bytes and %.1f allocations to a request", bytes[4], mallocs[4])
	if bytes[4] > addedBytes || mallocs[4] > addedMallocs {
		t.Errorf("experiments add %.0f bytes and %.1f allocations to a request, want at most %d and %d", bytes[4], mallocs[4], addedBytes, addedMallocs)
	}
}

// counter counts what requests over one connection allocate. It allocates
// nothing itself.
type counter struct {
	t          *testing.T
	connection net.Conn
	answers    *bufio.Reader
	request    []byte
}

func newCounter(t *testing.T, port int, request string) *counter {
	connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	c := &counter{t, connection, bufio.NewReader(connection), []byte(request)}
	c.send(200)
	return c
}

// count gives bytes and allocations of a request.
func (c *counter) count() (allocated, mallocs float64) {
	const n = 500
	c.send(20) // fills the pools again
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	c.send(n)
	runtime.ReadMemStats(&after)
	return float64(after.TotalAlloc-before.TotalAlloc) / n, float64(after.Mallocs-before.Mallocs) / n
}

// send sends requests one after the other, and reads the heads of the answers,
// which have no bodies.
func (c *counter) send(n int) {
	for range n {
		if _, err := c.connection.Write(c.request); err != nil {
			c.t.Fatal(err)
		}
		for first := true; ; first = false {
			line, err := c.answers.ReadSlice('\n')
			if err != nil {
				c.t.Fatal(err)
			}
			if first && !bytes.Contains(line, []byte(" 302 ")) {
				c.t.Fatalf("the answer begins with %q", line)
			}
			if len(line) == 2 {
				break
			}
		}
	}
}

// thriftyProvider is an identity provider that answers every request with a
// redirect and allocates nothing. It gives its address.
func thriftyProvider(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	answer := []byte("HTTP/1.1 302 Found\r\nLocation: /u/login\r\nContent-Length: 0\r\n\r\n")
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return // closed
			}
			go func() {
				defer connection.Close()
				lines := bufio.NewReaderSize(connection, 16<<10)
				for {
					line, err := lines.ReadSlice('\n')
					if err != nil {
						return
					}
					if len(line) == 2 {
						_, _ = connection.Write(answer) // whoever has gone is noticed above
					}
				}
			}()
		}
	}()
	return listener.Addr().String()
}

// raced reports whether this was built with the race detector.
func raced() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.ContainsFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == "-race" && s.Value == "true" })
}
