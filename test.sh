#!/usr/bin/env bash
# Runs every test, after installing what they need and this machine lacks. It
# goes on after a failure, and ends with what passed, failed and was left out.
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
		echo "left out: what needs $2, which is missing and cannot be installed from here (package $1)"
		return
	fi
	echo "installing $1"
	[ -n "${updated:-}" ] || apt-get update -q >/dev/null
	updated=yes
	DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$1" >/dev/null
}

parts() {
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
	go build -modfile=bench/lint/go.mod -o "$work/gotestsum" gotest.tools/gotestsum
}

# tests DIRECTORY ARGUMENTS of "go test" there.
tests() {
	local dir=$1
	shift
	(cd "$dir" && go vet ./... && "$work/gotestsum" --format pkgname -- "$@")
}

style() {
	local unformatted
	unformatted=$(gofmt -l .)
	[ -z "$unformatted" ] || { echo "not formatted, run gofmt -w on: $unformatted"; return 1; }
	go vet ./...
	go tool -modfile=bench/lint/go.mod staticcheck ./...
}

vulnerabilities() {
	local out
	if out=$(go tool -modfile=bench/lint/go.mod govulncheck ./... 2>&1); then
		echo "none are known of what is used"
	elif grep -q 'fetching vulnerabilities' <<<"$out"; then
		echo "left out: the database at vuln.go.dev cannot be reached from here"
	else
		echo "$out"
		return 1
	fi
}

auth0clients() {
	tests management/auth0sdk .
	tests bench/auth0clients -count=1 . # over TLS, from Node
}

ldclients() {
	tests management/ldclient .
	tests bench/ldclients -count=1 . # over TLS, and from Node
}

# Not from Go's cache of results, which does not know what the tests build and run.
logins() {
	! command -v npm >/dev/null || (cd bench/logins && { npm ls >/dev/null 2>&1 || npm ci --ignore-scripts --no-audit --no-fund --silent; })
	tests bench/logins -count=1 -timeout 30m ./...
}

# watch FILE: says how long a step has taken when it has written nothing to the
# file for a while.
watch() {
	local size=-1 now
	while sleep 25 </dev/null >/dev/null 2>&1; do # nothing waits for one that is left over
		now=$(wc -c <"$1")
		[ "$now" != "$size" ] || printf '   … %s\n' "$(took $((SECONDS - began)))"
		size=$now
	done
}

took() { printf '%d:%02d min' $(($1 / 60)) $(($1 % 60)); }

# step NAME COMMAND
step() {
	local name=$1 began=$SECONDS status watcher
	shift
	number=$((number + 1))
	say "$number of $steps: $name"
	log=$work/$number
	: >"$log"
	watch "$log" &
	watcher=$!
	set +e # not "||", under which the command would go on after its failures
	(set -e; "$@") 2>&1 | tee "$log"
	status=$?
	set -e
	kill "$watcher"
	wait "$watcher" 2>/dev/null || true
	local verdict=passed counts
	[ "$status" = 0 ] || { verdict=FAILED; failed=$((failed + 1)); }
	counts=$(sed -n 's/^DONE \(.*\) in .*/\1/p' "$log" | paste -sd + | sed 's/+/ + /g')
	printf '%-6s  %11s  %s%s\n' "$verdict" "$(took $((SECONDS - began)))" "$name" "${counts:+ ($counts)}" >>"$work/summary"
	sed -n 's/^left out: /  /p' "$log" >>"$work/left"
	# What the tests say of themselves: a name, then the reason.
	awk '/^=== SKIP: / { name = $3 " " $4; next }
		name && /^ *[^ ]+\.go:[0-9]+: / { sub(/^ *[^ ]+: /, ""); print "  " name ": " $0; name = "" }' "$log" |
		{ grep -v 'runs as a child of' || true; } >>"$work/left"
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

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=0 failed=0
steps=$(grep -c '^step "' "$0")
touch "$work/summary" "$work/left"

step "what the tests need" parts
step "formatting, vet, staticcheck (the first build takes a minute)" style
step "known vulnerabilities" vulnerabilities
step "Auth0's own SDKs against the management API" auth0clients
step "LaunchDarkly's own clients against its API" ldclients
step "all packages with the race detector (the first build of Caddy takes some minutes)" tests . -race -timeout 30m ./...
step "real logins through the edge (the first build of the provider dex takes five minutes)" logins
step "heap of a request, which the race detector would add to" tests . -run TestHeapOfARequest ./caddymodule
step "faults under load, with short outages (go run ./bench/torture -list has them)" go run ./bench/torture -short -rate 300

if [ -s "$work/left" ]; then
	say "Left out"
	sort -u "$work/left"
fi
say "Summary"
cat "$work/summary"
printf '%s in %s\n' "$([ "$failed" = 0 ] && echo "all $steps steps passed" || echo "$failed of $steps steps FAILED")" "$(took $SECONDS)"
[ "$failed" = 0 ]
