package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/caddy-experiments/caddy-experiments/bench/stored"
	"github.com/caddy-experiments/caddy-experiments/store/redis"
)

// startPatience is how long Redis may take until it answers.
const startPatience = 10 * time.Second

// server is the Redis that is measured on.
type server struct {
	url     string
	prefix  string // of the keys of this run
	version string

	client  *goredis.Client
	process *exec.Cmd // nil for one that was there before
	ended   chan struct{}
}

// connect uses the Redis at a URL, or starts one if that is empty.
func connect(ctx context.Context, url, dir string) (*server, error) {
	redis.LogTo(func(string) {}) // what matters comes back as an error
	s := &server{url: url, prefix: fmt.Sprintf("bench.%d", time.Now().UnixNano())}
	if url == "" {
		if err := s.start(filepath.Join(dir, "redis")); err != nil {
			return nil, fmt.Errorf("starting redis-server: %w", err)
		}
	}
	options, err := goredis.ParseURL(s.url)
	if err != nil {
		s.close()
		return nil, errors.New("-redis: is no URL of a Redis server") // the URL may have a password
	}
	s.client = goredis.NewClient(options)
	if err := s.await(ctx); err != nil {
		s.close()
		return nil, fmt.Errorf("waiting for redis: %w", err)
	}
	return s, nil
}

// start starts a server that writes its append-only file to disk every second,
// as one that keeps configuration does.
func (s *server) start(dir string) error {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return fmt.Errorf("it is not on the PATH; install it, or give the URL of one with -redis: %w", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(free.Addr().String()) // it is an address
	free.Close()
	s.process = exec.Command(program, "--bind", "127.0.0.1", "--port", port, "--dir", dir, "--logfile", "log",
		"--save", "", "--appendonly", "yes", "--appendfsync", "everysec")
	s.process.Env = append(os.Environ(), "LC_ALL=C") // it does not start in a locale that is not installed
	if err := s.process.Start(); err != nil {
		s.process = nil
		return err
	}
	s.url, s.ended = "redis://127.0.0.1:"+port+"/0", make(chan struct{})
	go func() {
		_ = s.process.Wait() // that it was killed is no news
		close(s.ended)
	}()
	return nil
}

// await returns when Redis has answered who it is.
func (s *server) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		text, err := s.client.Info(ctx, "server").Result()
		if err == nil {
			_, rest, _ := strings.Cut(text, "redis_version:")
			s.version, _, _ = strings.Cut(rest, "\r\n")
			return nil
		}
		select {
		case <-s.ended: // nil, and so never, for one that was there before
			log, _ := os.ReadFile(filepath.Join(s.process.Args[6], "log"))
			return fmt.Errorf("it has ended:\n%s", bytes.TrimSpace(log))
		case <-ctx.Done():
			return err
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// open makes a store on this Redis, with connections of its own. It keeps what
// was in force in a directory; empty: it does not.
func (s *server) open(dir string) (*redis.Store, error) {
	options := redis.Options{Prefix: s.prefix, LastKnownGood: dir, Sealer: stored.Signature{}}
	if err := options.SetURLs([]string{s.url}); err != nil {
		return nil, err
	}
	return redis.New(options)
}

// clear removes what a measurement has written.
func (s *server) clear(ctx context.Context) error {
	keys, err := s.client.Keys(ctx, "{"+s.prefix+"}:*").Result()
	if err != nil || len(keys) == 0 {
		return err
	}
	return s.client.Del(ctx, keys...).Err()
}

// close ends a server that was started, and leaves any other as it was.
func (s *server) close() {
	if s.client != nil {
		if s.process == nil {
			_ = s.clear(context.Background()) // nothing reads it any more
		}
		_ = s.client.Close()
	}
	if s.process != nil {
		_ = s.process.Process.Kill() // fails only where it has ended
		<-s.ended
	}
}
