#!/usr/bin/env bash
# Runs every test, after installing what they need and this machine lacks.
#
#   ./test.sh              all tests, with the race detector
#   ./test.sh fuzz [60s]   every fuzz target for that long
#
# Plain "go test ./..." works too; it skips what needs a part that is missing.
set -euo pipefail
cd "$(dirname "$0")"

say() { printf '\n== %s\n' "$*"; }

# install NAME COMMAND: the Debian package NAME where COMMAND is missing.
install() {
	command -v "$2" >/dev/null && return
	if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
		say "$2 is missing and cannot be installed from here (package $1): its tests will be skipped"
		return
	fi
	say "Installing $1"
	[ -n "${updated:-}" ] || apt-get update -q >/dev/null
	updated=yes
	DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$1" >/dev/null
}

fuzz() {
	local time=$1 package target
	for package in $(go list ./...); do
		for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
			say "$package $target for $time"
			go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 20x "$package"
		done
	done
}

command -v go >/dev/null || { say "Go is missing; install Go 1.26 or newer from https://go.dev/dl/"; exit 1; }

if [ "${1:-}" = fuzz ]; then
	fuzz "${2:-60s}"
	exit
fi

install gcc gcc # the race detector needs it
install chromium chromium
install python3 python3
install prometheus promtool
install redis-server redis-server # its own daemon, where Debian starts one, is not used
install redis-sentinel redis-sentinel
install postgresql-15 /usr/lib/postgresql/15/bin/postgres # a server of its own for each test
# What becomes of header names in programs behind them; their own daemons are not used either.
install lighttpd /usr/sbin/lighttpd
install php8.2-fpm /usr/sbin/php-fpm8.2
install uwsgi-core uwsgi
install uwsgi-plugin-python3 uwsgi_python3
install nodejs node
install npm npm

say "Formatting and vet"
unformatted=$(gofmt -l .)
[ -z "$unformatted" ] || { say "not formatted, run gofmt -w on: $unformatted"; exit 1; }
go vet ./...

say "staticcheck (the first build takes a minute)"
go tool -modfile=bench/lint/go.mod staticcheck ./...

say "Known vulnerabilities"
if out=$(go tool -modfile=bench/lint/go.mod govulncheck ./... 2>&1); then
	echo "none are known of what is used"
elif grep -q 'fetching vulnerabilities' <<<"$out"; then
	echo "not checked: the database at vuln.go.dev cannot be reached from here"
else
	echo "$out"
	exit 1
fi

say "Auth0's own SDK against the management API"
(cd management/auth0sdk && go vet . && go test .)

say "LaunchDarkly's own client against its API"
(cd management/ldclient && go vet . && go test .)
(cd bench/ldclients && go vet . && go test -count=1 .) # over TLS, and from Node

say "Tests with the race detector (the first build of Caddy takes some minutes)"
go test -race -timeout 30m ./...

say "Real logins through the edge (building the provider dex takes about five minutes the first time)"
# Not from Go's cache of results, which does not know what the tests build and run.
(
	cd bench/logins
	! command -v npm >/dev/null || npm ls >/dev/null 2>&1 || npm ci --ignore-scripts --no-audit --no-fund --silent
	go vet ./... && go test -count=1 -timeout 30m ./...
)

say "Heap of a request, which the race detector would add to"
go test -run TestHeapOfARequest ./caddymodule

say "Faults under load, with short outages (go run ./bench/torture -list has them)"
go run ./bench/torture -short -rate 300
