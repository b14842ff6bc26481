package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"os"
	"strings"
	"time"
)

var clocks = []fault{
	{"F37", "the clock of an edge jumps by hours, and by a year, each way", "0 failed, 0 wrong, devices keep their variations, events kept", jumpClock},
}

func jumpClock(s *scene) {
	_, a, b := s.single()
	for _, e := range []*edge{a, b} {
		e.configure("decision_log ./decisions.log\nevents ./events", "")
		if err := e.reload(); err != nil {
			s.Fatal(err)
		}
	}
	jars := make([]http.CookieJar, 50)
	had := make([]string, len(jars))
	for i := range jars {
		jars[i], _ = cookiejar.New(nil) // never fails
		had[i] = s.login(b, jars[i])
	}
	jumps := []time.Duration{3 * time.Hour, -3 * time.Hour, 90 * time.Minute, -20 * time.Minute, 365 * 24 * time.Hour, -365 * 24 * time.Hour, 0}
	for n, jump := range jumps {
		if err := os.WriteFile(b.clock(), []byte(jump.String()), 0o600); err != nil {
			s.Fatal(err)
		}
		s.within(20*time.Second, "the clock has jumped", func() bool { return b.clockIsOff(jump) })
		time.Sleep(s.outage / time.Duration(2*len(jumps)))
		changed := 0
		for i, jar := range jars {
			if s.login(b, jar) != had[i] {
				changed++
			}
		}
		if changed > 0 {
			s.miss("after %s %d of %d devices have another variation", jump, changed, len(jars))
		}
		unit := fmt.Sprintf("jump-%d", n)
		event := fmt.Sprintf(`{"id":"%s","event":"s","unit":"%[1]s","t":%d}`, unit, time.Now().Add(jump).UnixMilli())
		s.within(30*time.Second, "an event is accepted", func() bool {
			status, _ := b.call(http.MethodPost, "/events", event)
			return status == http.StatusAccepted
		})
		s.within(30*time.Second, "the event is in the log", func() bool { return b.exports(unit) })
	}
	s.publish(a, 2) // only now: another document has other weights
	s.inStep(5*time.Second, 2, a, b)
	s.within(30*time.Second, "all is well", func() bool { return a.well() && b.well() })
	s.load.judge(true)
	s.note("%d jumps, %d devices", len(jumps), len(jars))
}

// login is one of a browser with cookies, which then asks for a page of the
// login. It returns what the provider was told, and fails if it was told two
// things.
func (s *scene) login(e *edge, jar http.CookieJar) string {
	client := http.Client{Jar: jar, Timeout: 10 * time.Second}
	first, err := e.visit(&client, "/authorize?client_id=torture")
	if err != nil {
		s.Fatal(err)
	}
	page, err := e.visit(&client, "/login")
	if err != nil {
		s.Fatal(err)
	}
	if page != first {
		s.miss("the page of a login has the variation %q, its beginning %q", page, first)
	}
	return first
}

// visit asks as a browser does, which has no header that says who it is, and
// returns the variation.
func (e *edge) visit(client *http.Client, path string) (string, error) {
	d, err := e.ask(client, path, "")
	return d.VariationID, err
}

// clockIsOff reports whether the last line of the decision log is of a time that
// is off by about a duration.
func (e *edge) clockIsOff(by time.Duration) bool {
	if _, err := e.ask(http.DefaultClient, "/authorize", "clock"); err != nil {
		return false
	}
	text, err := os.ReadFile(e.dir + "/decisions.log")
	if err != nil {
		return false
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	var last struct{ Time time.Time }
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
		return false // it is being written
	}
	return time.Until(last.Time.Add(-by)).Abs() < 5*time.Minute
}
