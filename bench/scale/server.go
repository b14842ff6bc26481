package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/caddy-experiments/caddy-experiments/bench/stored"
	"github.com/caddy-experiments/caddy-experiments/store/redis"
)

// server is a Redis that was started for a measurement.
type server struct {
	url     string
	client  *goredis.Client
	process *exec.Cmd
}

// startServer starts one that writes its append-only file to disk every second,
// as one that keeps configuration does.
func startServer(ctx context.Context, dir string) (*server, error) {
	redis.LogTo(func(string) {}) // what matters comes back as an error
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := free.Addr().String()
	_, port, _ := net.SplitHostPort(address) // it is an address
	free.Close()
	s := &server{url: "redis://" + address + "/0", client: goredis.NewClient(&goredis.Options{Addr: address})}
	s.process = exec.Command("redis-server", "--bind", "127.0.0.1", "--port", port, "--dir", dir, "--logfile", "log",
		"--save", "", "--appendonly", "yes", "--appendfsync", "everysec")
	s.process.Env = append(os.Environ(), "LC_ALL=C") // it does not start in a locale that is not installed
	if err := s.process.Start(); err != nil {
		return nil, fmt.Errorf("starting redis-server: %w", err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		err := s.client.Ping(ctx).Err()
		if err == nil {
			return s, nil
		}
		if time.Now().After(deadline) {
			s.close()
			return nil, fmt.Errorf("waiting for redis: %w", err)
		}
	}
}

// open makes a store on this Redis, with connections of its own. It keeps what
// was in force in a directory; empty: it does not.
func (s *server) open(dir string) (*redis.Store, error) {
	options := redis.Options{Prefix: "scale", LastKnownGood: dir, Sealer: stored.Signature{}}
	if err := options.SetURLs([]string{s.url}); err != nil {
		return nil, err
	}
	return redis.New(options)
}

// processorTime is what Redis has used so far, in seconds.
func (s *server) processorTime(ctx context.Context) float64 {
	return s.info(ctx, "cpu", "used_cpu_user:") + s.info(ctx, "cpu", "used_cpu_sys:")
}

// connections is how many clients Redis has.
func (s *server) connections(ctx context.Context) int {
	return int(s.info(ctx, "clients", "connected_clients:"))
}

// info gives a figure that Redis tells of itself, 0 if it does not.
func (s *server) info(ctx context.Context, section, name string) float64 {
	text, err := s.client.Info(ctx, section).Result()
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(text, "\n"+name)
	value, _, _ := strings.Cut(rest, "\r\n")
	figure, _ := strconv.ParseFloat(value, 64) // it is one, or absent
	return figure
}

func (s *server) close() {
	_ = s.client.Close()
	_ = s.process.Process.Kill() // fails only where it has ended
	_ = s.process.Wait()         // that it was killed is no news
}
