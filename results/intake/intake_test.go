package intake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/caddy-experiments/caddy-experiments/results/events"
)

// canceled is a context for who does not wait.
func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// A tenant alone has half of the budget; the next one half of what is left.
func TestTenantsShare(t *testing.T) {
	b := newBudget(1200)
	most := func(tenant string) (taken int) {
		for b.take(canceled(), tenant, 10) == nil {
			taken += 10
		}
		return taken
	}
	if got := most("shop/production"); got != 600 {
		t.Errorf("one alone has %d, want 600", got)
	}
	if got := most("bank/production"); got != 300 {
		t.Errorf("the second one has %d, want 300", got)
	}
	if got := most("club/production"); got != 150 {
		t.Errorf("the third one has %d, want 150", got)
	}
	b.give("shop/production", 600)
	if got := most("bank/production"); got != 220 {
		t.Errorf("the second one has %d more, want 220", got)
	}
	if err := b.take(canceled(), "shop/production", 10_000); !errors.Is(err, ErrBusy) {
		t.Errorf("got %v", err)
	}
}

// Who waits gets what is given back, each tenant in its order, and one that waits
// for much does not keep others from little.
func TestWaiting(t *testing.T) {
	b := newBudget(1000)
	if err := b.take(canceled(), "shop/production", 500); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var order []string
	var all sync.WaitGroup
	for i, c := range []struct {
		tenant string
		bytes  int64
	}{{"shop/production", 400}, {"shop/production", 50}} {
		all.Go(func() {
			err := b.take(context.Background(), c.tenant, c.bytes)
			mu.Lock()
			defer mu.Unlock()
			if order = append(order, fmt.Sprint(c.bytes)); err != nil {
				t.Error(err)
			}
		})
		eventually(t, "it waits", func() bool {
			b.mu.Lock()
			defer b.mu.Unlock()
			return len(b.waiting) == i+1
		})
	}
	if err := b.take(canceled(), "bank/production", 200); err != nil {
		t.Errorf("another tenant waits: %v", err)
	}
	b.give("bank/production", 200)
	b.give("shop/production", 500)
	all.Wait()
	if len(order) != 2 || b.used != 450 || len(b.by) != 1 {
		t.Errorf("got %v, %d used by %d", order, b.used, len(b.by))
	}
}

func TestWhatIsTakenIsGivenBack(t *testing.T) {
	b := newBudget(10_000)
	var all sync.WaitGroup
	for g := range 20 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 7))
			tenant := fmt.Sprint("tenant", g%3)
			for range 500 {
				n := r.Int64N(2000)
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(r.IntN(300))*time.Microsecond)
				if b.take(ctx, tenant, n) == nil {
					b.give(tenant, n)
				}
				cancel()
			}
		})
	}
	all.Wait()
	if b.used != 0 || len(b.by) != 0 || len(b.waiting) != 0 {
		t.Errorf("left: %d bytes, %v, %d waiting", b.used, b.by, len(b.waiting))
	}
}

func TestRead(t *testing.T) {
	const limit = 300_000
	i := New(Limits{Text: 2 << 20})
	for _, size := range []int{0, 1, 511, smallest - 1, smallest, smallest + 1, 2 * smallest, 200_000, limit - 1, limit, limit + 1, limit + 2, 2 * limit} {
		body := strings.Repeat("0123456789", size/10+1)[:size]
		for _, length := range []int64{-1, int64(size), int64(size) - 1, int64(size) / 2} {
			for name, r := range map[string]io.Reader{
				"at once": strings.NewReader(body), "the end with it": iotest.DataErrReader(strings.NewReader(body)), "by halves": iotest.HalfReader(strings.NewReader(body)),
			} {
				b, err := i.Read(context.Background(), "shop/production", r, length, limit)
				switch {
				case size > limit && !errors.Is(err, events.ErrTooLarge):
					t.Errorf("%d bytes of %d, %s: got %v", size, length, name, err)
				case size <= limit && (err != nil || string(b.Text) != body):
					t.Errorf("%d bytes of %d, %s: got another text, %v", size, length, name, err)
				case err == nil:
					if int64(cap(b.Text)) != i.text.used {
						t.Errorf("%d bytes of %d, %s: %d are taken for %d", size, length, name, i.text.used, cap(b.Text))
					}
					if err := b.Decode(context.Background()); err != nil {
						t.Error(err)
					}
					b.Release()
					b.Release()
				}
				if i.text.used != 0 || i.decoded.used != 0 {
					t.Fatalf("%d bytes of %d, %s: %d and %d are left", size, length, name, i.text.used, i.decoded.used)
				}
			}
		}
	}
	broken := errors.New("broken")
	if _, err := i.Read(context.Background(), "shop/production", io.MultiReader(bytes.NewReader(make([]byte, 100_000)), iotest.ErrReader(broken)), -1, limit); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if i.text.used != 0 {
		t.Errorf("%d are left", i.text.used)
	}
}

func TestSlowBodiesEnd(t *testing.T) {
	i := New(Limits{Grace: 10 * time.Millisecond, Rate: 1000})
	in, out := io.Pipe()
	go func() {
		for {
			if _, err := out.Write([]byte{' '}); err != nil {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	defer in.Close()
	if _, err := i.Read(context.Background(), "shop/production", in, -1, 1<<20); !errors.Is(err, ErrSlow) {
		t.Errorf("got %v", err)
	}
	if i.text.used != 0 {
		t.Errorf("%d are left", i.text.used)
	}
}

// Bodies that do not come to an end take no more than the tenant's share, and
// another tenant's is read.
func TestHeldBodies(t *testing.T) {
	i := New(Limits{Text: 1 << 20, Wait: time.Millisecond})
	var all sync.WaitGroup
	stop := make(chan struct{})
	for range 20 {
		all.Go(func() {
			r := io.MultiReader(bytes.NewReader(make([]byte, 200_000)), waiting(stop))
			if b, err := i.Read(context.Background(), "shop/production", r, -1, 1<<20); err == nil {
				b.Release()
			} else if !errors.Is(err, ErrBusy) {
				t.Error(err)
			}
		})
	}
	eventually(t, "the share is used", func() bool {
		i.text.mu.Lock()
		defer i.text.mu.Unlock()
		if i.text.used > 1<<19 {
			t.Errorf("%d bytes are taken", i.text.used)
		}
		return i.text.used > 0 && len(i.text.waiting) == 0
	})
	b, err := i.Read(context.Background(), "bank/production", bytes.NewReader(make([]byte, 100_000)), -1, 1<<20)
	if err != nil {
		t.Errorf("another tenant: %v", err)
	} else {
		b.Release()
	}
	close(stop)
	all.Wait()
	if i.text.used != 0 {
		t.Errorf("%d are left", i.text.used)
	}
}

// waiting is a reader that ends when it is told.
func waiting(stop chan struct{}) io.Reader {
	return readerFunc(func([]byte) (int, error) {
		<-stop
		return 0, io.EOF
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// eventually waits for a condition.
func eventually(t *testing.T, what string, met func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !met(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}
