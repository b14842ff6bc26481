package caddymodule_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// upstreams are servers as identity providers are made of, each with its own
// limit on headers: of a line, of all lines, with and without the request line.
var upstreams = []struct {
	name, program string
	command       func(dir, port string) []string
}{
	{"nginx", "nginx", func(dir, port string) []string {
		config := fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log /dev/null; events {}
			http { access_log off; client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
				server { listen 127.0.0.1:%[2]s; location / { return 200 ok; } } }`, dir, port)
		path := filepath.Join(dir, "nginx.conf")
		_ = os.WriteFile(path, []byte(config), 0o644) // or nginx says that it is missing
		return []string{"-c", path, "-e", "/dev/null"}
	}},
	{"node", "node", func(_, port string) []string {
		return []string{"-e", "require('http').createServer((q, a) => a.end('ok')).listen(" + port + ", '127.0.0.1')"}
	}},
	{"python", "python3", func(dir, port string) []string {
		for _, name := range []string{"python", "index.html"} { // what it has to serve
			_ = os.WriteFile(filepath.Join(dir, name), nil, 0o644)
		}
		return []string{"-m", "http.server", "--bind", "127.0.0.1", "--directory", dir, port}
	}},
}

// startUpstreams gives the addresses of those that this machine has.
func startUpstreams(t *testing.T) map[string]string {
	t.Helper()
	golang := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	t.Cleanup(golang.Close)
	addresses := map[string]string{"go": golang.Listener.Addr().String()}
	for _, upstream := range upstreams {
		path, err := exec.LookPath(upstream.program)
		if err != nil {
			t.Logf("%s is missing; what it makes of large headers is not tried", upstream.program)
			continue
		}
		port := fmt.Sprint(freePort(t))
		process := exec.Command(path, upstream.command(t.TempDir(), port)...)
		if err := process.Start(); err != nil {
			t.Fatalf("starting %s: %v", upstream.name, err)
		}
		t.Cleanup(func() {
			_ = process.Process.Kill()
			_ = process.Wait() // tells only that it was killed
		})
		address := "127.0.0.1:" + port
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			if connection, err := net.Dial("tcp", address); err == nil {
				connection.Close()
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s does not answer", upstream.name)
			}
		}
		addresses[upstream.name] = address
	}
	return addresses
}

// sized is a document whose variations make headers of about so many bytes.
func sized(sizes ...int) string {
	var variations strings.Builder
	for i, size := range sizes {
		fmt.Fprintf(&variations, `,{"id": "var_Size%c", "name": "size %d", "overrides": {"filler": {"value": %q}}}`, 'A'+i, size, strings.Repeat("x", size-100))
	}
	return `{"feature_flags": [{"id": "flg_Sizes", "name": "sizes", "status": "active",
		"parameters": {"filler": {"type": "string", "value": ""}},
		"variations": [{"id": "var_Tiny", "name": "tiny", "overrides": {}}` + variations.String() + `]}],
		"experiments": [{"id": "exp_Sizes", "name": "sizes", "feature_flag_id": "flg_Sizes", "allocation_strategy": "percentage", "status": "active",
		"allocations": [{"variation_id": "var_Tiny", "weight": 100, "is_control": true}]}]}`
}

// shapes are ways in which a client's request can be large.
var shapes = map[string]func(bytes int) (query string, header http.Header){
	"one cookie": func(n int) (string, http.Header) { return "", http.Header{"Cookie": {"c=" + strings.Repeat("c", n)}} },
	"many headers": func(n int) (string, http.Header) {
		h := http.Header{}
		for i := 0; n > 0; i, n = i+1, n-500 {
			h.Set(fmt.Sprintf("X-Filler-%d", i), strings.Repeat("h", min(n, 480)))
		}
		return "", h
	},
	"five headers": func(n int) (string, http.Header) {
		h := http.Header{}
		for i := range 5 {
			h.Set(fmt.Sprintf("X-Filler-%d", i), strings.Repeat("h", n/5))
		}
		return "", h
	},
	"the query": func(n int) (string, http.Header) { return "&q=" + strings.Repeat("q", n), http.Header{} },
}

// However large the configuration is and whatever the client sends: no provider
// refuses a request for its headers that it takes from a bare Caddy.
func TestProvidersTakeWhatTheyTakeWithoutUs(t *testing.T) {
	addresses := startUpstreams(t)
	sizes := []int{300, 2000, 4000, 6000, 7950}
	barePort := freePort(t)
	var paths, proxies string
	for name, address := range addresses {
		paths += " /" + name
		proxies += fmt.Sprintf("reverse_proxy /%s %s\n", name, address)
	}
	e := startEdge(t, setup{
		Store:  map[string]string{"default/production": sized(sizes...)},
		Site:   "authorize_path" + paths,
		Before: proxies + fmt.Sprintf("header >X-Given {http.experiments.variation_id}\n}\nhttp://:%d {\nbind 127.0.0.1\n", barePort) + proxies,
	})
	bare := fmt.Sprintf("http://127.0.0.1:%d", barePort)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	ask := func(base, path string, header http.Header) (int, bool) {
		t.Helper()
		request, err := http.NewRequest(http.MethodGet, base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header = header
		response, err := transport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		_, _ = io.Copy(io.Discard, response.Body)
		return response.StatusCode, response.Header.Get("X-Given") != ""
	}
	for name := range addresses {
		given := 0
		for i := range sizes {
			for shape, fill := range shapes {
				for n := 0; n <= 20_000; n += 1000 {
					query, header := fill(n)
					path := fmt.Sprintf("/%s?experiment_id=exp_Sizes&variation_id=var_Size%c%s", name, 'A'+i, query)
					want, _ := ask(bare, path, header)
					got, decided := ask(e.URL, path, header)
					if got != want {
						t.Errorf("%s: with a configuration of %d bytes and %d more bytes in %s it answers %d; without us %d", name, sizes[i], n, shape, got, want)
					}
					if decided {
						given++
					}
					if n == 1000 && want == http.StatusOK && !decided {
						t.Errorf("%s: a usual request is given nothing with a configuration of %d bytes", name, sizes[i])
					}
				}
			}
		}
		t.Logf("%s: %d of %d requests were given a variation", name, given, len(sizes)*len(shapes)*21)
	}
}
