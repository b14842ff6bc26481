package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// writeScript writes what makes wrk send these requests, one after the other.
func writeScript(path string, requests []request) error {
	var script strings.Builder
	script.WriteString("local all = {\n")
	for _, r := range requests {
		text := "GET " + r.path + " HTTP/1.1\r\n"
		for _, field := range r.header {
			text += field[0] + ": " + field[1] + "\r\n"
		}
		fmt.Fprintf(&script, "%q,\n", text+"\r\n")
	}
	script.WriteString("}\nlocal at = 0\nrequest = function()\n\tat = at % #all + 1\n\treturn all[at]\nend\n")
	return os.WriteFile(path, []byte(script.String()), 0o644)
}

var (
	wrkCount   = regexp.MustCompile(`(\d+) requests in`)
	wrkRate    = regexp.MustCompile(`Requests/sec:\s+([\d.]+)`)
	wrkTrouble = regexp.MustCompile(`Non-2xx or 3xx responses: \d+|Socket errors: .*`)
)

// fullSpeed sends requests for some seconds, each connection the next as soon as
// the last is answered.
func fullSpeed(ctx context.Context, url, script string, connections, seconds int) (count int, rate float64, err error) {
	command := exec.CommandContext(ctx, "wrk", "-t1", "-c", strconv.Itoa(connections), "-d", fmt.Sprintf("%ds", seconds), "-s", script, url)
	out, err := command.CombinedOutput()
	if err != nil {
		return 0, 0, fmt.Errorf("running wrk: %w\n%s", err, out)
	}
	if trouble := wrkTrouble.Find(out); trouble != nil {
		return 0, 0, fmt.Errorf("wrk says: %s", trouble)
	}
	found, speed := wrkCount.FindSubmatch(out), wrkRate.FindSubmatch(out)
	if found == nil || speed == nil {
		return 0, 0, fmt.Errorf("wrk says:\n%s", bytes.TrimSpace(out))
	}
	count, _ = strconv.Atoi(string(found[1])) // it is digits
	rate, err = strconv.ParseFloat(string(speed[1]), 64)
	return count, rate, err
}

// attacker sends requests at a fixed rate whatever becomes of those before, over
// connections that it keeps.
type attacker struct{ client *http.Client }

func newAttacker() attacker {
	return attacker{&http.Client{
		Timeout:       10 * time.Second,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 256, MaxConnsPerHost: 256},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// fixedRate gives how long answers took.
func (a attacker) fixedRate(url string, requests []request, rate int, most time.Duration) (*vegeta.Metrics, error) {
	targets := make([]vegeta.Target, len(requests))
	for i, r := range requests {
		header := http.Header{}
		for _, field := range r.header {
			header.Set(field[0], field[1])
		}
		targets[i] = vegeta.Target{Method: http.MethodGet, URL: url + r.path, Header: header}
	}
	// An attack ends its attacker; the connections are the client's.
	attack := vegeta.NewAttacker(vegeta.Client(a.client), vegeta.Workers(64), vegeta.MaxWorkers(256))
	metrics := &vegeta.Metrics{}
	for result := range attack.Attack(vegeta.NewStaticTargeter(targets...), vegeta.Rate{Freq: rate, Per: time.Second}, most, "edge") {
		metrics.Add(result)
	}
	metrics.Close()
	if metrics.Success < 1 {
		return nil, fmt.Errorf("%.2f %% of %d requests failed: %v", 100*(1-metrics.Success), metrics.Requests, metrics.Errors)
	}
	return metrics, nil
}
