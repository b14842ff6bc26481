package caddymodule

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/caddy-experiments/caddy-experiments/store"
	"github.com/caddy-experiments/caddy-experiments/store/redis"
)

func init() {
	caddy.RegisterModule(RedisStore{})
}

// RedisStore keeps the configuration in Redis: a change that is made anywhere is
// in force on every edge within milliseconds. Each edge also keeps what was in
// force on its own disk, and starts from there while Redis is away.
//
// In all texts placeholders such as {env.REDIS_URL} are replaced.
type RedisStore struct {
	// URLs of the server, of the sentinels, or of some of a cluster's nodes:
	// redis://user:password@host:6379/0, rediss://… with TLS, unix:///path.
	// Default: redis://127.0.0.1:6379/0.
	URLs []string `json:"urls,omitempty"`

	// Sentinel says that the URLs are those of sentinels, and what they watch.
	// User, password and database of the URLs are the servers'.
	Sentinel *RedisSentinel `json:"sentinel,omitempty"`

	// Cluster says that the URLs are those of a cluster's nodes.
	Cluster bool `json:"cluster,omitempty"`

	// Prefix of all keys. Default: experiments.
	Prefix string `json:"prefix,omitempty"`

	// LastKnownGood is this edge's own directory for the documents that were in
	// force; off keeps none. Default: ./last-known-good.
	LastKnownGood string `json:"last_known_good,omitempty"`

	// Timeout is how long an answer of Redis is waited for. Default: 1s.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	// TLS refines the encryption of rediss URLs.
	TLS *RedisTLS `json:"tls,omitempty"`

	// AcceptUnsigned lets documents in that nobody has signed. Default: false.
	AcceptUnsigned bool `json:"accept_unsigned,omitempty"`

	options redis.Options
}

// RedisSentinel is what sentinels watch.
type RedisSentinel struct {
	// Master is the name they know it by.
	Master string `json:"master"`
	// Username and Password of the sentinels themselves. Default: none.
	Username string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`
}

// RedisTLS refines the encryption.
type RedisTLS struct {
	// CA is a file with the certificates of the authorities that are trusted.
	// Default: those of the system.
	CA string `json:"ca,omitempty"`
	// Certificate and Key are the files that this edge shows itself by.
	Certificate string `json:"certificate,omitempty"`
	Key         string `json:"key,omitempty"`
	// ServerName is the name in the server's certificate. Default: the host.
	ServerName string `json:"server_name,omitempty"`
}

const (
	defaultRedisURL      = "redis://127.0.0.1:6379/0"
	defaultLastKnownGood = "./last-known-good"
	lastKnownGoodOff     = "off"
)

// CaddyModule returns the Caddy module information.
func (RedisStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "experiments.stores.redis", New: func() caddy.Module { return new(RedisStore) }}
}

// Provision checks the settings. It does not connect.
func (s *RedisStore) Provision(ctx caddy.Context) error {
	if err := s.provision(ctx); err != nil {
		return fmt.Errorf("store redis: %w", err)
	}
	return nil
}

func (s *RedisStore) provision(ctx caddy.Context) error {
	if len(s.URLs) == 0 {
		s.URLs = []string{defaultRedisURL}
	}
	if s.LastKnownGood == "" {
		s.LastKnownGood = defaultLastKnownGood
	}
	s.replace()
	if s.LastKnownGood == "" {
		return fmt.Errorf("last_known_good: is empty; set what it refers to, or write for example: last_known_good %s", defaultLastKnownGood)
	}
	s.options = redis.Options{
		Cluster: s.Cluster, Prefix: s.Prefix, Timeout: time.Duration(s.Timeout), AcceptUnsigned: s.AcceptUnsigned,
	}
	if s.LastKnownGood != lastKnownGoodOff {
		s.LastKnownGood = filepath.Clean(s.LastKnownGood)
		s.options.LastKnownGood = s.LastKnownGood
	}
	if s.Sentinel != nil {
		if s.Sentinel.Master == "" {
			return errors.New("sentinel: names no master; write for example: sentinel mymaster")
		}
		s.options.Master, s.options.SentinelUsername, s.options.SentinelPassword = s.Sentinel.Master, s.Sentinel.Username, s.Sentinel.Password
	}
	if err := s.options.SetURLs(s.URLs); err != nil {
		return err
	}
	if err := s.provisionTLS(); err != nil {
		return fmt.Errorf("tls: %w", err)
	}
	redis.LogTo(func(message string) { caddy.Log().Named("experiments.redis").Debug(message) })
	s.warn(ctx.Logger())
	return nil
}

// replace replaces the placeholders.
func (s *RedisStore) replace() {
	replacer := caddy.NewReplacer()
	texts := []*string{&s.Prefix, &s.LastKnownGood}
	for i := range s.URLs {
		texts = append(texts, &s.URLs[i])
	}
	if s.Sentinel != nil {
		texts = append(texts, &s.Sentinel.Master, &s.Sentinel.Username, &s.Sentinel.Password)
	}
	if s.TLS != nil {
		texts = append(texts, &s.TLS.CA, &s.TLS.Certificate, &s.TLS.Key, &s.TLS.ServerName)
	}
	for _, text := range texts {
		*text = replacer.ReplaceAll(*text, "")
	}
}

func (s *RedisStore) provisionTLS() error {
	if s.TLS == nil {
		return nil
	}
	if s.options.TLS == nil {
		return errors.New("the URLs are not encrypted; write rediss:// instead of redis://")
	}
	if s.TLS.ServerName != "" {
		s.options.TLS.ServerName = s.TLS.ServerName
	}
	if s.TLS.CA != "" {
		text, err := os.ReadFile(s.TLS.CA)
		if err != nil {
			return fmt.Errorf("reading the authorities: %w", err)
		}
		s.options.TLS.RootCAs = x509.NewCertPool()
		if !s.options.TLS.RootCAs.AppendCertsFromPEM(text) {
			return fmt.Errorf("%s has no certificate in PEM form", s.TLS.CA)
		}
	}
	if s.TLS.Certificate != "" || s.TLS.Key != "" {
		certificate, err := tls.LoadX509KeyPair(s.TLS.Certificate, s.TLS.Key)
		if err != nil {
			return fmt.Errorf("loading certificate and key: %w", err)
		}
		s.options.TLS.Certificates = []tls.Certificate{certificate}
	}
	return nil
}

// warn names settings that are good for trying things out only.
func (s *RedisStore) warn(logger *zap.Logger) {
	if s.AcceptUnsigned {
		logger.Warn("accept_unsigned is set: whoever can write to redis can decide what the identity provider is told; sign with one signing_key instead")
	}
	for _, address := range s.options.Addresses {
		if s.options.TLS == nil && !isLocal(address) {
			logger.Warn("the connection to redis is not encrypted; write rediss:// instead of redis://", zap.String("address", address))
		}
	}
}

// isLocal reports whether an address is on this machine.
func isLocal(address string) bool {
	if strings.HasPrefix(address, "/") {
		return true
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// Open implements Source.
func (s *RedisStore) Open(settings StoreSettings) (store.Store, error) {
	options := s.options
	options.MaxDocumentSize, options.Sealer = settings.MaxDocumentSize, settings.Sealer
	return redis.New(options)
}

// Dir implements Source.
func (s *RedisStore) Dir() string {
	if s.options.LastKnownGood == "" {
		return defaultLastKnownGood
	}
	return s.options.LastKnownGood
}

// Interface guards
var (
	_ Source            = (*RedisStore)(nil)
	_ caddy.Provisioner = (*RedisStore)(nil)
)
