package redis

import (
	"strings"
	"testing"
)

func TestURLs(t *testing.T) {
	for _, test := range []struct {
		name string
		urls []string
		want Options
	}{
		{"plain", []string{"redis://10.0.0.1:6380/2"}, Options{Addresses: []string{"10.0.0.1:6380"}, Database: 2}},
		{"defaults", []string{"redis://redis.internal"}, Options{Addresses: []string{"redis.internal:6379"}}},
		{"password", []string{"redis://:s%40cret@h:1"}, Options{Addresses: []string{"h:1"}, Password: "s@cret"}},
		{"user", []string{"redis://u:p@h:1"}, Options{Addresses: []string{"h:1"}, Username: "u", Password: "p"}},
		{"socket", []string{"unix://u:p@/run/redis.sock?db=1"}, Options{Addresses: []string{"/run/redis.sock"}, Username: "u", Password: "p", Database: 1}},
		{"several", []string{"redis://u:p@a:1", "redis://u:p@b:2"}, Options{Addresses: []string{"a:1", "b:2"}, Username: "u", Password: "p"}},
		{"version 6", []string{"redis://[::1]:6379"}, Options{Addresses: []string{"[::1]:6379"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got Options
			if err := got.SetURLs(test.urls); err != nil {
				t.Fatal(err)
			}
			if strings.Join(got.Addresses, " ") != strings.Join(test.want.Addresses, " ") || got.Username != test.want.Username ||
				got.Password != test.want.Password || got.Database != test.want.Database || got.TLS != nil {
				t.Errorf("got %+v", got)
			}
		})
	}
	var encrypted Options
	if err := encrypted.SetURLs([]string{"rediss://h:1"}); err != nil || encrypted.TLS == nil || encrypted.TLS.InsecureSkipVerify {
		t.Errorf("rediss: %v, %+v", err, encrypted.TLS)
	}
}

func TestRefusedURLs(t *testing.T) {
	for _, test := range []struct {
		name   string
		urls   []string
		reason string
	}{
		{"empty", []string{""}, "url 1: is no URL"},
		{"address only", []string{"127.0.0.1:6379"}, "is no URL"},
		{"another scheme", []string{"http://secret@h"}, "is no URL"},
		{"no host", []string{"redis:///0"}, "is no URL"},
		{"database", []string{"redis://:secret@h/x"}, "is no URL"},
		{"query", []string{"redis://:secret@h?protocol=2"}, "options are set in the block"},
		{"broken", []string{"redis://:secret@h:%zz"}, "is no URL"},
		{"two passwords", []string{"redis://:secret@h", "redis://:secret2@h"}, "url 2: differs"},
		{"two schemes", []string{"redis://h", "rediss://h"}, "url 2: differs"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var o Options
			err := o.SetURLs(test.urls)
			if err == nil || !strings.Contains(err.Error(), test.reason) || strings.Contains(err.Error(), "secret") {
				t.Errorf("the error is %v, should have %q and no password", err, test.reason)
			}
		})
	}
}

func FuzzURL(f *testing.F) {
	for _, url := range []string{"redis://127.0.0.1:6379/0", "rediss://u:p@h", "unix:///run/redis.sock?db=1", "redis://[::1]", ""} {
		f.Add(url)
	}
	f.Fuzz(func(t *testing.T, url string) {
		var o Options
		if err := o.SetURLs([]string{url}); err == nil && (len(o.Addresses) != 1 || o.Addresses[0] == "") {
			t.Errorf("%q gives the addresses %q", url, o.Addresses)
		}
	})
}
