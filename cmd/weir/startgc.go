package main

import (
	"math"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// While a server starts, most of what is allocated is garbage soon: collecting it
// seldom saves a fifth of the processor time. The limit keeps the memory from growing
// beyond what it would be otherwise; where what stays comes near to it, it goes.
const (
	startGC    = 400       // percent
	startLimit = 320 << 20 // bytes
	startLive  = 200 << 20 // of what stays, at most, for the limit to do no harm
)

// collectSeldom sets the collector for the start, until what it returns is called.
// Whoever sets the collector by GOGC or GOMEMLIMIT has it as it was set.
func collectSeldom(getenv func(string) string) (end func()) {
	if getenv("GOGC") != "" || getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	percent, limit := debug.SetGCPercent(startGC), debug.SetMemoryLimit(startLimit)
	restore := func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	}
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		defer restore()
		t := time.NewTicker(50 * time.Millisecond)
		defer t.Stop()
		for {
			select {
			case <-over:
				return
			case <-t.C:
				if liveHeap() > startLive {
					return
				}
			}
		}
	}()
	return func() {
		close(over)
		<-done
	}
}

// liveHeap returns the bytes that the last collection found in use.
func liveHeap() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	if metrics.Read(s); s[0].Value.Kind() != metrics.KindUint64 {
		return math.MaxUint64
	}
	return s[0].Value.Uint64()
}
