package main

import (
	"math"
	"runtime/debug"
	"testing"
)

// TestCollectSeldom checks that the collector is as it was once a start is over, and
// that it is left alone where somebody set it.
func TestCollectSeldom(t *testing.T) {
	now := func() (percent int, limit int64) {
		percent = debug.SetGCPercent(100)
		debug.SetGCPercent(percent)
		return percent, debug.SetMemoryLimit(-1)
	}
	percent, limit := now()
	end := collectSeldom(func(string) string { return "" })
	if p, l := now(); (p != startGC || l != startLimit) && liveHeap() < startLive {
		t.Errorf("during the start: %d%%, %d bytes", p, l)
	}
	end()
	if p, l := now(); p != percent || l != limit {
		t.Errorf("after the start: %d%%, %d bytes, and before %d%%, %d", p, l, percent, limit)
	}
	end = collectSeldom(func(name string) string { return map[string]string{"GOMEMLIMIT": "1GiB"}[name] })
	if p, l := now(); p != percent || l != limit {
		t.Errorf("set by somebody: %d%%, %d bytes", p, l)
	}
	end()
	if n := liveHeap(); n == 0 || n == math.MaxUint64 {
		t.Errorf("%d bytes are live", n)
	}
}
