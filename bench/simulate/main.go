// Command simulate lets people log in at the running example: each is a device of
// its own with a browser, sees the login page that the edge decides on, and then
// logs in or gives up. How often they succeed depends on the page, so that the
// results have a true effect to find.
//
//	./xcaddy.sh run
//	go run ./bench/simulate -logins 20000
//	./caddy experiments results passkey-prompt
//
// With -broken the devices are divided by a splitter of its own that loses some
// of those with one variation, and sends what it did to the management API: the
// results must not be trusted then, and say so.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"time"
)

// options say who logs in where.
type options struct {
	edge, api, token string
	logins, parallel int
	seed             uint64
	password         float64 // share of people who succeed on the page with a password
	passkey          float64 // and on the page with a passkey
	broken           bool
}

func main() {
	var o options
	flag.StringVar(&o.edge, "edge", "http://localhost:8080", "site with the experiment")
	flag.StringVar(&o.api, "api", "http://localhost:8082", "site with the management API")
	flag.StringVar(&o.token, "token", "demo-token", "token of the management API")
	flag.IntVar(&o.logins, "logins", 20000, "devices that log in")
	flag.IntVar(&o.parallel, "parallel", 16, "devices at a time")
	flag.Uint64Var(&o.seed, "seed", 1, "seed of the devices and their luck")
	flag.Float64Var(&o.password, "password", 0.70, "share of people who succeed with the password page")
	flag.Float64Var(&o.passkey, "passkey", 0.77, "share of people who succeed with the passkey page")
	flag.BoolVar(&o.broken, "broken", false, "divide the devices with a splitter that loses some")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	run := simulate
	if o.broken {
		run = simulateBroken
	}
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "simulate:", err)
		os.Exit(1)
	}
}

// seen counts what devices were shown and how they fared.
type seen struct{ shown, succeeded [2]atomic.Int64 }

// simulate lets devices log in through the edge.
func simulate(ctx context.Context, o options) error {
	var s seen
	var next atomic.Int64
	failures := make(chan error, 1)
	transport := &http.Transport{MaxIdleConnsPerHost: o.parallel}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	progress(ctx, &next, o.logins)
	var people sync.WaitGroup
	for range o.parallel {
		people.Go(func() {
			for i := next.Add(1); i <= int64(o.logins) && ctx.Err() == nil; i = next.Add(1) {
				p := person{options: o, transport: transport, random: rand.New(rand.NewPCG(o.seed, uint64(i)))}
				if err := p.logIn(ctx, &s); err != nil {
					select {
					case failures <- err:
						cancel()
					default:
					}
				}
			}
		})
	}
	people.Wait()
	select {
	case err := <-failures:
		return err
	default:
	}
	for page, name := range []string{"password", "passkey"} {
		fmt.Printf("%s page: %d devices, %d logins\n", name, s.shown[page].Load(), s.succeeded[page].Load())
	}
	return ctx.Err()
}

// progress says every two seconds how far the devices are.
func progress(ctx context.Context, next *atomic.Int64, logins int) {
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(2 * time.Second):
				fmt.Fprintf(os.Stderr, "%d of %d devices\n", min(next.Load(), int64(logins)), logins)
			}
		}
	}()
}

// person is somebody with a browser that keeps cookies.
type person struct {
	options
	transport http.RoundTripper
	random    *rand.Rand
	cookies   []*http.Cookie
	agent     string
}

var agents = []string{
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
	"Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
	"Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Mobile Safari/537.36",
}

func (p *person) logIn(ctx context.Context, s *seen) error {
	p.agent = agents[p.random.IntN(len(agents))]
	page, err := p.open(ctx, "/authorize?client_id=demo&state=1")
	if err != nil {
		return err
	}
	shown, succeeds := 0, p.random.Float64() < p.password
	if bytes.Contains(page, []byte(`id="passkey"`)) {
		shown, succeeds = 1, p.random.Float64() < p.passkey
	}
	s.shown[shown].Add(1)
	if succeeds {
		s.succeeded[shown].Add(1)
		_, err = p.open(ctx, "/done")
	} else if p.random.IntN(2) == 0 { // others just close the page
		_, err = p.open(ctx, "/cancel")
	}
	return err
}

func (p *person) open(ctx context.Context, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.edge+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", p.agent)
	for _, c := range p.cookies {
		request.AddCookie(c)
	}
	response, err := p.transport.RoundTrip(request)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w; is the example running?", path, err)
	}
	defer response.Body.Close()
	p.cookies = append(p.cookies, response.Cookies()...)
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("opening %s: %s", path, response.Status)
	}
	return text, err
}

// The experiment of the example.
const (
	experiment = "exp_PasskeyDemo"
	iteration  = "itr_PasskeyDemo"
)

var variations = [2]string{"var_PasswordFirst", "var_PasskeyFirst"}

// simulateBroken divides devices itself, and loses a third of those with the
// passkey page: enough to be found among ten times as many sound ones.
func simulateBroken(ctx context.Context, o options) error {
	random := rand.New(rand.NewPCG(o.seed, 0))
	var lines bytes.Buffer
	lost := 0
	for i := range o.logins {
		shown := random.IntN(2)
		if shown == 1 && random.IntN(3) == 0 {
			lost++
			continue
		}
		unit := fmt.Sprintf("broken-%d-%d", o.seed, i)
		fmt.Fprintf(&lines, `{"experiment":%q,"iteration":%q,"unit":%q,"variation":%q,"source":"bucket","device_type":"desktop","browser":"firefox"}`+"\n",
			experiment, iteration, unit, variations[shown])
		if random.Float64() < [2]float64{o.password, o.passkey}[shown] {
			fmt.Fprintf(&lines, `{"id":"login","event":"s","unit":%q}`+"\n", unit)
		}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, o.api+"/api/v2/experimentation/events", &lines)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+o.token)
	request.Header.Set("Content-Type", "application/x-ndjson")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("sending the events: %w; is the example running?", err)
	}
	defer response.Body.Close()
	var answer struct {
		Accepted int
		Message  string
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	if response.StatusCode != http.StatusAccepted {
		return errors.New("sending the events: " + answer.Message)
	}
	fmt.Printf("%d events sent; %d devices with the passkey page were lost\n", answer.Accepted, lost)
	return nil
}
