package caddymodule_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// gateway is a way from the edge to a program that is told headers as
// variables, and prints these.
//
// Sent to the address, around the edge, the spelling becomes our variable: that
// shows that the test would see a forgery.
type gateway struct{ name, proxy, spelling, address string }

// startLighttpd starts lighttpd before programs that speak CGI, FastCGI and
// SCGI. An address that is empty leaves its protocol out.
func startLighttpd(t *testing.T, fastcgi, scripts, scgi string) (gateways []gateway) {
	t.Helper()
	dir, port := t.TempDir(), fmt.Sprint(freePort(t))
	address := "127.0.0.1:" + port
	write(t, dir, "env.cgi", "#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\n\\r\\n'\nexec env\n")
	config := fmt.Sprintf(`server.document-root = "%[1]s"
server.bind = "127.0.0.1"
server.port = %[2]s
server.modules = ("mod_alias", "mod_cgi", "mod_fastcgi", "mod_scgi")
alias.url = ("/lighttpd-cgi" => "%[1]s/env.cgi")
cgi.assign = (".cgi" => "/bin/sh")
`, dir, port)
	paths := []string{"lighttpd-cgi"}
	pass := func(path, to, more string) string {
		if to == "" {
			return ""
		}
		paths = append(paths, path)
		host, port, _ := strings.Cut(to, ":")
		return fmt.Sprintf("\"/%s\" => ((\"host\" => %q, \"port\" => %s, \"check-local\" => \"disable\", %s)),\n", path, host, port, more)
	}
	config += "fastcgi.server = (\n" + pass("lighttpd-fastcgi", fastcgi, fmt.Sprintf("\"docroot\" => %q", scripts)) + ")\n"
	config += "scgi.server = (\n" + pass("lighttpd-scgi", scgi, "") + ")\n"
	startProgram(t, dir, address, found("lighttpd", "/usr/sbin/lighttpd"), "-D", "-f", write(t, dir, "lighttpd.conf", config))
	for _, path := range paths {
		gateways = append(gateways, gateway{path, "reverse_proxy /" + path + " " + address, "X!Experiment~Config", address})
	}
	return gateways
}

// startPHP starts a PHP that speaks FastCGI and returns its address, and the
// directory with its scripts.
func startPHP(t *testing.T, program string) (address, dir string) {
	t.Helper()
	dir, address = t.TempDir(), fmt.Sprintf("127.0.0.1:%d", freePort(t))
	for _, name := range []string{"lighttpd-fastcgi", "caddy-fastcgi"} {
		write(t, dir, name, `<?php
header("Content-Type: text/plain");
foreach ([$_SERVER, getenv()] as $variables) foreach ($variables as $name => $value) if (is_string($value)) echo "$name=$value\n";
`)
	}
	config := write(t, dir, "fpm.conf", fmt.Sprintf(`[global]
error_log = %s/fpm.log
[www]
user = %d
group = %d
listen = %s
pm = static
pm.max_children = 1
security.limit_extensions =
`, dir, os.Getuid(), os.Getgid(), address))
	startProgram(t, dir, address, program, "--nodaemonize", "--allow-to-run-as-root", "-n", "--fpm-config", config)
	return address, dir
}

// startUWSGI starts a Python program in uwsgi, which takes requests by HTTP and
// by SCGI.
func startUWSGI(t *testing.T) (http, scgi string) {
	t.Helper()
	dir := t.TempDir()
	var addresses [2]string
	for i := range addresses {
		addresses[i] = fmt.Sprintf("127.0.0.1:%d", freePort(t))
	}
	program := write(t, dir, "env.py", `
def application(environ, start):
    start("200 OK", [("Content-Type", "text/plain")])
    return ["".join("%s=%s\n" % v for v in environ.items() if v[0].startswith("HTTP_")).encode("latin-1")]
`)
	startProgram(t, dir, addresses[0], "uwsgi", "--plugin", "python3", "--http-socket", addresses[0], "--scgi-socket", addresses[1],
		"--buffer-size", "32768", "--need-app", "--disable-logging", "--die-on-term", "--wsgi-file", program)
	return addresses[0], addresses[1]
}

// write writes a file and returns its path.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// startProgram starts a server, waits until it listens, and ends it and what it
// has started with the test.
func startProgram(t *testing.T, dir, address, program string, arguments ...string) {
	t.Helper()
	var said strings.Builder
	command := exec.Command(program, arguments...)
	command.Dir, command.Stdout, command.Stderr = dir, &said, &said
	ownGroup(command)
	if err := command.Start(); err != nil {
		t.Fatalf("starting %s: %v", program, err)
	}
	ended := make(chan struct{})
	go func() {
		_ = command.Wait() // it is killed
		close(ended)
	}()
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(30 * time.Second):
		}
		killGroup(command)
		<-ended
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if connection, err := net.Dial("tcp", address); err == nil {
			connection.Close()
			return
		}
		select {
		case <-ended:
			t.Fatalf("%s has ended: %s", program, said.String())
		default:
		}
		if time.Now().After(deadline) {
			killGroup(command)
			<-ended
			t.Fatalf("%s does not listen: %s", program, said.String())
		}
	}
}

// found returns the path of the first program that this machine has.
func found(programs ...string) string {
	for _, program := range programs {
		if path, err := exec.LookPath(program); err == nil {
			return path
		}
	}
	return ""
}

// startGateways starts what this machine has.
func startGateways(t *testing.T) (gateways []gateway) {
	t.Helper()
	var fastcgi, scripts, http, scgi string
	if php := found("php-fpm8.2", "/usr/sbin/php-fpm8.2", "php-fpm"); php != "" {
		fastcgi, scripts = startPHP(t, php)
		gateways = append(gateways, gateway{
			name: "caddy-fastcgi", proxy: fmt.Sprintf("reverse_proxy /caddy-fastcgi %s {\ntransport fastcgi {\nroot %s\nsplit caddy-fastcgi\n}\n}", fastcgi, scripts),
		})
	} else {
		t.Log("php-fpm is missing; what it makes of odd names is not tried (package php8.2-fpm)")
	}
	if found("uwsgi") != "" && uwsgiHasPython() {
		http, scgi = startUWSGI(t)
		gateways = append(gateways, gateway{"uwsgi-http", "reverse_proxy /uwsgi-http " + http, "X_Experiment_Config", http})
	} else {
		t.Log("uwsgi is missing; what it makes of odd names is not tried (packages uwsgi-core and uwsgi-plugin-python3)")
	}
	if found("lighttpd", "/usr/sbin/lighttpd") != "" {
		gateways = append(gateways, startLighttpd(t, fastcgi, scripts, scgi)...)
	} else {
		t.Log("lighttpd is missing; what it makes of odd names is not tried (package lighttpd)")
	}
	if len(gateways) == 0 {
		t.Skip("there is no server that makes variables of headers: install lighttpd, php8.2-fpm, or uwsgi-core with uwsgi-plugin-python3")
	}
	return gateways
}

// uwsgiHasPython reports whether uwsgi can run a Python program.
func uwsgiHasPython() bool {
	return exec.Command("uwsgi", "--plugin", "python3", "--version").Run() == nil
}

// ourVariables are what the programs must have from the edge alone.
var ourVariables = []string{"HTTP_X_EXPERIMENT_CONFIG", "HTTP_X_EXPERIMENT_EXPOSURE"}

// valuesOf returns what a program has printed of ourVariables.
func valuesOf(body []byte) map[string]string {
	values := map[string]string{}
	for line := range strings.Lines(string(body)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		for _, ours := range ourVariables {
			if name == ours && values[name] != value { // printed twice where it is in two places
				values[name] += value
			}
		}
	}
	return values
}

// Real servers make variables of headers each in its own way. Whatever byte
// stands in a name that a client sends, a program behind them has our value or
// none.
func TestNoVariableSpeaksForTheEdge(t *testing.T) {
	gateways := startGateways(t)
	var paths, proxies string
	for _, g := range gateways {
		paths += " /" + g.name
		proxies += g.proxy + "\n"
	}
	e := startEdge(t, setup{
		Store: map[string]string{"default/production": split}, App: "events {dir}/events",
		Site: "authorize_path" + paths, Before: proxies,
	})
	for _, g := range gateways {
		t.Run(g.name, func(t *testing.T) {
			e.t = t
			ask := func(query, lines string) (int, map[string]string) {
				answer := e.Raw(e.port, "GET /"+g.name+query+" HTTP/1.1\r\nHost: idp\r\nConnection: close\r\n"+lines+"\r\n", false)
				return answer.Status, valuesOf(answer.Body)
			}
			if g.address != "" {
				_, port, _ := net.SplitHostPort(g.address)
				var number int
				fmt.Sscan(port, &number)
				answer := e.Raw(number, "GET /"+g.name+" HTTP/1.1\r\nHost: idp\r\nConnection: close\r\n"+g.spelling+": "+forgery+"\r\n\r\n", false)
				if valuesOf(answer.Body)[ourVariables[0]] != forgery {
					t.Fatalf("around the edge %s does not become our variable: %d %q", g.spelling, answer.Status, answer.Body)
				}
			}
			taken := 0
			for i := range 256 {
				for _, name := range []string{"X-Experiment-Config", "X-Experiment-Exposure"} {
					for _, spelling := range spellings(name, string([]byte{byte(i)})) {
						status, values := ask("?client_id=spa", spelling+": "+forgery+"\r\n")
						if status == 400 {
							continue
						}
						taken++
						config, exposure := values[ourVariables[0]], values[ourVariables[1]]
						if status != 200 || !strings.HasPrefix(config, `{"experiment_id":"exp_Sp1it"`) || strings.Contains(config+exposure, "exp_Forged") || exposure == "" {
							t.Errorf("%q: answered %d; the program has %q", spelling, status, values)
						}
						if status, values := ask("?prompt=none", spelling+": "+forgery+"\r\n"); status != 200 || len(values) > 0 {
							t.Errorf("%q, without a decision: answered %d; the program has %q", spelling, status, values)
						}
					}
				}
			}
			if taken < 2*5*(10+2*26+len(separators)) {
				t.Errorf("only %d requests were not refused", taken)
			}
		})
	}
}

// spellings are a name with c in place of each of its separators, of both, and
// at its ends.
func spellings(name, c string) []string {
	words := strings.Split(name, "-")
	return []string{
		words[0] + c + words[1] + "-" + words[2], words[0] + "-" + words[1] + c + words[2], strings.Join(words, c), c + name, name + c,
	}
}
