// Command devices sends new devices through an edge, twice each, and checks
// that they split as the weights say and keep what they were given. It prints
// one line for each device, its subject, experiment and variation, from which
// anybody can recompute the assignment.
//
//	go run ./bench/devices -n 10000 >devices.tsv
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// device is what one device was given.
type device struct{ subject, experiment, variation string }

func main() {
	url := flag.String("url", "http://localhost:8080/authorize?client_id=devices", "authorization request to send")
	n := flag.Int("n", 10_000, "number of devices")
	workers := flag.Int("c", 16, "requests at a time")
	flag.Parse()
	if err := run(*url, *n, *workers); err != nil {
		fmt.Fprintln(os.Stderr, "devices:", err)
		os.Exit(1)
	}
}

func run(url string, n, workers int) error {
	client := &http.Client{
		Timeout:       10 * time.Second,
		Transport:     &http.Transport{MaxIdleConnsPerHost: workers},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	devices := make([]device, n)
	errs := make([]error, workers)
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for i := w; i < n && errs[w] == nil; i += workers {
				devices[i], errs[w] = visit(client, url)
				if i%1000 == 0 {
					fmt.Fprintf(os.Stderr, "\r%d of %d devices", i, n)
				}
			}
		})
	}
	group.Wait()
	fmt.Fprintln(os.Stderr)
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	out := bufio.NewWriter(os.Stdout)
	counts := map[string]int{}
	for _, d := range devices {
		fmt.Fprintf(out, "%s\t%s\t%s\n", d.subject, d.experiment, d.variation)
		counts[d.variation]++
	}
	for variation, count := range counts {
		fmt.Fprintf(os.Stderr, "%s: %d (%.2f %%)\n", variation, count, 100*float64(count)/float64(n))
	}
	if len(counts) == 2 {
		reportEvenSplit(counts, n)
	}
	return out.Flush()
}

// visit sends a device that has no cookies yet, and once more with those that
// it was given.
func visit(client *http.Client, url string) (device, error) {
	cookies, err := ask(client, url, nil)
	if err != nil {
		return device{}, err
	}
	d, err := read(cookies)
	if err != nil {
		return device{}, err
	}
	// Only the device cookie, so that the edge has to decide again.
	again, err := ask(client, url, cookies[:1])
	if err != nil {
		return device{}, err
	}
	if kept, err := read(append(cookies[:1:1], again...)); err != nil || kept != d {
		return device{}, fmt.Errorf("device %s was given %s first and %s then (%v)", d.subject, d.variation, kept.variation, err)
	}
	return d, nil
}

func ask(client *http.Client, url string, cookies []*http.Cookie) ([]*http.Cookie, error) {
	request, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	for _, c := range cookies {
		request.AddCookie(c)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return nil, err
	}
	if response.StatusCode >= 400 {
		return nil, fmt.Errorf("the edge answered %s", response.Status)
	}
	return response.Cookies(), nil
}

// read takes the subject and the decision out of the cookies that carry them.
func read(cookies []*http.Cookie) (d device, err error) {
	for _, c := range cookies {
		fields := strings.Split(c.Value, ".")
		switch {
		case c.Name == "experiment_device" && len(fields) > 2:
			d.subject = fields[2]
		case c.Name == "experiment_carry" && len(fields) > 3:
			d.experiment, d.variation = fields[2], fields[3]
		}
	}
	if d.subject == "" || d.variation == "" {
		return d, fmt.Errorf("a device was given no variation; is an experiment active?")
	}
	return d, nil
}

// reportEvenSplit says how likely a split at least this uneven is by chance if
// both variations have the same weight.
func reportEvenSplit(counts map[string]int, n int) {
	var chiSquare float64
	for _, count := range counts {
		chiSquare += math.Pow(float64(count)-float64(n)/2, 2) / (float64(n) / 2)
	}
	p := math.Erfc(math.Sqrt(chiSquare / 2))
	fmt.Fprintf(os.Stderr, "chi-square %.3f, p = %.3f for an even split\n", chiSquare, p)
}
