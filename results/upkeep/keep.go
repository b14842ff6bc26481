package upkeep

import (
	"context"
	"time"

	"golang.org/x/time/rate"
)

const (
	// firstPause and longestPause bound the time between two attempts to open it;
	// each is twice as long as the one before.
	firstPause   = time.Second
	longestPause = 10 * time.Second
	// watchInterval is how often it is asked whether it is ready.
	watchInterval = 5 * time.Second
	// troubleInterval is how often trouble that lasts is reported.
	troubleInterval = time.Minute
)

// failing is what can fail for good. Closing it and opening it again may help.
type failing interface {
	// Failed is closed when it has failed.
	Failed() <-chan struct{}
	// Err is why.
	Err() error
}

// ready is what knows without being used whether it takes anything.
type ready interface {
	// Ready is why not, or nil.
	Ready() error
}

// keep opens it, whenever it is not open, until it is closed for good.
func (k *Keeper[T]) keep() {
	defer close(k.done)
	trouble := rate.Sometimes{First: 1, Interval: troubleInterval}
	news := false // that it is open again
	for pause := firstPause; ; {
		thing, err := k.options.Open(k.ending)
		if err == nil {
			if news {
				k.options.Logger.Info(k.options.What + " is open again")
			}
			news, pause = false, firstPause
			err = k.serve(thing)
		} else {
			k.SetTrouble(err)
			k.attempted()
		}
		if k.ending.Err() != nil {
			return
		}
		trouble.Do(func() {
			news = true
			k.options.Logger.Warn(k.options.What+" is not there; opening it is tried again", "error", err)
		})
		select {
		case <-k.ending.Done():
			return
		case <-time.After(pause):
			pause = min(2*pause, longestPause)
		}
	}
}

func (k *Keeper[T]) attempted() {
	select {
	case <-k.tried:
	default:
		close(k.tried)
	}
}

// serve lends it until it fails or is closed for good, and closes it. It returns
// why it has failed.
func (k *Keeper[T]) serve(thing T) error {
	k.SetTrouble(nil)
	current := newLease(thing)
	k.lend(current)
	k.attempted()
	err := k.watch(thing)
	k.lend(nil)
	k.SetTrouble(err)
	if closeErr := current.close(); closeErr != nil {
		k.options.Logger.Debug("closing "+k.options.What, "error", closeErr)
	}
	return err
}

// watch waits for the end of it, and returns why it has failed.
func (k *Keeper[T]) watch(thing T) error {
	var failed <-chan struct{}
	fails, canFail := any(thing).(failing)
	if canFail {
		failed = fails.Failed()
	}
	var look <-chan time.Time
	says, knows := any(thing).(ready)
	if knows {
		k.ask(says)
		ticker := time.NewTicker(watchInterval)
		defer ticker.Stop()
		look = ticker.C
	}
	for {
		select {
		case <-k.ending.Done():
			return nil
		case <-failed:
			return fails.Err()
		case <-look:
			k.ask(says)
		}
	}
}

// ask finds out whether it is ready. On a disk that stands still that may take for
// ever, and is asked no second time then.
func (k *Keeper[T]) ask(says ready) {
	if k.stalls.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(k.ending, watchInterval)
	defer cancel()
	k.SetTrouble(k.stalls.Do(ctx, says.Ready))
}
