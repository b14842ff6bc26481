#!/usr/bin/env bash
# Builds Caddy with the experiments module, and runs the example edge.
#
#   ./xcaddy.sh [build]    builds ./caddy
#   ./xcaddy.sh run        builds ./caddy if the code has changed, and runs caddyfile.example
#
# Needs Go only. CADDY_VERSION and XCADDY_VERSION choose other versions, OUTPUT
# another file.
set -euo pipefail
cd "$(dirname "$0")"

MODULE=github.com/caddy-experiments/caddy-experiments
CADDY_VERSION=${CADDY_VERSION:-v2.11.9}
XCADDY_VERSION=${XCADDY_VERSION:-v0.4.7}
OUTPUT=${OUTPUT:-./caddy}
case $OUTPUT in */*) ;; *) OUTPUT=./$OUTPUT ;; esac

say() { printf '%s\n' "$*" >&2; }

die() { say "xcaddy.sh: $*"; exit 1; }

# xcaddy itself is built in a throwaway module, so that neither its version nor
# its dependencies touch ours.
build_xcaddy() {
	mkdir "$work/xcaddy"
	(
		cd "$work/xcaddy"
		printf 'module xcaddy\n\ngo 1.21\n\nrequire github.com/caddyserver/xcaddy %s\n' "$XCADDY_VERSION" >go.mod
		printf 'package main\n\nimport _ "github.com/caddyserver/xcaddy/cmd"\n\nfunc main() {}\n' >main.go
		go mod tidy >tidy.log 2>&1 || { cat tidy.log >&2; exit 1; }
		go build -o ../xcaddy.bin github.com/caddyserver/xcaddy/cmd/xcaddy
	) || die "xcaddy $XCADDY_VERSION could not be built; is the Go module proxy within reach?"
}

# A first build compiles about 2,000 packages, which takes some minutes: the
# count shows that it goes on.
show_progress() {
	tee "$work/build.log" | awk '
		!/ / && /^[a-z0-9.-]+(\/|$)/ { if (++n % 100 == 0) { printf "  %d packages compiled\n", n; fflush() } }
	' >&2
}

xcaddy_build() {
	XCADDY_GO_BUILD_FLAGS="-v -trimpath -tags=nobadger,nomysql,nopgx -ldflags='-w -s'" \
		"$work/xcaddy.bin" build "$CADDY_VERSION" \
		--replace "$MODULE@v0.0.0=$PWD" \
		--with "$MODULE/caddymodule@v0.0.0" \
		--output "$OUTPUT" 2>&1 | show_progress
}

# Go asks the module proxy for caddymodule too, as if that were a module, and
# takes any answer but "not found" for an error. Then everything that go.sum
# names is fetched first, and nobody is asked.
build_from_cache() {
	say "  (normal) this checkout is no published module, and the module proxy says so with an error; fetching all others first"
	go mod download all 2>/dev/null || true # some that no package is taken from may be missing
	GOPROXY=off GOSUMDB=off xcaddy_build
}

build() {
	command -v go >/dev/null || die "Go is missing; install Go 1.26 or newer from https://go.dev/dl/"
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	say "Building Caddy $CADDY_VERSION with the experiments module (some minutes the first time) …"
	build_xcaddy
	if ! xcaddy_build; then
		if ! grep -q "$MODULE/caddymodule@v0.0.0: reading" "$work/build.log" || ! build_from_cache; then
			tail -n 40 "$work/build.log" >&2
			die "the build failed; its last messages are above"
		fi
	fi
	say "Built $OUTPUT"
}

# changed says whether anything that the binary is made of is newer than it.
changed() {
	[ ! -x "$OUTPUT" ] || [ -n "$(find . -name '*.go' ! -name '*_test.go' ! -path './bench/*' -newer "$OUTPUT" -print -quit)" ] || [ go.mod -nt "$OUTPUT" ]
}

run() {
	if changed; then build; rm -rf "$work"; fi
	mkdir -p demo/logs
	say ""
	say "  A login page, by chance      http://localhost:8080/authorize?client_id=demo"
	say "  By audience                  http://segments.localhost:8080/authorize?client_id=demo"
	say "  As a phone in the US         http://us-phone.localhost:8080/authorize?client_id=demo"
	say "  As a computer in Sweden      http://swedish-desktop.localhost:8080/authorize?client_id=demo"
	say "  What is configured           demo/experiments/default/*.json (edit and reload the page)"
	say "  The management API           http://localhost:8082/api/v2/experimentation (Authorization: Bearer demo-token)"
	say "  What was decided             demo/logs/decisions.log, demo/logs/access.log"
	say "  Which variation won          ./caddy experiments results passkey-prompt (after: go run ./bench/simulate)"
	say "  How it is doing              http://localhost:2019/experiments/status"
	say "  Stop                         Ctrl-C; rm -rf demo/logs then forgets all logins"
	say ""
	exec "$OUTPUT" run --config caddyfile.example --adapter caddyfile
}

case "${1:-build}" in
build) build ;;
run) run ;;
*) die "there is no command $1; write build or run" ;;
esac
