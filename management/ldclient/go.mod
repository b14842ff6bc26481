module github.com/caddy-experiments/caddy-experiments/management/ldclient

go 1.26.0

require (
	github.com/caddy-experiments/caddy-experiments v0.0.0
	github.com/launchdarkly/api-client-go/v17 v17.1.0
)

require (
	github.com/gofrs/flock v0.13.0 // indirect
	golang.org/x/oauth2 v0.37.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
	golang.org/x/time v0.16.0 // indirect
	gonum.org/v1/gonum v0.17.0 // indirect
)

replace github.com/caddy-experiments/caddy-experiments => ../..
