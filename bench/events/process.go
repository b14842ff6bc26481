package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// processorTime is what a process has used of all cores, in steps of 10 ms.
func processorTime(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The name before may have spaces.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat has only %d fields", pid, len(fields))
	}
	var ticks int64
	for _, field := range fields[11:13] { // user and system
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond, nil
}

// idleAgain is the processor time of a process once it has nothing left to do.
func idleAgain(ctx context.Context, pid int) (time.Duration, error) {
	const rest, patience = time.Second, 2 * time.Minute
	before, err := processorTime(pid)
	for deadline := time.Now().Add(patience); err == nil && time.Now().Before(deadline); {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(rest):
		}
		var now time.Duration
		if now, err = processorTime(pid); now-before < rest/20 {
			return now, err
		}
		before = now
	}
	return 0, errors.Join(err, fmt.Errorf("process %d has something to do for more than %s", pid, patience))
}

// memoryOf gives a figure of /proc/<pid>/status in MB: VmRSS, or VmHWM for the
// most there was.
func memoryOf(pid int, name string) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, rest, found := strings.Cut(string(text), "\n"+name+":")
	fields := strings.Fields(rest)
	if !found || len(fields) == 0 {
		return 0, fmt.Errorf("/proc/%d/status has no %s", pid, name)
	}
	kilobytes, err := strconv.ParseFloat(fields[0], 64)
	return kilobytes / 1024, err
}

// forgetPeak makes the most that there was what there is now.
func forgetPeak(pid int) error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}

// heapInUse is how many MB there are on the edge's heap, collected or not.
func (e *edge) heapInUse() (float64, error) {
	answer, err := http.Get(e.admin + "/metrics")
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		if name, value, _ := strings.Cut(lines.Text(), " "); name == "go_memstats_heap_alloc_bytes" {
			bytes, err := strconv.ParseFloat(value, 64)
			return bytes / (1 << 20), err
		}
	}
	return 0, errors.New("the metrics have no figures about the heap")
}
