package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/caddy-experiments/caddy-experiments/management"
	"github.com/caddy-experiments/caddy-experiments/store"
)

const secret = "a secret"

// node answers the management API on the loopback interface.
type node struct {
	url    string
	server *http.Server
}

// startNode starts an API over a store. A write is in force at the node itself
// before it is answered, as on an edge.
func startNode(ctx context.Context, s store.Store, live *store.Live) (*node, error) {
	api, err := management.New(management.Config{
		Store: s, Tokens: []management.Token{{Secret: secret, Name: "bench", Tenant: tenant}},
		Rate: 1e9, Burst: 1e9, // what is measured is the writing
		Audit: func(e management.Event) { live.Refresh(ctx, e.Tenant) },
	})
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	n := &node{url: "http://" + listener.Addr().String() + management.Prefix, server: &http.Server{Handler: api}}
	go func() { _ = n.server.Serve(listener) }() // returns when it is closed
	return n, nil
}

func (n *node) stop() { _ = n.server.Close() }

// send sends a request with a body, nil for none, and gives status and answer.
func (n *node) send(ctx context.Context, client *http.Client, method, path string, body any) (int, []byte, error) {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return 0, nil, err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, n.url+path, bytes.NewReader(text))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Authorization", "Bearer "+secret)
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body) // to the end, so that the connection is kept
	if err != nil {
		return 0, nil, fmt.Errorf("reading the answer to %s %s: %w", method, path, err)
	}
	return response.StatusCode, answer, nil
}

// newClient makes a client that keeps a number of connections to each node.
func newClient(connections int) *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}}
}
