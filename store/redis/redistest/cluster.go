package redistest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// slots is how many slots a cluster has.
const slots = 16384

// Cluster is a Redis cluster of three masters with a replica each, which takes
// its master's place soon after the master's end.
type Cluster struct {
	t     testing.TB
	nodes []*Server
}

// StartCluster starts a cluster, its nodes with the options, and returns when
// all nodes serve and all replicas are connected. A short test is skipped.
func StartCluster(t testing.TB, options ...Option) *Cluster {
	t.Helper()
	skipShort(t)
	options = append(options[:len(options):len(options)], asNode, asReplica)
	c := &Cluster{t: t}
	for range 6 {
		c.nodes = append(c.nodes, Start(t, options...))
	}
	masters, replicas := c.nodes[:3], c.nodes[3:]
	for i, master := range masters {
		master.Command("CLUSTER", "ADDSLOTSRANGE", strconv.Itoa(slots*i/3), strconv.Itoa(slots*(i+1)/3-1))
	}
	for i, node := range c.nodes {
		node.Command("CLUSTER", "SET-CONFIG-EPOCH", strconv.Itoa(i+1))
	}
	for _, node := range c.nodes {
		for _, other := range c.nodes {
			if node != other {
				node.Command("CLUSTER", "MEET", "127.0.0.1", strconv.Itoa(other.port), strconv.Itoa(other.busPort))
			}
		}
	}
	for i, replica := range replicas {
		master := masters[i].Command("CLUSTER", "MYID")
		await(t, "the nodes to know each other", func() error {
			_, err := replica.Try("CLUSTER", "REPLICATE", master)
			return err
		})
	}
	c.Settle()
	return c
}

// asNode makes a server a node of a cluster.
func asNode(s *Server) {
	s.clustered = true
	s.directives = append(s.directives, "cluster-enabled yes", "cluster-config-file nodes.conf", "cluster-node-timeout 1000")
}

// Nodes are all nodes, masters first as it was at the beginning.
func (c *Cluster) Nodes() []*Server { return c.nodes }

// Addresses are those of all nodes.
func (c *Cluster) Addresses() []string { return addresses(c.nodes) }

// Owner is the running master that has a key's slot. It waits for one that does
// while the slot's former owner is dead.
func (c *Cluster) Owner(key string) *Server {
	c.t.Helper()
	slot, err := strconv.Atoi(c.running().Command("CLUSTER", "KEYSLOT", key))
	if err != nil {
		c.t.Fatalf("asking for the slot of %q: %v", key, err)
	}
	var owner *Server
	await(c.t, fmt.Sprintf("an owner of slot %d", slot), func() (err error) {
		owner, err = c.owner(slot)
		return err
	})
	return owner
}

// owner finds a master that says that a slot is its own.
func (c *Cluster) owner(slot int) (*Server, error) {
	for _, node := range c.nodes {
		if !node.process.running() {
			continue
		}
		self, err := node.self()
		if err != nil {
			return nil, err
		}
		if self.master && self.owns(slot) {
			return node, nil
		}
	}
	return nil, fmt.Errorf("no running node owns slot %d", slot)
}

// Replica is a running replica of a master.
func (c *Cluster) Replica(master *Server) *Server {
	c.t.Helper()
	id := master.Command("CLUSTER", "MYID")
	for _, node := range c.nodes {
		if !node.process.running() {
			continue
		}
		self, err := node.self()
		if err != nil {
			c.t.Fatal(err)
		}
		if self.follows == id {
			return node
		}
	}
	c.t.Fatalf("%s has no running replica", master.Address())
	return nil
}

// Move gives a key's slot with all its keys to another master, as resharding
// does: in between, clients are asked to look in both.
func (c *Cluster) Move(key string, to *Server) {
	c.t.Helper()
	from := c.Owner(key)
	if from == to {
		return
	}
	slot := from.Command("CLUSTER", "KEYSLOT", key)
	fromID, toID := from.Command("CLUSTER", "MYID"), to.Command("CLUSTER", "MYID")
	to.Command("CLUSTER", "SETSLOT", slot, "IMPORTING", fromID)
	from.Command("CLUSTER", "SETSLOT", slot, "MIGRATING", toID)
	for {
		keys := from.Command("CLUSTER", "GETKEYSINSLOT", slot, "100")
		if keys == "" {
			break
		}
		migrate := []string{"MIGRATE", "127.0.0.1", strconv.Itoa(to.port), "", "0", "5000", "AUTH2", user, password, "KEYS"}
		from.Command(append(migrate, strings.Split(keys, "\n")...)...)
	}
	for _, node := range []*Server{to, from} {
		node.Command("CLUSTER", "SETSLOT", slot, "NODE", toID)
	}
	c.Settle()
}

// Settle returns when all running nodes serve, agree on who owns which slots,
// and all running replicas are connected to their masters.
func (c *Cluster) Settle() {
	c.t.Helper()
	await(c.t, "the cluster to be ready", func() error {
		var agreed []string
		for _, node := range c.nodes {
			if !node.process.running() {
				continue
			}
			if err := node.serves(); err != nil {
				return err
			}
			view, err := node.view()
			if err != nil {
				return err
			}
			if agreed == nil {
				agreed = view
			}
			if !slices.Equal(view, agreed) {
				return fmt.Errorf("for %s the owners are %q, for others %q", node.Address(), view, agreed)
			}
		}
		return nil
	})
}

// running is a node that one can ask.
func (c *Cluster) running() *Server {
	c.t.Helper()
	for _, node := range c.nodes {
		if node.process.running() {
			return node
		}
	}
	c.t.Fatal("no node is running")
	return nil
}

// serves reports why a node does not serve as what it is.
func (s *Server) serves() error {
	text, err := s.Try("CLUSTER", "INFO")
	if err != nil {
		return err
	}
	if !strings.Contains(text, "cluster_state:ok") || !strings.Contains(text, "cluster_known_nodes:6") {
		return fmt.Errorf("at %s the cluster is not ready:\n%s", s.Address(), text)
	}
	self, err := s.self()
	if err != nil || self.master {
		return err
	}
	return s.follows()
}

// member is a line of what a node says of its cluster.
type member struct {
	id      string
	self    bool
	master  bool
	follows string // the master's id
	ranges  []string
}

func (m member) owns(slot int) bool {
	for _, text := range m.ranges {
		first, last, many := strings.Cut(text, "-")
		if !many {
			last = first
		}
		low, lowErr := strconv.Atoi(first)
		high, highErr := strconv.Atoi(last)
		if lowErr == nil && highErr == nil && low <= slot && slot <= high {
			return true
		}
	}
	return false
}

func (s *Server) members() ([]member, error) {
	text, err := s.Try("CLUSTER", "NODES")
	if err != nil {
		return nil, err
	}
	var all []member
	for line := range strings.Lines(text) {
		// id address flags master ping pong epoch link slots…
		words := strings.Fields(line)
		if len(words) < 8 {
			return nil, fmt.Errorf("reading what %s says of its cluster: %q", s.Address(), line)
		}
		flags := strings.Split(words[2], ",")
		all = append(all, member{
			id:      words[0],
			self:    slices.Contains(flags, "myself"),
			master:  slices.Contains(flags, "master"),
			follows: words[3],
			ranges:  words[8:],
		})
	}
	return all, nil
}

// self is what a node says of itself.
func (s *Server) self() (member, error) {
	all, err := s.members()
	if err != nil {
		return member{}, err
	}
	i := slices.IndexFunc(all, func(m member) bool { return m.self })
	if i < 0 {
		return member{}, fmt.Errorf("%s does not know itself", s.Address())
	}
	return all[i], nil
}

// view is who owns which slots and who follows whom for a node.
func (s *Server) view() ([]string, error) {
	all, err := s.members()
	if err != nil {
		return nil, err
	}
	var view []string
	for _, m := range all {
		view = append(view, fmt.Sprint(m.id, m.master, m.follows, m.ranges))
	}
	slices.Sort(view)
	return view, nil
}
