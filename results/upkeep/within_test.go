package upkeep

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// pipe is what stands still while its gate is shut.
type pipe struct{ gate chan struct{} }

func (p *pipe) Close() error { return nil }

func (p *pipe) Ready() error {
	<-p.gate
	return nil
}

var errNoPipe = errors.New("there is no pipe")

// TestWhatStandsStill has a thing stand still under a user and, apart from that,
// under the question whether it is ready.
func TestWhatStandsStill(t *testing.T) {
	for _, used := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			p := &pipe{gate: make(chan struct{})}
			k := New(Options[*pipe]{What: "the pipe", Absent: errNoPipe, Open: func(context.Context) (*pipe, error) { return p, nil }})
			k.Start(time.Second)
			if used {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				err := k.Within(ctx, func(p *pipe) error { return p.Ready() })
				if !errors.Is(err, errNoPipe) || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("the user is told %v", err)
				}
			}
			time.Sleep(2 * watchInterval)
			if err := k.Trouble(); !errors.Is(err, errNoPipe) {
				t.Errorf("the trouble is %v", err)
			}
			if _, err := k.Take(); !errors.Is(err, errNoPipe) {
				t.Errorf("it is lent: %v", err)
			}
			close(p.gate)
			time.Sleep(2 * watchInterval)
			if err := k.Trouble(); err != nil {
				t.Errorf("it goes on, the trouble is %v", err)
			}
			failure := errors.New("a hole")
			if err := k.Within(t.Context(), func(*pipe) error { return failure }); !errors.Is(err, failure) || errors.Is(err, errNoPipe) {
				t.Errorf("the user is told %v", err)
			}
			if err := k.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
