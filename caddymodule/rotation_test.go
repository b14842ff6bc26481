package caddymodule_test

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// While devices log in all the time, the key is changed as the documentation
// says, twice over: nobody becomes another device, and no variation changes.
func TestKeyRotationUnderLoad(t *testing.T) {
	const (
		second = "the second key: 32 bytes or more"
		third  = "the third key, of 32 bytes as well"
	)
	tell := "header >X-Subject {http.experiments.subject}\nheader >X-Variation {http.experiments.variation_id}"
	s := setup{Store: map[string]string{"default/production": split}, Before: tell}
	e := startEdge(t, s)

	const devices = 24
	var (
		rounds  [devices]atomic.Int64
		changed atomic.Int64
		failed  atomic.Int64
		stop    = make(chan struct{})
		running sync.WaitGroup
	)
	for i := range devices {
		running.Go(func() {
			jar, _ := cookiejar.New(nil)
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			client := http.Client{Jar: jar, Transport: transport, Timeout: patience}
			var device, variation string
			for {
				select {
				case <-stop:
					return
				default:
				}
				response, err := client.Get(e.URL + "/authorize?client_id=spa")
				if err != nil {
					continue // the kernel resets what a reload's old socket has not accepted
				}
				_, _ = io.Copy(io.Discard, response.Body)
				response.Body.Close()
				if response.StatusCode != http.StatusOK {
					failed.Add(1)
					continue
				}
				d, v := response.Header.Get("X-Subject"), response.Header.Get("X-Variation")
				if device == "" {
					device, variation = d, v
				}
				if d != device || v != variation || d == "" || v == "" {
					changed.Add(1)
				}
				rounds[i].Add(1)
				time.Sleep(2 * time.Millisecond)
			}
		})
	}
	everybodyCame := func() {
		t.Helper()
		var before [devices]int64
		for i := range rounds {
			before[i] = rounds[i].Load()
		}
		for i := range rounds {
			e.Eventually(func() bool { return rounds[i].Load() > before[i]+1 }, "device %d should come back", i)
		}
	}
	everybodyCame()
	for _, keys := range []string{
		`"` + second + `" ` + testKey, // in front
		`"` + second + `"`,            // the old one out
		`"` + third + `" "` + second + `"`,
		`"` + third + `"`,
	} {
		s.App = "signing_key " + keys
		if err := e.Load(s); err != nil {
			t.Fatal(err)
		}
		everybodyCame() // and was signed anew
	}
	close(stop)
	running.Wait()
	var all int64
	for i := range rounds {
		all += rounds[i].Load()
	}
	if n := changed.Load(); n > 0 {
		t.Errorf("%d of %d logins were of another device or got another variation", n, all)
	}
	if n := failed.Load(); n > 0 {
		t.Errorf("%d of %d logins were answered with an error", n, all)
	}
}
