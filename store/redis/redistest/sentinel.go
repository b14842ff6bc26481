package redistest

import (
	"errors"
	"fmt"
	"testing"
)

// Sentinels are a master and its replica, watched by three sentinels that
// promote the replica soon after the master's end.
type Sentinels struct {
	t         testing.TB
	sentinels []*Server
	servers   []*Server
}

// StartSentinels starts them, the servers with the options, and returns when all
// know each other. A short test is skipped.
func StartSentinels(t testing.TB, options ...Option) *Sentinels {
	t.Helper()
	skipShort(t)
	s := &Sentinels{t: t}
	options = append(options[:len(options):len(options)], asReplica)
	master := Start(t, options...)
	s.servers = []*Server{master, Start(t, append(options, Directive(fmt.Sprintf("replicaof 127.0.0.1 %d", master.port)))...)}
	await(t, "the replica to be connected", s.servers[1].follows)
	for range 3 {
		watcher := start(t, sentinel,
			Directive(fmt.Sprintf("sentinel monitor %s 127.0.0.1 %d 2", s.MasterName(), master.port)),
			Directive(fmt.Sprintf("sentinel down-after-milliseconds %s 500", s.MasterName())),
			Directive(fmt.Sprintf("sentinel failover-timeout %s 2000", s.MasterName())),
			Directive(fmt.Sprintf("sentinel auth-user %s %s", s.MasterName(), user)),
			Directive(fmt.Sprintf("sentinel auth-pass %s %s", s.MasterName(), password)),
		)
		// By default they tell of each other every two seconds, ask for replicas every
		// ten, try to connect every second, by when they already have given up a
		// master that they have just promoted, and do nothing for half a minute when
		// they got no processor for two seconds.
		watcher.Command("SENTINEL", "DEBUG", "publish-period", "100", "info-period", "1000", "ping-period", "300", "tilt-trigger", "20000")
		s.sentinels = append(s.sentinels, watcher)
	}
	s.Settle()
	return s
}

// asReplica lets a server log in at its master, once it has one, whatever the
// options demand.
func asReplica(s *Server) {
	s.directives = append(s.directives, "masteruser "+user, "masterauth "+password)
}

// MasterName is what the sentinels call the master.
func (s *Sentinels) MasterName() string { return "experiments" }

// Addresses are those of the sentinels.
func (s *Sentinels) Addresses() []string { return addresses(s.sentinels) }

// Sentinels are the sentinels themselves.
func (s *Sentinels) Sentinels() []*Server { return s.sentinels }

// Master is the server that the sentinels call so now, also while it is dead
// and they have not promoted the other one yet.
func (s *Sentinels) Master() *Server {
	s.t.Helper()
	var all error
	for _, sentinel := range s.sentinels {
		for _, server := range s.servers {
			err := s.believes(sentinel, server)
			if err == nil {
				return server
			}
			all = errors.Join(all, err)
		}
	}
	s.t.Fatalf("asking the sentinels for the master: %v", all)
	return nil
}

// Replica is the server that is not the Master.
func (s *Sentinels) Replica() *Server {
	s.t.Helper()
	return s.other(s.Master())
}

func (s *Sentinels) other(server *Server) *Server {
	if server == s.servers[0] {
		return s.servers[1]
	}
	return s.servers[0]
}

// HoldReplica suspends the replica and cuts its connection: what the master
// acknowledges from now on is lost by FailOver.
func (s *Sentinels) HoldReplica() {
	s.t.Helper()
	master := s.Master()
	s.other(master).Pause()
	// What is sent on an open connection would wait in it.
	master.Command("CLIENT", "KILL", "TYPE", "replica")
	await(s.t, "the replica to be disconnected", func() error { return master.says("replication", "connected_slaves", "0") })
}

// FailOver kills the master, lets a held replica continue, and returns when it
// is promoted and all running sentinels know. It gives the new master.
func (s *Sentinels) FailOver() *Server {
	s.t.Helper()
	old := s.Master()
	promoted := s.other(old)
	old.Kill()
	promoted.Continue()
	await(s.t, "the replica to be promoted", func() error {
		if err := promoted.says("replication", "role", "master"); err != nil {
			return err
		}
		for _, sentinel := range s.sentinels {
			if !sentinel.process.running() {
				continue
			}
			if err := s.believes(sentinel, promoted); err != nil {
				return err
			}
		}
		return nil
	})
	return promoted
}

// Settle returns when the replica follows the master and all sentinels know
// both and each other, as after the Restart of a former master.
func (s *Sentinels) Settle() {
	s.t.Helper()
	await(s.t, "the sentinels to agree", func() error {
		for _, sentinel := range s.sentinels {
			state, err := sentinel.Try("SENTINEL", "MASTER", s.MasterName())
			if err != nil {
				return err
			}
			for field, want := range map[string]string{"flags": "master", "num-slaves": "1", "num-other-sentinels": "2"} {
				if got := pair(state, field); got != want {
					return fmt.Errorf("at %s the master's %s is %q", sentinel.Address(), field, got)
				}
			}
			if state, err = sentinel.Try("SENTINEL", "REPLICAS", s.MasterName()); err != nil {
				return err
			}
			for field, want := range map[string]string{"flags": "slave", "master-link-status": "ok"} {
				if got := pair(state, field); got != want {
					return fmt.Errorf("at %s the replica's %s is %q", sentinel.Address(), field, got)
				}
			}
			if _, err := sentinel.Try("SENTINEL", "CKQUORUM", s.MasterName()); err != nil {
				return err
			}
		}
		return s.Replica().follows()
	})
}

// believes reports why a server is not the master for a sentinel.
func (s *Sentinels) believes(sentinel, server *Server) error {
	got, err := sentinel.Try("SENTINEL", "GET-MASTER-ADDR-BY-NAME", s.MasterName())
	if err != nil {
		return err
	}
	if want := fmt.Sprintf("127.0.0.1\n%d", server.port); got != want {
		return fmt.Errorf("for %s the master is %q, not %q", sentinel.Address(), got, want)
	}
	return nil
}
