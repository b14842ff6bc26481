module github.com/caddy-experiments/caddy-experiments/bench/ldclients

go 1.26.0
