package redis

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/redis/go-redis/v9"
)

// SetURLs takes addresses, credentials, database and encryption from URLs of the
// forms
//
//	redis://[[<user>]:<password>@]<host>[:<port>][/<database>]
//	rediss://… with TLS
//	unix://[[<user>]:<password>@]<path>[?db=<database>]
//
// What several URLs say besides their addresses must be the same. No error has
// any part of a URL in it, since there may be a password.
func (o *Options) SetURLs(urls []string) error {
	for i, text := range urls {
		parsed, err := parseURL(text)
		if err != nil {
			return fmt.Errorf("url %d: %w", i+1, err)
		}
		if i == 0 {
			o.Username, o.Password, o.Database, o.TLS = parsed.Username, parsed.Password, parsed.DB, parsed.TLSConfig
		} else if o.Username != parsed.Username || o.Password != parsed.Password || o.Database != parsed.DB || (o.TLS == nil) != (parsed.TLSConfig == nil) {
			return fmt.Errorf("url %d: differs from the first in more than its address; write the same scheme, user, password and database in all", i+1)
		}
		o.Addresses = append(o.Addresses, parsed.Addr)
	}
	if len(urls) > 1 && o.TLS != nil {
		o.TLS.ServerName = "" // the library takes that of each address
	}
	return nil
}

var errURL = errors.New("is no URL of a Redis server; write for example: redis://127.0.0.1:6379/0")

func parseURL(text string) (*redis.Options, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, errURL
	}
	if u.Scheme != "unix" && u.RawQuery != "" {
		return nil, errors.New("has a query; options are set in the block of the store")
	}
	if u.Scheme != "unix" && u.Host == "" || u.Fragment != "" {
		return nil, errURL
	}
	parsed, err := redis.ParseURL(text)
	if err != nil {
		return nil, errURL
	}
	return parsed, nil
}
