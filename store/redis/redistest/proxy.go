package redistest

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"github.com/rs/zerolog/log"
)

// Some toxics write to the process's own logger.
func init() { log.Logger = zerolog.Nop() }

// Proxy is a way to a server that can be disturbed. Disturbances add up until
// they are healed; all but Down act on connections that exist, too.
type Proxy struct {
	t     testing.TB
	proxy *toxiproxy.Proxy
}

// StartProxy starts a proxy to an address.
func StartProxy(t testing.TB, upstream string) *Proxy {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	var err error
	for range attempts {
		port, portErr := freePort()
		if portErr != nil {
			t.Fatal(portErr)
		}
		p := &Proxy{t: t, proxy: toxiproxy.NewProxy(server, t.Name(), loopback(port), upstream)}
		if err = p.proxy.Start(); err == nil {
			t.Cleanup(func() {
				p.Heal() // a connection that is stalled would never end
				p.proxy.Stop()
			})
			return p
		}
	}
	t.Fatalf("starting a proxy: %v", err)
	return nil
}

// Address is host and port of the proxy.
func (p *Proxy) Address() string { return p.proxy.Listen }

// URL is the address as Redis clients take it.
func (p *Proxy) URL() string { return "redis://" + p.Address() + "/0" }

// Blackhole lets nothing through in either direction and drops it, while all
// connections stay open and new ones are accepted. Heal closes them.
func (p *Proxy) Blackhole() {
	p.t.Helper()
	p.BlackholeRequests()
	p.BlackholeReplies()
}

// BlackholeRequests drops only what clients send.
func (p *Proxy) BlackholeRequests() {
	p.t.Helper()
	p.disturb("timeout", upstream, attributes{"timeout": 0})
}

// BlackholeReplies drops only what the server sends.
func (p *Proxy) BlackholeReplies() {
	p.t.Helper()
	p.disturb("timeout", downstream, attributes{"timeout": 0})
}

// Stall keeps what is sent in either direction, as a network does that is
// interrupted for less time than TCP gives up after. Heal delivers it.
func (p *Proxy) Stall() {
	p.t.Helper()
	p.Bandwidth(0)
}

// Latency delays what is sent, half of it in either direction.
func (p *Proxy) Latency(delay, jitter time.Duration) {
	p.t.Helper()
	half := attributes{"latency": delay.Milliseconds() / 2, "jitter": jitter.Milliseconds() / 2}
	p.disturb("latency", upstream, half)
	p.disturb("latency", downstream, half)
}

// Bandwidth limits both directions, in kilobytes a second.
func (p *Proxy) Bandwidth(rate int) {
	p.t.Helper()
	p.disturb("bandwidth", upstream, attributes{"rate": rate})
	p.disturb("bandwidth", downstream, attributes{"rate": rate})
}

// ResetPeer resets every connection after its first request.
func (p *Proxy) ResetPeer() {
	p.t.Helper()
	p.disturb("reset_peer", upstream, attributes{"timeout": 0})
}

// Slicer cuts what the server sends into pieces of about a size, with a delay
// after each.
func (p *Proxy) Slicer(size int, delay time.Duration) {
	p.t.Helper()
	p.disturb("slicer", downstream, attributes{"average_size": size, "size_variation": size / 2, "delay": delay.Microseconds()})
}

// LimitData closes every connection once the server has sent so many bytes.
func (p *Proxy) LimitData(size int) {
	p.t.Helper()
	p.disturb("limit_data", downstream, attributes{"bytes": size})
}

// Heal ends all disturbances but Down.
func (p *Proxy) Heal() { p.proxy.Toxics.ResetToxics(context.Background()) }

// Down closes all connections and refuses new ones.
func (p *Proxy) Down() { p.proxy.Stop() }

// Up ends a Down.
func (p *Proxy) Up() {
	p.t.Helper()
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if err = p.proxy.Start(); err == nil || err == toxiproxy.ErrProxyAlreadyStarted {
			return
		}
	}
	p.t.Fatalf("starting the proxy at %s: %v", p.Address(), err)
}

// The directions in the words of the library.
const (
	upstream   = "upstream"
	downstream = "downstream"
)

type attributes map[string]any

// disturb adds a toxic, in place of one of its kind.
func (p *Proxy) disturb(kind, direction string, a attributes) {
	p.t.Helper()
	name := kind + " " + direction
	text, err := json.Marshal(map[string]any{"name": name, "type": kind, "stream": direction, "attributes": a})
	if err != nil {
		p.t.Fatal(err)
	}
	if p.proxy.Toxics.GetToxic(name) != nil {
		if err := p.proxy.Toxics.RemoveToxic(context.Background(), name); err != nil {
			p.t.Fatalf("replacing %s: %v", name, err)
		}
	}
	if _, err := p.proxy.Toxics.AddToxicJson(bytes.NewReader(text)); err != nil {
		p.t.Fatalf("adding %s: %v", name, err)
	}
}
