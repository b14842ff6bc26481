package redis

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"
	"syscall"

	"github.com/redis/go-redis/v9"
)

// replyMargin is what a reply may have besides a document: the largest is that
// of reading the queue, with so many messages as a receiver asks for at a time.
const replyMargin = 17 << 20

// errReplyTooLarge says that Redis was about to send more than is read of one
// reply.
var errReplyTooLarge = errors.New("the reply is too large")

// tooLarge is an errReplyTooLarge with how the reply begins.
type tooLarge struct {
	size, limit int64
	begin       []byte
}

// Error says how large the reply would be at least.
func (e *tooLarge) Error() string {
	return fmt.Sprintf("%v: it has %d bytes or more, the limit is %d", errReplyTooLarge, e.size, e.limit)
}

// Unwrap is errReplyTooLarge.
func (e *tooLarge) Unwrap() error { return errReplyTooLarge }

// longestBegin is how much is kept of the beginning of a reply.
const longestBegin = 512

// meter is a connection that ends rather than read a reply of more than limit
// bytes. The client library allocates what the header of a string announces; the
// meter reads the header first, so that what is announced is neither allocated
// nor transferred.
//
// One goroutine may write while another one reads.
type meter struct {
	net.Conn
	limit int64

	left  atomic.Int64 // bytes that the current reply may still have
	begin []byte       // of the current reply
	skip  int64        // bytes of a string that are not looked at
	line  []byte
	over  error // what the connection has ended with
}

// longestHeader is how much of a line is kept to find out whether it announces a
// string.
const longestHeader = 24

// Write begins the next reply.
func (m *meter) Write(b []byte) (int, error) {
	m.left.Store(m.limit)
	return m.Conn.Write(b)
}

// Read returns errReplyTooLarge for a reply that is over the limit, and from then
// on: the client library looks into a reply before it reads it.
func (m *meter) Read(b []byte) (int, error) {
	if m.over != nil {
		return 0, m.over
	}
	n, err := m.Conn.Read(b)
	if m.over = m.scan(b[:n]); m.over != nil {
		_ = m.Conn.Close()
		return 0, m.over
	}
	return n, err
}

// scan follows the Redis protocol, in which a string is announced by a line of
// its type and its length.
func (m *meter) scan(b []byte) error {
	left := m.left.Add(-int64(len(b)))
	if read := m.limit - left; read == int64(len(b)) {
		m.begin = m.begin[:0]
	}
	m.begin = append(m.begin, b[:min(len(b), longestBegin-len(m.begin))]...)
	if left < 0 {
		return &tooLarge{m.limit - left, m.limit, m.begin}
	}
	for len(b) > 0 {
		if m.skip > 0 {
			n := min(m.skip, int64(len(b)))
			m.skip, b = m.skip-n, b[n:]
			continue
		}
		end := bytes.IndexByte(b, '\n')
		part := b
		if end >= 0 {
			part = b[:end]
		}
		m.line = append(m.line, part[:min(len(part), longestHeader-len(m.line))]...)
		if end < 0 {
			return nil
		}
		b = b[end+1:]
		length := announced(m.line)
		m.line = m.line[:0]
		if length > left+int64(len(b)) {
			return &tooLarge{m.limit - left + length, m.limit, m.begin}
		}
		if length >= 0 {
			m.skip = length + int64(len("\r\n"))
		}
	}
	return nil
}

// announced returns the length of the string that a line announces, or -1.
func announced(line []byte) int64 {
	if len(line) == 0 || line[0] != '$' && line[0] != '=' && line[0] != '!' {
		return -1
	}
	length, err := strconv.ParseInt(string(bytes.TrimSuffix(line[1:], []byte{'\r'})), 10, 64)
	if err != nil || length < 0 {
		return -1
	}
	return length
}

// NetConn returns the connection that is metered.
func (m *meter) NetConn() net.Conn { return m.Conn }

// meteredSocket is a meter over a socket. The client library asks sockets whether
// the other end has gone away before it uses them.
type meteredSocket struct {
	*meter
	syscall.Conn
}

// metered dials connections that read no reply of more than limit bytes.
func metered(dial func(context.Context, string, string) (net.Conn, error), describe func(error) error, limit int64) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, describe(err)
		}
		m := &meter{Conn: conn, limit: limit}
		m.left.Store(limit)
		if socket, ok := conn.(syscall.Conn); ok {
			return meteredSocket{m, socket}, nil
		}
		return m, nil
	}
}

// dialer is the client library's own, metered.
func (o *Options) dialer() func(context.Context, string, string) (net.Conn, error) {
	dial := redis.NewDialer(&redis.Options{DialTimeout: o.dialTimeout(), TLSConfig: o.TLS})
	describe := func(err error) error { return err }
	if o.TLS != nil {
		describe = describeTLS
	}
	return metered(dial, describe, o.MaxDocumentSize+replyMargin)
}

// describeTLS says of a server that does not answer a handshake what is most
// often the reason: it waits for the end of what it takes for a command.
func describeTLS(err error) error {
	if timeout := net.Error(nil); errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("connecting with TLS: %w; does the server speak TLS on this port? If not, write redis:// instead of rediss://", err)
	}
	return err
}

// Interface guards
var (
	_ net.Conn     = (*meter)(nil)
	_ net.Conn     = meteredSocket{}
	_ syscall.Conn = meteredSocket{}
)
