package redis

import (
	"crypto/tls"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/caddy-experiments/caddy-experiments/store"
)

// Options say where Redis is and how far it is trusted.
type Options struct {
	// Addresses as host:port, or one path of a socket: of the server, of the
	// sentinels, or of some of a cluster's nodes.
	Addresses []string
	// Master is the name that sentinels know the master by. Empty: no sentinels.
	Master string
	// Cluster says that the addresses are nodes of a cluster.
	Cluster bool

	// Username and Password of the servers, empty for none; those of the
	// sentinels are their own.
	Username, Password                 string
	SentinelUsername, SentinelPassword string
	// Database number. A cluster has only 0.
	Database int
	// TLS is nil for a connection in the clear.
	TLS *tls.Config

	// Prefix of all keys: 1 to 64 letters, digits, '.', '_', ':' and '-'.
	// Default: DefaultPrefix.
	Prefix string
	// LastKnownGood is the directory for documents that were in force. Empty:
	// none are kept.
	LastKnownGood string
	// MaxDocumentSize in bytes. Default: store.DefaultMaxDocumentSize.
	MaxDocumentSize int64
	// Timeout is how long an answer is waited for. Default: DefaultTimeout.
	Timeout time.Duration

	// Sealer signs what is written and checks what is read.
	Sealer store.Sealer
	// AcceptUnsigned lets documents without a signature in. A wrong one is
	// refused all the same.
	AcceptUnsigned bool
}

// The defaults.
const (
	DefaultPrefix  = "experiments"
	DefaultTimeout = time.Second
)

var prefixForm = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)

func (o *Options) complete() error {
	if o.Prefix == "" {
		o.Prefix = DefaultPrefix
	}
	if o.MaxDocumentSize == 0 {
		o.MaxDocumentSize = store.DefaultMaxDocumentSize
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	switch {
	case len(o.Addresses) == 0:
		return errors.New("address: there is none")
	case o.Master == "" && !o.Cluster && len(o.Addresses) > 1:
		return errors.New("address: several need the option sentinel or cluster, to say what they are")
	case o.Master != "" && o.Cluster:
		return errors.New("cluster: a cluster needs no sentinels; use one of the two")
	case o.Cluster && o.Database != 0:
		return fmt.Errorf("database: a cluster has only database 0, got %d", o.Database)
	case !prefixForm.MatchString(o.Prefix):
		return fmt.Errorf("prefix: %q must be 1 to 64 letters, digits, '.', '_', ':' or '-'", o.Prefix)
	case o.Timeout < 50*time.Millisecond || o.Timeout > 30*time.Second:
		return fmt.Errorf("timeout: must be from 50ms to 30s, got %s", o.Timeout)
	case o.Sealer == nil:
		return errors.New("sealer: there is none")
	}
	return nil
}

// client makes the client, which connects when it is first used.
//
// What differs from the library's defaults was measured: it retries so often
// and so slowly that an outage is noticed after tens of seconds, it learns of a
// cluster's new owners once a minute, and it ignores deadlines.
func (o *Options) client() redis.UniversalClient {
	const (
		protocol       = 3
		retries        = 1
		dials          = 1
		retryPause     = 20 * time.Millisecond
		slotsInterval  = time.Second
		failingSeconds = 1
	)
	// Messages of one vendor's service, which the failover client never asks for.
	quiet := &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	dial, dialer := o.dialTimeout(), o.dialer()
	addresses := slices.Clone(o.Addresses) // the cluster client appends to what it is given
	switch {
	case o.Cluster:
		return redis.NewClusterClient(&redis.ClusterOptions{
			Addrs: addresses, Username: o.Username, Password: o.Password, TLSConfig: o.TLS, Dialer: dialer,
			Protocol: protocol, DialerRetries: dials, DialTimeout: dial,
			MinRetryBackoff: retryPause, MaxRetryBackoff: retryPause,
			ReadTimeout: o.Timeout, WriteTimeout: o.Timeout, ContextTimeoutEnabled: true,
			ClusterStateReloadInterval: slotsInterval, FailingTimeoutSeconds: failingSeconds,
			MaintNotificationsConfig: quiet, DisableIdentity: true,
		})
	case o.Master != "":
		return redis.NewFailoverClient(&redis.FailoverOptions{
			SentinelAddrs: addresses, MasterName: o.Master, DB: o.Database,
			Username: o.Username, Password: o.Password, TLSConfig: o.TLS, Dialer: dialer,
			SentinelUsername: o.SentinelUsername, SentinelPassword: o.SentinelPassword,
			Protocol: protocol, MaxRetries: retries, DialerRetries: dials, DialTimeout: dial,
			MinRetryBackoff: retryPause, MaxRetryBackoff: retryPause,
			ReadTimeout: o.Timeout, WriteTimeout: o.Timeout, ContextTimeoutEnabled: true,
			DisableIdentity: true,
		})
	}
	network := "tcp"
	if o.Addresses[0][0] == '/' {
		network = "unix"
	}
	return redis.NewClient(&redis.Options{
		Network: network, Addr: o.Addresses[0], DB: o.Database,
		Username: o.Username, Password: o.Password, TLSConfig: o.TLS, Dialer: dialer,
		Protocol: protocol, MaxRetries: retries, DialerRetries: dials, DialTimeout: dial,
		MinRetryBackoff: retryPause, MaxRetryBackoff: retryPause,
		ReadTimeout: o.Timeout, WriteTimeout: o.Timeout, ContextTimeoutEnabled: true,
		MaintNotificationsConfig: quiet, DisableIdentity: true,
	})
}

func (o *Options) dialTimeout() time.Duration { return min(o.Timeout, 500*time.Millisecond) }
