module github.com/caddy-experiments/caddy-experiments/bench/clientedge

go 1.26.0
