package redistest

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestServer(t *testing.T) {
	before := time.Now()
	s := Start(t)
	t.Logf("started in %s", time.Since(before))
	if u, err := url.Parse(s.URL()); err != nil || u.Scheme != "redis" || u.Host != s.Address() || u.Path != "/0" {
		t.Errorf("the URL is %s", s.URL())
	}
	dial(t, s.Address()).must(t, "PONG", "PING")
	want(t, s, "OK", "SET", "key", "a \"value\"\r\nof two lines")
	want(t, s, "a \"value\"\r\nof two lines", "GET", "key")
	want(t, s, "", "GET", "absent")
	want(t, s, "2", "RPUSH", "list", "one", "two")
	want(t, s, "one\ntwo", "LRANGE", "list", "0", "-1")
	_, err := s.Try("GET", "list")
	wantRefusal(t, err, "WRONGTYPE")
}

func TestKillAndRestart(t *testing.T) {
	for fsync, kept := range map[string]string{"": "", "always": "value"} {
		t.Run("fsync "+fsync, func(t *testing.T) {
			var options []Option
			if fsync != "" {
				options = append(options, Persistent(fsync))
			}
			s := Start(t, options...)
			address := s.Address()
			want(t, s, "OK", "SET", "key", "value")
			open := dial(t, address)
			open.must(t, "PONG", "PING")
			s.Kill()
			if err := open.broken(t, "PING"); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, syscall.EPIPE) {
				t.Error(err)
			}
			if _, err := s.Try("PING"); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("a killed server: %v", err)
			}
			s.Kill() // once more does nothing
			for range 3 {
				before := time.Now()
				s.Restart()
				t.Logf("restarted in %s", time.Since(before))
				want(t, s, kept, "GET", "key")
			}
			if s.Address() != address {
				t.Errorf("was at %s and is at %s", address, s.Address())
			}
		})
	}
}

func TestPause(t *testing.T) {
	s := Start(t)
	open := dial(t, s.Address())
	open.must(t, "PONG", "PING")
	s.Pause()
	open.silent(t, "PING")
	dial(t, s.Address()).silent(t, "PING") // the kernel still accepts
	s.Continue()
	dial(t, s.Address()).must(t, "PONG", "PING")

	s.Pause()
	s.Restart() // a paused server can be killed
	want(t, s, "PONG", "PING")
}

func TestUsers(t *testing.T) {
	s := Start(t, User("default off"), User("edge on >secret resetkeys %R~{x}:* -@all +get +ping"))
	want(t, s, "OK", "SET", "{x}:key", "value")
	d := dial(t, s.Address())
	_, err := d.say(time.Second, "PING")
	wantRefusal(t, err, "NOAUTH")
	_, err = d.say(time.Second, "AUTH", "edge", "wrong")
	wantRefusal(t, err, "WRONGPASS")
	d.must(t, "OK", "AUTH", "edge", "secret")
	d.must(t, "value", "GET", "{x}:key")
	_, err = d.say(time.Second, "SET", "{x}:key", "other")
	wantRefusal(t, err, "NOPERM")
	_, err = d.say(time.Second, "GET", "y")
	wantRefusal(t, err, "NOPERM")
}

func TestPassword(t *testing.T) {
	s := Start(t, Password("a secret"), Directive("maxclients 50"))
	want(t, s, "maxclients\n50", "CONFIG", "GET", "maxclients")
	d := dial(t, s.Address())
	_, err := d.say(time.Second, "PING")
	wantRefusal(t, err, "NOAUTH")
	d.must(t, "OK", "AUTH", "a secret")
	d.must(t, "PONG", "PING")
}

func TestEncrypted(t *testing.T) {
	authority, stranger := NewAuthority(t), NewAuthority(t)
	for name, clients := range map[string]bool{"server only": false, "clients too": true} {
		t.Run(name, func(t *testing.T) {
			s := Start(t, Encrypted(authority, clients))
			if s.TLSURL() != "rediss://"+s.TLSAddress()+"/0" || s.TLSAddress() == s.Address() {
				t.Errorf("the TLS URL is %s", s.TLSURL())
			}
			want(t, s, "OK", "SET", "key", "value") // without TLS
			secure(t, s, authority, authority).must(t, "value", "GET", "key")
			if _, err := tls.Dial("tcp", s.TLSAddress(), trusting(t, stranger)); err == nil {
				t.Error("the server's certificate is valid for a stranger")
			}
			dial(t, s.TLSAddress()).broken(t, "PING") // no TLS at all

			anonymous := secure(t, s, authority, nil)
			if clients {
				anonymous.broken(t, "PING")
				secure(t, s, authority, stranger).broken(t, "PING")
			} else {
				anonymous.must(t, "PONG", "PING")
			}
			s.Restart()
			secure(t, s, authority, authority).must(t, "PONG", "PING")
		})
	}
}

func secure(t *testing.T, s *Server, trusted, own *Authority) *dialogue {
	t.Helper()
	config := trusting(t, trusted)
	if own != nil {
		pair, err := tls.LoadX509KeyPair(own.CertFile, own.KeyFile)
		if err != nil {
			t.Fatal(err)
		}
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	connection, err := tls.Dial("tcp", s.TLSAddress(), config)
	if err != nil {
		t.Fatal(err)
	}
	return converse(t, connection)
}

func trusting(t *testing.T, authority *Authority) *tls.Config {
	t.Helper()
	text, err := os.ReadFile(authority.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		t.Fatal("there is no certificate")
	}
	return &tls.Config{RootCAs: pool}
}

func TestOccupiedPort(t *testing.T) {
	s := Start(t, asNode)
	for name, occupy := range map[string]func(*Server){
		"clients": func(other *Server) { other.port = s.port },
		"nodes":   func(other *Server) { other.busPort = s.busPort },
	} {
		t.Run(name, func(t *testing.T) {
			other := prepare(t, s, asNode)
			occupy(other)
			if err := other.configure(); err != nil {
				t.Fatal(err)
			}
			if err := other.run(); !isOccupied(err) {
				t.Errorf("got %v", err)
			}
			if err := other.answers(); err == nil {
				t.Error("another server's answer is taken for its own")
			}
		})
	}
}

func TestBadConfiguration(t *testing.T) {
	other := prepare(t, Start(t), Directive("no-such-directive"))
	if err := other.configure(); err != nil {
		t.Fatal(err)
	}
	if err := other.run(); err == nil || isOccupied(err) || !strings.Contains(err.Error(), "no-such-directive") {
		t.Errorf("got %v", err)
	}
}

// prepare gives a server that is not started yet.
func prepare(t *testing.T, like *Server, options ...Option) *Server {
	t.Helper()
	s := &Server{t: t, program: like.program, dir: t.TempDir()}
	for _, option := range options {
		option(s)
	}
	if err := s.choosePorts(); err != nil {
		t.Fatal(err)
	}
	return s
}
