package redistest

import (
	"fmt"
)

// An Option changes how a server is started.
type Option func(*Server)

// Directive adds a line to the server's configuration file.
func Directive(line string) Option {
	return func(s *Server) { s.directives = append(s.directives, line) }
}

// Persistent has the server write what it is told into a file that it reads when
// it is restarted. It is on disk after every command ("always") or once a
// second ("everysec"). Without this option a restart finds nothing.
func Persistent(fsync string) Option {
	return Directive("appendonly yes\nappendfsync " + fsync)
}

// Password has everybody log in as the user default with it.
func Password(secret string) Option { return Directive(fmt.Sprintf("requirepass %q", secret)) }

// User adds a user, or changes the user default, by a rule such as
// "edge on >secret ~{x}:* -@all +get".
func User(rule string) Option { return Directive("user " + rule) }

// Encrypted opens a TLS port besides the other one, with a certificate of the
// authority. With clients it talks only to those who show one, too.
func Encrypted(authority *Authority, clients bool) Option {
	return func(s *Server) {
		s.encrypted = true
		demand := "no"
		if clients {
			demand = "yes"
		}
		s.directives = append(s.directives,
			fmt.Sprintf("tls-ca-cert-file %q", authority.CAFile),
			fmt.Sprintf("tls-cert-file %q", authority.serverCertificate),
			fmt.Sprintf("tls-key-file %q", authority.serverKey),
			"tls-auth-clients "+demand,
		)
	}
}
