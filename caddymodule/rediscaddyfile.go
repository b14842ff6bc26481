package caddymodule

import (
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-experiments/caddy-experiments/store/redis"
)

// UnmarshalCaddyfile reads
//
//	store redis [<url>...] {
//		sentinel        <master> [[<username>] <password>]
//		cluster
//		prefix          <prefix>
//		last_known_good <directory>|off
//		timeout         <duration>
//		tls {
//			ca          <file>
//			certificate <file> <key file>
//			server_name <name>
//		}
//		accept_unsigned
//	}
func (s *RedisStore) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the module's name
	s.URLs = d.RemainingArgs()
	if !slices.ContainsFunc(s.URLs, func(url string) bool { return strings.Contains(url, "{") }) { // else they are checked at the start
		if err := new(redis.Options).SetURLs(s.URLs); err != nil {
			return d.Errf("store redis: %v", err)
		}
	}
	given := map[string]bool{}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		option := d.Val()
		if given[option] {
			return d.Errf("store redis: %s is given twice", option)
		}
		given[option] = true
		if err := s.readOption(d, option); err != nil {
			return err
		}
	}
	return nil
}

func (s *RedisStore) readOption(d *caddyfile.Dispenser, option string) error {
	arguments := d.RemainingArgs()
	one := func(target *string, example string) error {
		if len(arguments) != 1 {
			return d.Errf("store redis: %s takes one argument, got %d; write for example: %s %s", option, len(arguments), option, example)
		}
		*target = arguments[0]
		return nil
	}
	none := func(target *bool) error {
		if len(arguments) != 0 {
			return d.Errf("store redis: %s takes no argument, got %q", option, arguments[0])
		}
		*target = true
		return nil
	}
	switch option {
	case "prefix":
		return one(&s.Prefix, "experiments")
	case "last_known_good":
		return one(&s.LastKnownGood, defaultLastKnownGood)
	case "cluster":
		return none(&s.Cluster)
	case "accept_unsigned":
		return none(&s.AcceptUnsigned)
	case "timeout":
		var text string
		if err := one(&text, "1s"); err != nil {
			return err
		}
		timeout, err := caddy.ParseDuration(text)
		if err != nil {
			return d.Errf("store redis: timeout %q is no duration; write for example: timeout 1s", text)
		}
		s.Timeout = caddy.Duration(timeout)
	case "sentinel":
		s.Sentinel = &RedisSentinel{}
		switch len(arguments) {
		case 3:
			s.Sentinel.Username = arguments[1]
			fallthrough
		case 2:
			s.Sentinel.Password = arguments[len(arguments)-1]
			fallthrough
		case 1:
			s.Sentinel.Master = arguments[0]
		default:
			return d.Err("store redis: sentinel takes the master's name, and the sentinels' user and password if they have any; write for example: sentinel mymaster")
		}
	case "tls":
		if len(arguments) != 0 {
			return d.Errf("store redis: tls takes a block, got %q", arguments[0])
		}
		return s.readTLS(d)
	default:
		return d.Errf("store redis: there is no option %q; the options are sentinel, cluster, prefix, last_known_good, timeout, tls and accept_unsigned", option)
	}
	return nil
}

func (s *RedisStore) readTLS(d *caddyfile.Dispenser) error {
	s.TLS = &RedisTLS{}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		option := d.Val()
		switch {
		case option == "ca" && d.AllArgs(&s.TLS.CA):
		case option == "certificate" && d.AllArgs(&s.TLS.Certificate, &s.TLS.Key):
		case option == "server_name" && d.AllArgs(&s.TLS.ServerName):
		default:
			return d.Errf("store redis: tls has the options ca <file>, certificate <file> <key file> and server_name <name>, got %q with %d arguments", option, len(d.RemainingArgs()))
		}
	}
	return nil
}

// Interface guard
var _ caddyfile.Unmarshaler = (*RedisStore)(nil)
