package postgres_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/events/eventstest"
	"github.com/caddy-experiments/caddy-experiments/results/postgres"
	"github.com/caddy-experiments/caddy-experiments/results/postgres/postgrestest"
)

// eventually fails unless something succeeds within a minute.
func eventually(t *testing.T, what string, try func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if err = try(); err == nil {
			return
		}
	}
	t.Fatalf("%s: %v", what, err)
}

// TestServerSaysNo has a server that answers, but with an error that is not the
// records' fault: they can be appended later, and are when the server is well.
func TestServerSaysNo(t *testing.T) {
	t.Parallel()
	s := postgrestest.StartServer(t)
	s.Exec(`CREATE ROLE writer LOGIN PASSWORD 'secret'; GRANT CREATE ON DATABASE postgres TO writer`)
	dsn := s.DSNOf("writer", "secret")
	end := func() {
		s.Exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'writer'")
	}
	hold := func(t *testing.T) (release func()) {
		connection, err := pgx.Connect(t.Context(), s.DSN())
		if err != nil {
			t.Fatal(err)
		}
		for _, statement := range []string{"BEGIN", "LOCK TABLE experiments.outcomes IN ACCESS EXCLUSIVE MODE"} {
			if _, err := connection.Exec(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		return func() { _ = connection.Close(context.Background()) }
	}
	for _, test := range []struct {
		name, options, code string
		breaks              func(*testing.T) (mends func())
	}{
		{"only reads", "", "25006", func(*testing.T) func() {
			s.Exec("ALTER SYSTEM SET default_transaction_read_only = on")
			s.Exec("SELECT pg_reload_conf()")
			return func() {
				s.Exec("ALTER SYSTEM RESET default_transaction_read_only")
				s.Exec("SELECT pg_reload_conf()")
			}
		}},
		{"may not write", "", "42501", func(*testing.T) func() {
			s.Exec("ALTER TABLE experiments.outcomes OWNER TO postgres; GRANT SELECT ON experiments.outcomes TO writer")
			return func() { s.Exec("ALTER TABLE experiments.outcomes OWNER TO writer") }
		}},
		{"may not make temporary tables", "", "42501", func(*testing.T) func() {
			s.Exec("REVOKE TEMPORARY ON DATABASE postgres FROM PUBLIC")
			return func() { s.Exec("GRANT TEMPORARY ON DATABASE postgres TO PUBLIC") }
		}},
		{"locked", "&lock_timeout=200ms", "55P03", hold},
		{"too slow", "&statement_timeout=200ms", "57014", hold},
		{"password changed", "", "28P01", func(*testing.T) func() {
			s.Exec("ALTER ROLE writer PASSWORD 'another'")
			end()
			return func() { s.Exec("ALTER ROLE writer PASSWORD 'secret'") }
		}},
		{"may not log in", "", "28000", func(*testing.T) func() {
			s.Exec("ALTER ROLE writer NOLOGIN")
			end()
			return func() { s.Exec("ALTER ROLE writer LOGIN") }
		}},
		{"too many connections", "", "53300", func(*testing.T) func() {
			s.Exec("ALTER ROLE writer CONNECTION LIMIT 0")
			end()
			return func() { s.Exec("ALTER ROLE writer CONNECTION LIMIT -1") }
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			log := open(t, dsn+test.options, postgres.Options{MaxConns: 2})
			appends := func(id string) error {
				ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
				defer cancel()
				return log.Append(ctx, tenant, eventstest.Good(test.name+id))
			}
			eventually(t, "before", func() error { return appends("before") })
			mends := test.breaks(t)
			mended := false
			defer func() {
				if !mended {
					mends()
				}
			}()
			eventually(t, "the server says "+test.code, func() error {
				err := appends("while")
				if !errors.Is(err, events.ErrUnavailable) || errors.Is(err, events.ErrRefused) {
					if err != nil {
						t.Fatal(err)
					}
					return errors.New("it was appended")
				}
				if !strings.Contains(err.Error(), test.code) {
					return err // such as that the connection was ended
				}
				t.Log(err)
				return nil
			})
			mends()
			mended = true
			eventually(t, "afterwards", func() error { return appends("after") })
		})
	}
	seen := records(t, open(t, s.DSN(), postgres.Options{}))
	for id := range seen {
		if !strings.HasSuffix(id, "before") && !strings.HasSuffix(id, "while") && !strings.HasSuffix(id, "after") {
			t.Errorf("there is %q", id)
		}
	}
}

// TestDatabaseIsDropped has it dropped, and made again without anything in it, while
// a log is open.
func TestDatabaseIsDropped(t *testing.T) {
	t.Parallel()
	s := postgrestest.StartServer(t)
	s.Exec("CREATE DATABASE other")
	dsn, err := url.Parse(s.DSN())
	if err != nil {
		t.Fatal(err)
	}
	dsn.Path = "/other"
	log := open(t, dsn.String(), postgres.Options{})
	appends := func() error { return log.Append(context.Background(), tenant, eventstest.Good("a")) }
	if err := appends(); err != nil {
		t.Fatal(err)
	}
	s.Exec("DROP DATABASE other WITH (FORCE)")
	eventually(t, "the server says that there is none", func() error {
		if err := appends(); !errors.Is(err, events.ErrUnavailable) {
			t.Fatal(err)
		} else if !strings.Contains(err.Error(), "3D000") {
			return err
		}
		return nil
	})
	if _, err := postgres.Open(t.Context(), dsn.String(), postgres.Options{}); !errors.Is(err, events.ErrUnavailable) {
		t.Errorf("opening: %v", err)
	}
	s.Exec("CREATE DATABASE other")
	eventually(t, "the tables are made again", appends)
	if seen := records(t, log); len(seen) != 1 {
		t.Errorf("there are %v", seen)
	}
}

// TestLongestTexts has texts as long as a decoder takes them in all fields of a
// record at once. Their rows fit into the indexes, though some characters are kept
// as six times as many bytes.
func TestLongestTexts(t *testing.T) {
	t.Parallel()
	log := open(t, postgrestest.Start(t), postgres.Options{})
	r := rand.New(rand.NewPCG(1, 2))
	for _, odd := range []int{0, 12, 32, 64} { // characters that are kept as 24 bytes each
		text := func() string {
			b := strings.Repeat("\U0010FFFF", odd)
			for len(b) < events.MaxText {
				b += string(rune('0' + r.IntN(70)))
			}
			return b
		}
		batch := &events.Batch{
			Exposures: []events.Exposure{{
				ID: text(), Experiment: text(), Iteration: text(), Unit: text(), Variation: text(), Source: "bucket", Time: start,
				Segment: text(), DeviceType: text(), Browser: text(), Country: text(), Region: text(), WeightsVersion: text(),
			}},
			Outcomes: []events.Outcome{
				{ID: text(), Event: text(), Unit: text(), UserID: text(), Time: start}, {ID: text(), Event: text(), ExposureID: text(), UserID: text(), Time: start},
			},
			Splits: []events.Split{{Experiment: text(), Iteration: text(), WeightsVersion: text(), Weights: map[string]float64{text(): 1, text(): 2}}},
		}
		read, report, err := events.Decode(bytes.NewReader(batch.AppendNDJSON(nil)), "application/x-ndjson", events.Limits{}, start.Time())
		if err != nil || report.Rejected > 0 {
			t.Fatalf("%v, %+v", err, report)
		}
		if err := log.Append(context.Background(), text(), read); err != nil {
			t.Errorf("with %d odd characters: %v", odd, err)
		}
	}
}

// TestCheck reads DSNs without connecting. What is wrong with one never has its
// password.
func TestCheck(t *testing.T) {
	for _, dsn := range []string{
		"postgres://u:hidden@127.0.0.1:1/db", "host=nowhere.invalid user=u password=hidden", "postgresql://u@h1,h2:5433/db?target_session_attrs=read-write",
		"postgres://u:hidden@h/db?sslmode=require&pool_max_conns=3", "user=u password='it''s hidden'",
	} {
		if err := postgres.Check(dsn); err != nil && !strings.Contains(dsn, "''") {
			t.Errorf("%s: %v", dsn, err)
		}
	}
	for _, dsn := range []string{
		"postgres://u:hidden@h:port/db", "postgres://u:hidden@h:70000/db", "postgres://u:hid%zzden@h/db", "postgres://u:hidden@h/db?sslmode=maybe", "postgres://u:hidden@h/db?pool_max_conns=many",
		"hidden", "host=h password='hidden", "host=h password=hidden sslmode=hidden", "postgres://u:hidden@[::1/db", "mysql://u:hidden@h/db",
		"host=h user=u password=hidden connect_timeout=hidden", "password = hidden hidden", "postgres://u:hidden@h/db?sslrootcert=/hidden&sslmode=verify-full",
	} {
		err := postgres.Check(dsn)
		if err == nil {
			t.Errorf("%s is taken", dsn)
			continue
		}
		said, _ := json.Marshal(fmt.Sprintf("%v %+v %#v", err, err, err))
		if strings.Contains(string(said), "hid") {
			t.Errorf("%s: the error has a part of it: %s", dsn, said)
		}
	}
}
