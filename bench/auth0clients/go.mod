module github.com/caddy-experiments/caddy-experiments/bench/auth0clients

go 1.26.0
