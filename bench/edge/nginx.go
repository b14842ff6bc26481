package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

const geoipModule = "usr/lib/nginx/modules/ngx_http_geoip2_module.so"

// nginxModules gives the directory under which the module for locations and its
// library are: the root, or where the Debian packages are unpacked to. They are
// not installed, so that no daemon starts.
func nginxModules(dir string) (string, error) {
	if _, err := os.Stat("/" + geoipModule); err == nil {
		return "/", nil
	}
	root := filepath.Join(dir, "nginx")
	if err := os.Mkdir(root, 0o755); err != nil {
		return "", err
	}
	fetch := exec.Command("sh", "-ec", "apt-get download libnginx-mod-http-geoip2 libmaxminddb0 && for p in *.deb; do dpkg -x $p .; done")
	fetch.Dir = root
	if out, err := fetch.CombinedOutput(); err != nil {
		return "", fmt.Errorf("unpacking nginx's module for locations: %w\n%s", err, out)
	}
	return root, nil
}

// nginxConf is the configuration of an nginx with one worker. With rules it does
// what experiments do, as far as its modules can: a device's half of the clients,
// the location, the device's kind by a map over the User-Agent, a header with the
// variation's configuration, and a line of JSON for each request.
func (s *setup) nginxConf(root, modules, dir string, port int, upstream string) string {
	load, rules, location := "", "", "access_log off;"
	if s.rules {
		load = "load_module " + filepath.Join(modules, geoipModule) + ";"
		rules = fmt.Sprintf(`
	geoip2 %s/geo/testdata/demo.mmdb {
		$country source=$remote_addr country iso_code;
		$region source=$remote_addr subdivisions 0 iso_code;
	}
	map $http_user_agent $device_type {
		default desktop;
		"~*(bot|crawl|spider)" bot;
		"~*(ipad|tablet)" tablet;
		"~*(iphone|mobile)" mobile;
	}
	split_clients $cookie_experiment_device $variation {
		50%% var_PasswordFirst;
		* var_PasskeyFirst;
	}
	map $variation $config {
		var_PasswordFirst '{"experiment_id":"exp_PasskeyDemo","variation_id":"var_PasswordFirst","is_control":true,"config":{"accent":{"value":"#4b5563"},"headline":{"value":"Sign in"},"show_passkey":{"value":false},"social":{"value":["google","github"]}}}';
		var_PasskeyFirst '{"experiment_id":"exp_PasskeyDemo","variation_id":"var_PasskeyFirst","is_control":false,"config":{"accent":{"value":"#0f766e"},"headline":{"value":"Welcome back"},"show_passkey":{"value":true},"social":{"value":["google","github"]}}}';
	}
	log_format decisions escape=json '{"time":"$time_iso8601","client_id":"$arg_client_id","variation_id":"$variation","device_type":"$device_type","country":"$country","region":"$region","status":$status}';
`, root)
		location = fmt.Sprintf("access_log %s decisions buffer=64k;\n\t\t\tproxy_set_header X-Experiment-Config $config;", filepath.Join(dir, s.name+".decisions"))
	}
	return fmt.Sprintf(`%s
worker_processes 1;
daemon off;
user root;
pid %s;
error_log %s;
events {
	worker_connections 1024;
}
http {
	client_body_temp_path %s;
	proxy_temp_path %s;
	fastcgi_temp_path %s;
	uwsgi_temp_path %s;
	scgi_temp_path %s;
	set_real_ip_from 127.0.0.1;
	real_ip_header X-Forwarded-For;
	keepalive_requests 1000000;
	upstream provider {
		server %s;
		keepalive 64;
		keepalive_requests 1000000;
	}
%s	server {
		listen 127.0.0.1:%d;
		location / {
			proxy_pass http://provider;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_set_header Host $http_host;
			proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
			proxy_set_header X-Forwarded-Proto $scheme;
			%s
		}
	}
}
`, load, filepath.Join(dir, s.name+".pid"), filepath.Join(dir, s.name+".log"),
		filepath.Join(dir, s.name+".1"), filepath.Join(dir, s.name+".2"), filepath.Join(dir, s.name+".3"), filepath.Join(dir, s.name+".4"), filepath.Join(dir, s.name+".5"),
		upstream, rules, port, location)
}
