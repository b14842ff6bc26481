package embedded

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/caddy-experiments/caddy-experiments/results/events"
	"github.com/caddy-experiments/caddy-experiments/results/events/eventstest"
)

// standing is a disk that stands still while gate has a channel that is open.
type standing struct {
	vfs.FS
	gate atomic.Pointer[chan struct{}]
}

type standingFile struct {
	vfs.File
	disk *standing
}

func (s *standing) wait() {
	if gate := s.gate.Load(); gate != nil {
		<-*gate
	}
}

// Create implements vfs.FS.
func (s *standing) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := s.FS.Create(name, category)
	return &standingFile{f, s}, err
}

// Write implements vfs.File.
func (f *standingFile) Write(p []byte) (int, error) {
	f.disk.wait()
	return f.File.Write(p)
}

// SyncData implements vfs.File.
func (f *standingFile) SyncData() error {
	f.disk.wait()
	return f.File.SyncData()
}

// Sync implements vfs.File.
func (f *standingFile) Sync() error {
	f.disk.wait()
	return f.File.Sync()
}

// TestDiskThatStandsStill has a disk neither fail nor go on. Appends end with
// their contexts, later ones are refused at once, and all is well when it goes
// on.
func TestDiskThatStandsStill(t *testing.T) {
	disk := &standing{FS: vfs.Default}
	l, err := Open(t.TempDir(), Options{fs: disk})
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, l)
	eventstest.Feed(t, l, tenant, numbered(0))
	gate := make(chan struct{})
	disk.gate.Store(&gate)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	err = l.Append(ctx, tenant, numbered(1))
	refused(t, err, "not answered in time")
	if !errors.Is(err, events.ErrUnavailable) {
		t.Errorf("the error is %v", err)
	}
	waitFor(t, "that it says so", func() bool { return l.Ready() != nil })
	refused(t, l.Append(context.Background(), tenant, numbered(2)), "stands still")
	close(gate)
	disk.gate.Store(nil)
	waitFor(t, "that it is ready", func() bool { return l.Ready() == nil })
	eventstest.Feed(t, l, tenant, numbered(3))
	if found := counted(t, l); found != 3 { // what was under way is there
		t.Errorf("there are %d batches", found)
	}
}
