#!/usr/bin/env bash
# Compares the resident memory of an idle edge with that of the same Caddy
# without experiments.
#
#   bench/idle.sh        needs ./caddy, from ./xcaddy.sh
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$work"' EXIT

cat >"$work/bare" <<'END'
{
	admin 127.0.0.1:2991
}
http://localhost:8991 {
	reverse_proxy 127.0.0.1:9
}
END
cat >"$work/edge" <<END
{
	admin 127.0.0.1:2992
	experiments {
		store file demo/experiments
		geoip geo/testdata/demo.mmdb
		decision_log $work/decisions.log
	}
}
http://localhost:8992 {
	experiments
	reverse_proxy 127.0.0.1:9
}
END

# resident prints the memory of a Caddy with a configuration, in kB.
resident() {
	./caddy run --config "$work/$1" --adapter caddyfile >/dev/null 2>&1 &
	sleep 5
	awk '/^VmRSS/ { print $2 }' "/proc/$!/status"
	kill $!
	wait $! || true
}

for round in 1 2 3 4 5; do
	bare=$(resident bare)
	edge=$(resident edge)
	echo "round $round: bare $bare kB, with experiments $edge kB, difference $((edge - bare)) kB"
done
