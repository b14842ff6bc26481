module github.com/caddy-experiments/caddy-experiments/bench/ldclients

go 1.26.0

require github.com/caddy-experiments/caddy-experiments/bench/clientedge v0.0.0

replace github.com/caddy-experiments/caddy-experiments/bench/clientedge => ../clientedge
