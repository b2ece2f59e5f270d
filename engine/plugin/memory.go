package plugin

import "sync"

// Memory is what is known from one run of a pipeline to the next in the same process. The zero
// Memory knows nothing. It is safe for use by several goroutines.
type Memory struct {
	mu      sync.Mutex
	kept    map[string]any
	failure string // why the last run failed
}

// Keep returns what is kept under key, made by first when there is nothing yet. It may be used
// by several goroutines at the same time. A nil Memory keeps nothing.
func (m *Memory) Keep(key string, first func() any) any {
	if m == nil {
		return first()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.kept[key]
	if !ok {
		if m.kept == nil {
			m.kept = map[string]any{}
		}
		v = first()
		m.kept[key] = v
	}
	return v
}

// Repeats notes why a run failed, "" when it did not, and reports whether the one
// before failed for the same reason. A nil Memory knows of none.
func (m *Memory) Repeats(failure string) bool {
	if m == nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	again := failure != "" && m.failure == failure
	m.failure = failure
	return again
}
