package redistest

import (
	"fmt"
	"testing"
	"time"
)

func TestCluster(t *testing.T) {
	before := time.Now()
	c := StartCluster(t)
	t.Logf("started in %s", time.Since(before))
	if len(c.Addresses()) != 6 || len(c.Nodes()) != 6 {
		t.Errorf("the nodes are at %v", c.Addresses())
	}
	const key = "{x}:key"
	owner := c.Owner(key)
	want(t, owner, "OK", "SET", key, "value")
	want(t, owner, "1", "WAIT", "1", "5000")
	for _, node := range c.Nodes() {
		if node != owner {
			_, err := node.Try("GET", key)
			wantRefusal(t, err, "MOVED")
		}
	}
	owners := map[*Server]bool{}
	for i := range 20 {
		owners[c.Owner(fmt.Sprint(i))] = true
	}
	if len(owners) != 3 {
		t.Errorf("20 keys have %d owners", len(owners))
	}

	replica := c.Replica(owner)
	before = time.Now()
	owner.Kill()
	if got := c.Owner(key); got != replica {
		t.Fatal("the replica is not promoted")
	}
	t.Logf("a new owner after %s", time.Since(before))
	c.Settle()
	t.Logf("all serve after %s", time.Since(before))
	want(t, replica, "value", "GET", key)
	want(t, replica, "OK", "SET", key, "other")

	before = time.Now()
	owner.Restart()
	await(t, "the former owner to follow", owner.follows)
	c.Settle()
	t.Logf("the former owner follows after %s", time.Since(before))
	if got := c.Replica(replica); got != owner {
		t.Error("the former owner is not the replica")
	}
}

func TestMove(t *testing.T) {
	c := StartCluster(t)
	const key = "{x}:key"
	from := c.Owner(key)
	want(t, from, "OK", "SET", key, "value")
	for i := range 250 {
		from.Command("SET", fmt.Sprintf("{x}:%d", i), "value")
	}
	var to *Server
	for _, node := range c.Nodes()[:3] {
		if node != from {
			to = node
		}
	}
	before := time.Now()
	c.Move(key, to)
	t.Logf("moved in %s", time.Since(before))
	c.Move(key, to)
	if c.Owner(key) != to {
		t.Error("the slot is not moved")
	}
	want(t, to, "value", "GET", key)
	want(t, to, "value", "GET", "{x}:249")
	_, err := from.Try("GET", key)
	wantRefusal(t, err, "MOVED")
}
