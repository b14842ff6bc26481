package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/caddy-experiments/caddy-experiments/bench/report"
)

const (
	// attacked is how many units the reports are about, and attackRate how many of
	// them a token asks for in a second.
	attacked, attackRate = 200_000, 100
	// loginRate is how many logins a second there are meanwhile.
	loginRate = 150
	// phase is how long it goes on, with and without, in turn.
	phase = 10 * time.Second
	// other is a tenant with a report of its own, and otherUnits what it is about.
	other, otherUnits = "bank/production", 2_500
)

// dearest is the report that costs most.
const dearest = "/experiments/" + experiment + "/results?slice=device_type,browser,country,region&series=true&cuped=9000h"

// attack measures what a token that may only read can do to logins and to another
// tenant's report: by asking for one report again and again, and by asking for
// another one every time.
func (b *bench) attack(ctx context.Context) error {
	dir := filepath.Join(b.dir, "attacked")
	if err := (&feed{setting: b.setting, units: attacked}).fill(ctx, openEmbedded(dir)); err != nil {
		return err
	}
	if err := (&feed{setting: b.setting, units: otherUnits, tenant: other}).fill(ctx, openEmbedded(dir)); err != nil {
		return err
	}
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/login", http.StatusFound)
	}))
	defer provider.Close()
	port, err := freePort()
	if err != nil {
		return err
	}
	e, err := b.startEdgeWith(dir+forever, extras{tenants: []string{other}, sites: fmt.Sprintf(
		"http://:%d {\n\tbind 127.0.0.1\n\texperiments\n\treverse_proxy %s\n}\n", port, provider.Listener.Addr())})
	if err != nil {
		return err
	}
	defer e.stop()
	login := fmt.Sprintf("http://127.0.0.1:%d/authorize?client_id=shop&response_type=code", port)

	table := report.Table{
		Title: fmt.Sprintf("Logins while a token asks %d times a second for the dearest report of %s units", attackRate, report.Count(attacked)),
		Head:  []string{"", "logins/s", "p50, ms", "p99, ms", "highest, ms", "another tenant's report, p50, highest, s", "of the token, answered with 200, 429, 503"},
	}
	for _, kind := range []struct {
		title string
		path  func(i int) string
	}{
		{"nobody asks", nil},
		{"the same report", func(int) string { return dearest }},
		{"another report every time", func(i int) string {
			return fmt.Sprintf("%s&to=%s", dearest, time.Now().Add(time.Duration(i)*time.Millisecond).UTC().Format(time.RFC3339Nano))
		}},
	} {
		var all besieged
		for range b.rounds {
			one, err := b.besiege(ctx, e, login, kind.path)
			if err != nil {
				return err
			}
			all.logins, all.others = append(all.logins, one.logins...), append(all.others, one.others...)
			for i := range all.codes {
				all.codes[i] += one.codes[i]
			}
		}
		slices.Sort(all.logins)
		slices.Sort(all.others)
		codes := "–"
		if kind.path != nil {
			codes = fmt.Sprintf("%d, %d, %d", all.codes[0], all.codes[1], all.codes[2])
		}
		table.Add(kind.title, report.Round(float64(len(all.logins))/(float64(b.rounds)*phase.Seconds())),
			report.Round(at(all.logins, 0.5)), report.Round(at(all.logins, 0.99)), report.Round(at(all.logins, 1)),
			report.Round(at(all.others, 0.5)/1000)+", "+report.Round(at(all.others, 1)/1000), codes)
	}
	b.report.Tables = append(b.report.Tables, table)
	return nil
}

// at is a quantile of values in their order.
func at(sorted []float64, quantile float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[int(quantile*float64(len(sorted)-1))]
}

// besieged is what a phase has shown, times in ms.
type besieged struct {
	logins, others []float64
	codes          [3]int // 200, 429, and all else
}

// besiege sends logins and another tenant's requests for a while, and beside them
// those of an attack, if there is one.
func (b *bench) besiege(ctx context.Context, e *edge, login string, path func(i int) string) (all besieged, err error) {
	ctx, cancel := context.WithTimeout(ctx, phase)
	defer cancel()
	var mu sync.Mutex
	var running sync.WaitGroup
	client := &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 256},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	// every does something at a rate, whether or not the last time has ended.
	every := func(rate int, do func(i int)) {
		running.Go(func() {
			ticks := time.NewTicker(time.Second / time.Duration(rate))
			defer ticks.Stop()
			for i := 0; ; i++ {
				select {
				case <-ctx.Done():
					return
				case <-ticks.C:
					running.Go(func() { do(i) })
				}
			}
		})
	}
	timed := func(to *[]float64, do func() error) {
		begun := time.Now()
		failed := do()
		took := float64(time.Since(begun).Microseconds()) / 1000
		mu.Lock()
		defer mu.Unlock()
		if *to = append(*to, took); failed != nil && ctx.Err() == nil {
			err = failed
		}
	}
	every(loginRate, func(int) {
		timed(&all.logins, func() error {
			response, err := client.Get(login)
			if err != nil {
				return err
			}
			defer response.Body.Close()
			if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusFound {
				return fmt.Errorf("a login ended with %s: %w", response.Status, err)
			}
			return nil
		})
	})
	every(1, func(int) {
		timed(&all.others, func() error {
			// It may end after the phase.
			text, status, err := e.callAs(context.WithoutCancel(ctx), other, http.MethodGet, "/experiments/"+experiment+"/results", nil)
			if err == nil && status != http.StatusOK {
				err = fmt.Errorf("the other tenant was answered with %d: %.300s", status, text)
			}
			return err
		})
	})
	if path != nil {
		every(attackRate, func(i int) {
			_, status, err := e.callAs(ctx, "bench", http.MethodGet, path(i), nil)
			if err != nil {
				return // the phase is over
			}
			mu.Lock()
			defer mu.Unlock()
			switch status {
			case http.StatusOK:
				all.codes[0]++
			case http.StatusTooManyRequests:
				all.codes[1]++
			default:
				all.codes[2]++
			}
		})
	}
	running.Wait()
	return all, err
}
