#!/usr/bin/env bash
# Reloads a running edge many times under load, with a changed configuration
# each time, and says what that cost: failed requests, goroutines, descriptors.
#
#   bench/reloads.sh [reloads]        needs hey, and the example running
set -euo pipefail
cd "$(dirname "$0")/.."

RELOADS=${1:-200}
URL=${URL:-http://localhost:8080/authorize?client_id=reloads}
ADMIN=${ADMIN:-http://localhost:2019}
CONFIG=${CONFIG:-caddyfile.example}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pid=$(pgrep -f "caddy run --config $CONFIG" | head -1) || { echo "start the example first: ./xcaddy.sh run" >&2; exit 1; }

settled() { # prints goroutines and descriptors once connections have gone
	sleep 8
	printf '%s goroutines, %s descriptors\n' \
		"$(curl -s "$ADMIN/debug/pprof/goroutine?debug=1" | sed -n 's/.*total //p')" "$(find "/proc/$pid/fd" | wc -l)"
}

echo "before: $(settled)"
hey -z 10m -c 20 -q 100 "$URL" >"$work/hey" &
hey=$!
for ((i = 1; i <= RELOADS; i++)); do
	# A comment is no change to Caddy; a longer carry is.
	sed "s|tenant default/production|&\n\t\tsticky $((3600 + i))s|" "$CONFIG" >"$work/config"
	./caddy reload --config "$work/config" --adapter caddyfile --address "${ADMIN#http://}" >"$work/reload" 2>&1 ||
		{ cat "$work/reload" >&2; exit 1; }
	[ $((i % 20)) != 0 ] || echo "$i of $RELOADS reloads" >&2
done
kill -INT "$hey"
wait "$hey" || true
./caddy reload --config "$CONFIG" --adapter caddyfile --address "${ADMIN#http://}" >/dev/null 2>&1
grep -E 'Requests/sec|\[[0-9]+\].*responses' "$work/hey"
sed -n '/Error distribution/,$p' "$work/hey"
echo "after: $(settled)"
