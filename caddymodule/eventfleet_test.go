package caddymodule_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results/postgres/postgrestest"
)

// eventFleet is a fleet of which the first edge keeps the events of all, over a
// Redis that keeps nothing. A login is told its exposure.
type eventFleet struct {
	*fleet
	experiment string
	ups        []atomic.Int64 // of each edge: odd while it is up, and never the same again
}

func startEventFleet(t *testing.T, edges int, oldnew ...string) *eventFleet {
	t.Helper()
	f := &eventFleet{fleet: newFleet(t, edges, "subject {header.X-Device}"), ups: make([]atomic.Int64, edges)}
	for _, m := range f.edges {
		m.change("{header.X-Experiment-Config}", "{header.X-Experiment-Config}\n{header.X-Experiment-Exposure}")
		m.change(oldnew...)
	}
	f.start()
	for i := range f.ups {
		f.ups[i].Add(1)
	}
	f.experiment, _, _ = f.edges[0].halves()
	for i, m := range f.edges {
		f.within(5*time.Second, "every edge decides", func() bool {
			exposure, err := f.login(m, fmt.Sprint("first of edge ", i))
			return err == nil && exposure != ""
		})
	}
	return f
}

// change replaces texts of an edge's configuration.
func (m *member) change(oldnew ...string) {
	m.t.Helper()
	path := filepath.Join(m.dir, "Caddyfile")
	text, err := os.ReadFile(path)
	if err != nil {
		m.t.Fatal(err)
	}
	for i := 0; i < len(oldnew); i += 2 {
		if !strings.Contains(string(text), oldnew[i]) {
			m.t.Fatalf("the configuration has no %q", oldnew[i])
		}
	}
	if err := os.WriteFile(path, []byte(strings.NewReplacer(oldnew...).Replace(string(text))), 0o644); err != nil {
		m.t.Fatal(err)
	}
}

// restart kills an edge, and starts it again a little later.
func (f *eventFleet) restart(i int, pause time.Duration) {
	f.t.Helper()
	f.ups[i].Add(1)
	f.edges[i].kill()
	time.Sleep(pause)
	f.edges[i].start()
	f.ups[i].Add(1)
}

// run runs one of the commands for events against the edge.
func (m *member) run(arguments ...string) {
	m.t.Helper()
	arguments = append([]string{"experiments", "events"}, arguments...)
	if arguments[2] != "restore" {
		arguments = append(arguments, "--address", fmt.Sprintf("localhost:%d", m.admin))
	}
	command := exec.Command(m.binary, arguments...)
	command.Dir = m.dir
	if out, err := command.CombinedOutput(); err != nil {
		m.t.Fatalf("%v: %v\n%s", arguments, err, out)
	}
}

// reload puts the edge's configuration in force.
func (m *member) reload() {
	m.t.Helper()
	command := exec.Command(m.binary, "reload", "--address", fmt.Sprintf("localhost:%d", m.admin))
	command.Dir = m.dir
	if out, err := command.CombinedOutput(); err != nil {
		m.t.Fatalf("reloading: %v\n%s", err, out)
	}
}

// waiting are the bytes in the edge's spool.
func (m *member) waiting() float64 {
	m.t.Helper()
	return m.status()["events"].(map[string]any)["spooled_bytes"].(float64)
}

// counted reads one of the edge's metrics that have no labels.
func (m *member) counted(name string) float64 {
	m.t.Helper()
	response, err := http.Get(fmt.Sprintf("http://localhost:%d/metrics", m.admin))
	if err != nil {
		m.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		m.t.Fatal(err)
	}
	match := regexp.MustCompile(`(?m)^caddy_experiments_events_` + name + ` (\S+)$`).FindStringSubmatch(string(text))
	if match == nil {
		m.t.Fatalf("there is no %s", name)
	}
	value, err := strconv.ParseFloat(match[1], 64)
	if err != nil {
		m.t.Fatal(err)
	}
	return value
}

// killingTime is for how long everything is killed. KILLS=10m makes it longer.
func killingTime(t *testing.T) time.Duration {
	text := os.Getenv("KILLS")
	if text == "" {
		return 10 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("KILLS: %v", err)
	}
	return d
}

// Edges, the edge with the log and Redis are killed at any moment, while people
// log in.
func TestEventsSurviveKills(t *testing.T) {
	f := startEventFleet(t, 3)
	node := f.edges[0]
	load := f.startTraffic()
	kills := map[string]int{}
	for ends := time.Now().Add(killingTime(t)); time.Now().Before(ends); {
		time.Sleep(time.Duration(100+rand.IntN(600)) * time.Millisecond)
		pause := time.Duration(rand.IntN(400)) * time.Millisecond
		if i := rand.IntN(len(f.edges) + 1); i < len(f.edges) {
			f.restart(i, pause)
			kills[fmt.Sprint("edge ", i+1)]++
		} else {
			f.redis.Kill()
			time.Sleep(pause)
			f.redis.Restart()
			kills["redis"]++
		}
	}
	load.quiet.Store(true)
	time.Sleep(time.Second)
	load.quiet.Store(false)
	load.stop()
	t.Logf("killed: %v; all there %s after", kills, load.arrive(node).Round(time.Millisecond))
	f.within(30*time.Second, "nothing waits any more", func() bool { return f.edges[1].waiting() == 0 && f.edges[2].waiting() == 0 })
	f.check(t, node)
	for i, m := range f.edges {
		if dropped := m.status()["events"].(map[string]any)["dropped"]; dropped != 0.0 {
			t.Errorf("edge %d has dropped %v events", i+1, dropped)
		}
	}
}

// An edge whose Redis is away keeps what it would send.
func TestEventsWaitForRedis(t *testing.T) {
	f := startEventFleet(t, 2)
	load := f.startTraffic()
	load.quiet.Store(true) // no edge is killed, so nothing may be missing
	time.Sleep(500 * time.Millisecond)
	f.redis.Kill()
	time.Sleep(5 * time.Second)
	if f.edges[1].waiting() == 0 {
		t.Error("nothing waits")
	}
	f.redis.Restart()
	time.Sleep(500 * time.Millisecond)
	load.stop()
	t.Logf("all there %s after the end", load.arrive(f.edges[0]).Round(time.Millisecond))
	f.within(30*time.Second, "nothing waits any more", func() bool { return f.edges[1].waiting() == 0 })
	f.check(t, f.edges[0])

	if _, err := f.redis.Try("XADD", "{demo}:events", "*", "m", "of somebody else"); err != nil {
		t.Fatal(err)
	}
	node, edge := f.edges[0], f.edges[1]
	f.within(5*time.Second, "what is none of ours is dropped", func() bool { return node.counted("relay_dropped_total") == 1 })
	sent, confirmed, resent := edge.counted("relay_sent_total"), edge.counted("relay_confirmed_total"), edge.counted("relay_resent_total")
	t.Logf("%v entries sent, %v confirmed, %v sent again", sent, confirmed, resent)
	if confirmed == 0 || sent < confirmed+resent || node.counted("relay_received_total") == 0 || node.counted("relay_rejected_total") != 0 {
		t.Errorf("%v entries were sent, %v confirmed, %v sent again", sent, confirmed, resent)
	}
}

// A backup that is made while events come in is a log as it was at a moment.
func TestBackupOfALiveLog(t *testing.T) {
	f := startEventFleet(t, 2)
	node := f.edges[0]
	load := f.startTraffic()
	load.quiet.Store(true)
	time.Sleep(time.Second)
	node.run("backup", "early")
	time.Sleep(500 * time.Millisecond)
	load.stop()
	load.arrive(node)
	node.run("backup", "late")
	want, whole := f.results(node), node.exported()
	f.check(t, node)
	for _, backup := range []string{"early", "late"} {
		node.kill()
		if err := os.RemoveAll(filepath.Join(node.dir, "demo/logs/events")); err != nil {
			t.Fatal(err)
		}
		node.run("restore", backup, "demo/logs/events")
		node.start()
		restored := node.exported()
		for key := range restored.outcomes {
			if whole.outcomes[key] == 0 {
				t.Errorf("%s: %s was not there", backup, key)
			}
		}
		f.check(t, node) // whatever it has, it adds up
		if n := len(restored.outcomes); n == 0 || backup == "early" && n >= len(whole.outcomes) {
			t.Errorf("%s: there are %d of %d outcomes", backup, n, len(whole.outcomes))
		}
	}
	if got := f.results(node); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("after the restoration the results are %v, they were %v", got, want)
	}
}

// What waits in the spool stays there while an edge has no events, and is sent
// when it has again.
func TestReloadsToNoEventsAndBack(t *testing.T) {
	f := startEventFleet(t, 2)
	edge := f.edges[1]
	load := f.startTraffic()
	for i := range 3 {
		if i == 1 {
			f.redis.Kill() // so that something waits
		}
		time.Sleep(400 * time.Millisecond)
		sent := edge.counted("relay_sent_total")
		edge.change("events stream", "events off", "outcomes on", "outcomes off")
		edge.reload()
		time.Sleep(200 * time.Millisecond)
		if counted := edge.counted("relay_sent_total"); sent == 0 || counted < sent {
			t.Errorf("over a reload %v entries became %v", sent, counted)
		}
		if i == 1 {
			f.redis.Restart()
		}
		edge.change("events off", "events stream", "outcomes off", "outcomes on")
		edge.reload()
	}
	load.quiet.Store(true)
	time.Sleep(500 * time.Millisecond)
	load.quiet.Store(false)
	load.stop()
	load.arrive(f.edges[0])
	f.within(30*time.Second, "nothing waits any more", func() bool { return edge.waiting() == 0 })
	f.check(t, f.edges[0])
}

// An edge that has sent its events elsewhere keeps them from now on: what was
// not sent yet is in its own log.
func TestEventsOfAnEdgeThatTakesOver(t *testing.T) {
	f := startEventFleet(t, 2)
	node, edge := f.edges[0], f.edges[1]
	node.kill()
	f.ups[0].Add(1)
	load := f.startTraffic()
	load.quiet.Store(true)
	time.Sleep(time.Second)
	edge.change("events stream", "events ./demo/logs/events")
	edge.reload()
	time.Sleep(500 * time.Millisecond)
	load.stop()
	load.arrive(edge)
	f.within(10*time.Second, "nothing waits any more", func() bool { return edge.waiting() == 0 })
	f.check(t, edge)
}

// Without PostgreSQL events wait in the spool, over a restart too.
func TestEventsWaitForPostgres(t *testing.T) {
	server := postgrestest.StartServer(t)
	f := startEventFleet(t, 1, "events ./demo/logs/events", "events postgres "+server.DSN())
	edge := f.edges[0]
	load := f.startTraffic()
	load.quiet.Store(true)
	time.Sleep(500 * time.Millisecond)
	server.Kill()
	time.Sleep(1500 * time.Millisecond)
	load.quiet.Store(false)
	time.Sleep(300 * time.Millisecond) // what is in memory only is lost
	f.restart(0, 0)
	load.quiet.Store(true)
	time.Sleep(1500 * time.Millisecond)
	if edge.waiting() == 0 {
		t.Error("nothing waits")
	}
	if status, _ := edge.call(http.MethodGet, "/experiments/"+f.experiment+"/results", ""); status != http.StatusServiceUnavailable {
		t.Errorf("without the log the results are answered with %d", status)
	}
	server.Restart()
	time.Sleep(500 * time.Millisecond)
	load.stop()
	for status, n := range load.refused {
		if status != 0 { // it was killed
			t.Errorf("%d outcomes were answered with %d", n, status)
		}
	}
	f.within(30*time.Second, "nothing waits any more", func() bool { return edge.waiting() == 0 })
	load.arrive(edge)
	f.check(t, edge)

	// One that does not answer at all holds nobody up for long either.
	server.Pause()
	defer server.Continue()
	begin := time.Now()
	status, answer := edge.call(http.MethodPost, "/events", `{"id":"patience","event":"s","unit":"somebody"}`)
	if took := time.Since(begin); status != http.StatusAccepted || took > 8*time.Second {
		t.Errorf("after %s an outcome is answered with %d %v", took, status, answer)
	}
	server.Continue()
	f.within(30*time.Second, "it arrives", func() bool { return edge.exported().outcomes["s somebody patience"] == 1 })
}

// administer carries out statements on a server, one after another.
func administer(server *postgrestest.Server, statements ...string) {
	for _, statement := range append(statements, "SELECT pg_reload_conf()") {
		server.Exec(statement)
	}
}

// A PostgreSQL that answers with an error is one that is away: events wait in the
// spool, over a restart too, and no sender is refused.
func TestEventsWaitForPostgresThatRefuses(t *testing.T) {
	server := postgrestest.StartServer(t)
	administer(server, "CREATE ROLE edge LOGIN PASSWORD 'edgesecret'", "CREATE DATABASE logs OWNER edge")
	dsn := strings.Replace(server.DSNOf("edge", "edgesecret"), "/postgres?", "/logs?", 1)
	f := startEventFleet(t, 1, "events ./demo/logs/events", "events postgres "+dsn)
	edge := f.edges[0]
	load := f.startTraffic()
	events := func() map[string]any { return edge.status()["events"].(map[string]any) }
	const disconnect = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'edge'"
	for _, trouble := range []struct{ name, says, begin, end string }{
		{"read-only", "25006", "ALTER SYSTEM SET default_transaction_read_only = on", "ALTER SYSTEM RESET default_transaction_read_only"},
		{"no database", "3D000", "ALTER DATABASE logs RENAME TO gone", "ALTER DATABASE gone RENAME TO logs"},
		{"another password", "28P01", "ALTER ROLE edge PASSWORD 'other'", "ALTER ROLE edge PASSWORD 'edgesecret'"},
	} {
		load.quiet.Store(true)
		before := load.posted()
		administer(server, "ALTER ROLE edge CONNECTION LIMIT 0", disconnect) // a database in use has to keep its name
		f.within(30*time.Second, "the role has no connections", func() bool {
			return server.Try(trouble.begin) == nil
		})
		administer(server, "ALTER ROLE edge CONNECTION LIMIT -1", disconnect)
		f.within(time.Minute, trouble.name+" is in the status", func() bool {
			text, _ := events()["last_error"].(string)
			return edge.status()["status"] == "degraded" && strings.Contains(text, trouble.says)
		})
		f.within(time.Minute, trouble.name+": events wait, and are accepted", func() bool { return edge.waiting() > 0 && load.posted() > before+20 })
		load.quiet.Store(false)
		time.Sleep(300 * time.Millisecond) // what is in memory only is lost
		f.restart(0, 0)
		load.quiet.Store(true)
		before = load.posted()
		f.within(time.Minute, trouble.name+": after a restart events are accepted", func() bool { return load.posted() > before+20 })
		if edge.status()["status"] != "degraded" || strings.Contains(fmt.Sprint(events()), "edgesecret") {
			t.Errorf("%s: after a restart the status is %v", trouble.name, edge.status())
		}
		administer(server, trouble.end)
		f.within(time.Minute, trouble.name+": all is well again", func() bool { return edge.status()["status"] == "healthy" && edge.waiting() == 0 })
		if dropped := events()["dropped"]; dropped != 0.0 {
			t.Errorf("%s: %v events were dropped", trouble.name, dropped)
		}
	}
	load.stop()
	for status, n := range load.refused {
		if status != 0 { // it was killed
			t.Errorf("%d outcomes were answered with %d", n, status)
		}
	}
	load.arrive(edge)
	f.within(30*time.Second, "nothing waits any more", func() bool { return edge.waiting() == 0 })
	f.check(t, edge)
}
