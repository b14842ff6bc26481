package redis

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"github.com/caddy-experiments/caddy-experiments/store"
	"github.com/caddy-experiments/caddy-experiments/store/durable"
)

// disk keeps documents in <dir>/<project>/<environment>.lkg, each as it is in
// Redis. A crash at any point leaves the old file or the new one. Processes do
// not share a directory.
type disk struct {
	dir   string
	pause time.Duration // after writing
	work  chan struct{} // has an entry when there is something to write

	mu      sync.Mutex
	pending map[store.Tenant][]byte
	written map[store.Tenant][]byte
}

func newDisk(dir string) *disk {
	return &disk{
		dir: dir, pause: diskPause, work: make(chan struct{}, 1),
		pending: map[store.Tenant][]byte{}, written: map[store.Tenant][]byte{},
	}
}

func (d *disk) path(tenant store.Tenant) string {
	return filepath.Join(d.dir, tenant.Project(), tenant.Environment()+".lkg")
}

// recall reads what was kept for a tenant, at most limit bytes of it.
func (d *disk) recall(tenant store.Tenant, limit int64) ([]byte, error) {
	sealed, _, err := durable.Read(d.path(tenant), limit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, store.ErrNotFound
	}
	if err == nil {
		d.mu.Lock()
		d.written[tenant] = sealed
		d.mu.Unlock()
	}
	return sealed, err
}

// keep has a document written soon. Of several in a short time only the last is.
func (d *disk) keep(tenant store.Tenant, sealed []byte) {
	d.mu.Lock()
	d.pending[tenant] = sealed
	d.mu.Unlock()
	select {
	case d.work <- struct{}{}:
	default:
	}
}

// run writes until the context ends, and what is pending then. It tells failed
// once of a reason why it cannot.
func (d *disk) run(ctx context.Context, failed func(error)) {
	told := ""
	for done := false; !done; {
		select {
		case <-ctx.Done():
			done = true
		case <-d.work:
		}
		written, err := d.flush()
		if written {
			// In a burst of changes each would cost a write that the next one makes
			// useless; the first is on disk by now.
			pause(ctx, d.pause)
		}
		switch {
		case err == nil:
			told = ""
		case err.Error() != told:
			told = err.Error()
			failed(fmt.Errorf("keeping the last known good document on disk, without which this edge cannot start while redis is away: %w", err))
		}
	}
}

// diskPause is the pause after writing.
const diskPause = 100 * time.Millisecond

// flush writes what is pending, and reports whether there was anything new.
func (d *disk) flush() (written bool, err error) {
	d.mu.Lock()
	pending := d.pending
	d.pending = map[store.Tenant][]byte{}
	d.mu.Unlock()
	for tenant, sealed := range pending {
		d.mu.Lock()
		same := bytes.Equal(d.written[tenant], sealed)
		d.mu.Unlock()
		if !same {
			written = true
			err = errors.Join(err, d.write(tenant, sealed))
		}
	}
	return written, err
}

func (d *disk) write(tenant store.Tenant, sealed []byte) error {
	path := d.path(tenant)
	dir, name := filepath.Split(path)
	if err := durable.MakeDir(filepath.Clean(dir), 0o755); err != nil {
		return err
	}
	if err := durable.Replace(path, filepath.Join(dir, "."+name+".new"), sealed, 0o600, nil); err != nil {
		return err
	}
	d.mu.Lock()
	d.written[tenant] = sealed
	d.mu.Unlock()
	return nil
}
