package caddymodule_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-experiments/caddy-experiments/store"
	redisstore "github.com/caddy-experiments/caddy-experiments/store/redis"
	"github.com/caddy-experiments/caddy-experiments/store/redis/redistest"
)

// systemd reads the unit without a fault, and rates what it leaves open as
// little: 10 is a service that may do anything.
func TestUnitIsValid(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is missing; install the package systemd")
	}
	// The binary does not have to be installed here.
	unit := strings.ReplaceAll(operationsFile(t, "caddy-experiments.service"), "/usr/local/bin/caddy", "/bin/true")
	path := filepath.Join(t.TempDir(), "caddy-experiments.service")
	if err := os.WriteFile(path, []byte(unit), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(analyze, "verify", path).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("verifying the unit: %v\n%.2000s", err, out)
	}
	out, err := exec.Command(analyze, "security", "--offline=true", "--threshold=20", path).CombinedOutput()
	if strings.Contains(string(out), "unrecognized option") {
		t.Skip("this systemd-analyze cannot rate a unit that is not installed")
	}
	if err != nil {
		t.Errorf("the unit leaves too much open: %v\n%.5000s", err, out)
	}
}

// The binary that the Dockerfile makes is the one that xcaddy.sh makes: with the
// same parts of Caddy left out, and for the Go that go.mod wants.
func TestDockerfileBuildsTheSame(t *testing.T) {
	dockerfile := operationsFile(t, "Dockerfile")
	for file, words := range map[string][]string{
		"../xcaddy.sh": {"nobadger,nomysql,nopgx", "-trimpath"},
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range words {
			if !strings.Contains(string(text), word) || !strings.Contains(dockerfile, word) {
				t.Errorf("%s and the Dockerfile differ in %s", file, word)
			}
		}
	}
	module, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	_, version, _ := strings.Cut(string(module), "\ngo ")
	major, rest, _ := strings.Cut(strings.Fields(version)[0], ".")
	minor, _, _ := strings.Cut(rest, ".")
	if !strings.Contains(dockerfile, "FROM golang:"+major+"."+minor+"-") {
		t.Errorf("go.mod wants Go %s.%s, the Dockerfile has another", major, minor)
	}
	if !strings.Contains(dockerfile, "\nUSER 65532:65532\n") {
		t.Error("the image does not say that it runs without root")
	}
}

// The users of the sample are those that the documentation explains; an edge's
// can change nothing, and nobody gets in without a password.
func TestRedisUsers(t *testing.T) {
	page, err := os.ReadFile("../docs/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	var users []redistest.Option
	for line := range strings.Lines(operationsFile(t, "redis-users.acl")) {
		users = append(users, redistest.User(strings.TrimPrefix(strings.TrimSpace(line), "user ")))
		if user, rights, ok := strings.Cut(line, " resetkeys "); ok && !strings.Contains(string(page), " resetkeys "+rights) {
			t.Errorf("%s has other rights in docs/redis.md", strings.Fields(user)[1])
		}
	}
	server := redistest.Start(t, users...)
	client := func(user, password string) *redis.Client {
		c := redis.NewClient(&redis.Options{Addr: server.Address(), Username: user, Password: password, MaxRetries: -1})
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	if err := client("", "").Ping(t.Context()).Err(); err == nil {
		t.Error("the server talks to everybody")
	}
	manager := client("manager", "change-this-password-of-managers")
	if err := manager.Set(t.Context(), "{experiments}:state", "1", 0).Err(); err != nil {
		t.Errorf("the manager cannot write: %v", err)
	}
	edge := client("edge", "change-this-password-of-edges")
	if got, err := edge.Get(t.Context(), "{experiments}:state").Result(); got != "1" {
		t.Errorf("an edge reads %q: %v", got, err)
	}
	const key, other, queue = "{experiments}:state", "{other}:state", "{experiments}:events"
	forbidden := [][]any{
		{"set", key, "2"}, {"del", key}, {"unlink", key}, {"expire", key, "1"}, {"rename", key, "{experiments}:x"}, {"append", key, "2"},
		{"hset", "{experiments}:heads", "a", "1"}, {"hdel", "{experiments}:heads", "a"}, {"xadd", "{experiments}:changes", "*", "a", "1"},
		{"xtrim", "{experiments}:changes", "maxlen", "0"}, {"restore", key, "0", "x"}, {"copy", key, "{experiments}:x"}, {"persist", key},
		{"eval", "return redis.call('set', KEYS[1], '2')", "1", key}, {"function", "load", "x"}, {"publish", "x", "y"},
		{"flushall"}, {"flushdb"}, {"swapdb", "0", "1"}, {"move", key, "1"}, {"config", "get", "*"}, {"config", "set", "dir", "/tmp"},
		{"acl", "list"}, {"acl", "setuser", "edge", "+@all"}, {"shutdown", "nosave"}, {"replicaof", "127.0.0.1", "1"},
		{"keys", "*"}, {"scan", "0"}, {"monitor"}, {"save"}, {"module", "list"}, {"get", other}, {"set", other, "2"}, {"multi"},
		{"del", queue}, {"xtrim", queue, "maxlen", "0"}, {"hset", queue + ":confirmed", "sender", "1"}, {"xadd", "{other}:events", "*", "m", "1"},
		{"xdel", "{experiments}:changes", "1-1"}, {"hdel", "{experiments}:heads", "a"}, {"hget", "{experiments}:heads", "a"},
	}
	for _, command := range forbidden {
		if err := edge.Do(t.Context(), command...).Err(); err == nil || !strings.Contains(err.Error(), "NOPERM") {
			t.Errorf("an edge that tries %s %s is told %v", command[0], command[1:min(2, len(command))], err)
		}
	}
	for _, command := range []string{"'set', '" + key + "', '2'", "'xadd', '{experiments}:changes', '*', 'a', '1'", "'get', '" + other + "'"} {
		if err := edge.Eval(t.Context(), "return redis.call("+command+")", []string{queue}).Err(); err == nil {
			t.Errorf("an edge can have a script do %s", command)
		}
	}
	if err := manager.Get(t.Context(), other).Err(); err == nil || !strings.Contains(err.Error(), "NOPERM") {
		t.Errorf("a manager that reads another application's key is told %v", err)
	}
}

// The users can do all that it takes to send events and to receive them.
func TestRedisUsersCarryEvents(t *testing.T) {
	var users []redistest.Option
	passwords := map[string]string{}
	for line := range strings.Lines(operationsFile(t, "redis-users.acl")) {
		users = append(users, redistest.User(strings.TrimPrefix(strings.TrimSpace(line), "user ")))
		if words := strings.Fields(line); words[2] == "on" {
			passwords[words[1]] = strings.TrimPrefix(words[3], ">")
		}
	}
	server := redistest.Start(t, users...)
	queue := func(user string) *redisstore.Queue {
		s, err := redisstore.New(redisstore.Options{Addresses: []string{server.Address()}, Username: user, Password: passwords[user], Sealer: noSealer{}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s.Queue()
	}
	for sender, receiver := range map[string]string{"edge": "node", "manager": "manager"} {
		from, to := queue(sender), queue(receiver)
		ids, err := from.Add(t.Context(), []byte("first"), []byte("second"))
		if err != nil || len(ids) != 2 {
			t.Fatalf("the %s adds %v: %v", sender, ids, err)
		}
		messages, err := to.Read(t.Context(), 10, time.Millisecond)
		if err != nil || len(messages) != 2 || string(messages[1].Body) != "second" {
			t.Errorf("the %s reads %v: %v", receiver, messages, err)
		}
		if err := to.Confirm(t.Context(), "somebody", 7); err != nil {
			t.Error(err)
		}
		if err := to.Delete(t.Context(), ids[0]); err != nil {
			t.Error(err)
		}
		if missing, err := from.Missing(t.Context(), ids...); err != nil || missing != 1 {
			t.Errorf("the %s misses %d: %v", sender, missing, err)
		}
		if err := from.Delete(t.Context(), ids...); err != nil {
			t.Error(err)
		}
		for user, q := range map[string]*redisstore.Queue{sender: from, receiver: to} {
			if seq, ok, err := q.Confirmed(t.Context(), "somebody"); err != nil || !ok || seq != 7 {
				t.Errorf("for the %s %d is confirmed, %t: %v", user, seq, ok, err)
			}
			if _, err := server.Try("HSET", "{experiments}:events:confirmed", "somebody else", "forged"); err != nil {
				t.Fatal(err)
			}
			if _, ok, err := q.Confirmed(t.Context(), "somebody else"); err != nil || ok {
				t.Errorf("for the %s what is forged is confirmed, %t: %v", user, ok, err)
			}
		}
		if _, err := server.Try("DEL", "{experiments}:events:confirmed"); err != nil {
			t.Fatal(err)
		}
	}
}

// noSealer takes one text for a signature.
type noSealer struct{}

func (noSealer) Seal([]byte) (keyID, signature string) { return "key", "seal" }

func (noSealer) Verify(keyID, signature string, _ []byte) error {
	if keyID != "key" || signature != "seal" {
		return store.ErrBadSignature
	}
	return nil
}
