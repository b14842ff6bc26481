package postgrestest

import (
	"testing"
	"time"
)

func TestServer(t *testing.T) {
	before := time.Now()
	s := StartServer(t)
	t.Logf("started in %s", time.Since(before))
	s.Exec("CREATE TABLE kept (x bigint); INSERT INTO kept VALUES (1)")
	s.Kill()
	if err := s.Try("SELECT 1"); err == nil {
		t.Fatal("it answers after its end")
	}
	before = time.Now()
	s.Restart()
	t.Logf("restarted in %s", time.Since(before))
	s.Exec("SELECT 1 / (SELECT count(*) FROM kept)")
}
