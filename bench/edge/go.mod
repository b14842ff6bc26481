module github.com/caddy-experiments/caddy-experiments/bench/edge

go 1.26.0

require (
	github.com/caddy-experiments/caddy-experiments v0.0.0-00010101000000-000000000000
	github.com/tsenart/vegeta/v12 v12.12.0
	golang.org/x/sys v0.48.0
)

require (
	github.com/influxdata/tdigest v0.0.1 // indirect
	github.com/josharian/intern v1.0.0 // indirect
	github.com/mailru/easyjson v0.7.7 // indirect
	github.com/rs/dnscache v0.0.0-20230804202142-fc85eb664529 // indirect
	golang.org/x/net v0.60.0 // indirect
	golang.org/x/sync v0.23.0 // indirect
	golang.org/x/text v0.42.0 // indirect
)

replace github.com/caddy-experiments/caddy-experiments => ../..
