package redistest

import (
	"strconv"
	"testing"
	"time"
)

func TestSentinels(t *testing.T) {
	before := time.Now()
	s := StartSentinels(t)
	t.Logf("started in %s", time.Since(before))
	if len(s.Addresses()) != 3 || len(s.Sentinels()) != 3 {
		t.Errorf("the sentinels are at %v", s.Addresses())
	}
	for _, address := range s.Addresses() {
		dial(t, address).must(t, "127.0.0.1\n"+strconv.Itoa(s.Master().port), "SENTINEL", "GET-MASTER-ADDR-BY-NAME", s.MasterName())
	}
	master, replica := s.Master(), s.Replica()
	want(t, master, "OK", "SET", "key", "1")
	want(t, master, "1", "WAIT", "1", "5000")
	want(t, replica, "1", "GET", "key")
	_, err := replica.Try("SET", "key", "2")
	wantRefusal(t, err, "READONLY")

	before = time.Now()
	if got := s.FailOver(); got != replica || s.Master() != replica || s.Replica() != master {
		t.Error("the replica is not promoted")
	}
	t.Logf("failed over in %s", time.Since(before))
	want(t, replica, "OK", "SET", "key", "2")

	before = time.Now()
	master.Restart()
	s.Settle()
	t.Logf("the former master follows after %s", time.Since(before))
	want(t, master, "2", "GET", "key")

	before = time.Now()
	if got := s.FailOver(); got != master {
		t.Error("the former master is not promoted")
	}
	t.Logf("failed over in %s", time.Since(before))
	want(t, master, "2", "GET", "key")
}

func TestRollback(t *testing.T) {
	s := StartSentinels(t)
	master := s.Master()
	want(t, master, "OK", "SET", "key", "kept")
	want(t, master, "1", "WAIT", "1", "5000")
	s.HoldReplica()
	for i := range 600 {
		want(t, master, "OK", "SET", "key", strconv.Itoa(i))
	}
	before := time.Now()
	promoted := s.FailOver()
	t.Logf("failed over in %s", time.Since(before))
	want(t, promoted, "kept", "GET", "key")
}

func TestSentinelsWithPassword(t *testing.T) {
	s := StartSentinels(t, Password("secret"))
	master := s.Master()
	d := dial(t, master.Address())
	_, err := d.say(time.Second, "GET", "key")
	wantRefusal(t, err, "NOAUTH")
	d.must(t, "OK", "AUTH", "secret")
	s.FailOver()
	master.Restart()
	s.Settle()
	s.Sentinels()[0].Kill() // two are enough
	if s.FailOver() != master {
		t.Error("the former master is not promoted")
	}
}
