package files

import (
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"weir/engine/plugin"
)

// Memory is what is known of the sources of a pipeline from one run to the next in
// the same process: since when files have not changed, and what people were told.
// The zero Memory knows nothing. It is safe for use by several goroutines.
type Memory struct {
	mu      sync.Mutex
	sources map[string]*remembered
	failure string // why the last run failed
}

// remembered is what is known of one source.
type remembered struct {
	seen    map[string]sight // by path: the files that wait
	missing bool             // the folder was not there
	told    map[string]bool  // warnings of the last run
	telling map[string]bool  // those of the present one
}

// sight is how a file looks, and since when.
type sight struct {
	size  int64
	time  time.Time
	since time.Time // by the clock of this process
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

// of returns what is known of a source; key changes with what it reads. The caller holds mu.
func (m *Memory) of(key string) *remembered {
	if m.sources == nil {
		m.sources = map[string]*remembered{}
	}
	r := m.sources[key]
	if r == nil {
		r = &remembered{seen: map[string]sight{}}
		m.sources[key] = r
	}
	return r
}

// see notes the files that a source lists and that are to be read, and sets since
// when each has looked as it does. What is not among them is forgotten.
func (m *Memory) see(key string, now time.Time, queue []*candidate) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.of(key)
	seen := make(map[string]sight, len(queue))
	for _, c := range queue {
		c.since = now
		if x, ok := r.seen[c.info.Path]; ok && x.size == c.info.Size && x.time.Equal(c.info.ModTime) && !x.since.After(now) {
			c.since = x.since
		}
		seen[c.info.Path] = sight{c.info.Size, c.info.ModTime, c.since}
	}
	r.seen = seen
}

// change notes that a file has looked as it does only since c.since.
func (m *Memory) change(key string, c *candidate) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.of(key).seen[c.info.Path] = sight{c.info.Size, c.info.ModTime, c.since}
}

// forget drops a file that does not wait any more.
func (m *Memory) forget(key, path string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.of(key).seen, path)
}

// missing notes whether the folder is missing, and reports whether that is news.
func (m *Memory) missing(key string, missing bool) (news bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.of(key)
	news, r.missing = r.missing != missing, missing
	return news
}

// tell notes that people are told text, and reports whether the run before did not tell it.
func (m *Memory) tell(key, text string) (news bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.of(key)
	if r.telling == nil {
		r.telling = map[string]bool{}
	}
	r.telling[text] = true
	return !r.told[text]
}

// over ends a run: what the next one tells is compared with what this one told.
func (m *Memory) over(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.of(key)
	r.told, r.telling = r.telling, nil
}

// warn logs what people should know, once for as long as it stays the same.
func (s *Set) warn(text string, detail ...zap.Field) {
	if s.Memory.tell(s.key, fmt.Sprint(text, detail)) {
		s.Log.Warn(text, detail...)
		return
	}
	s.Log.Debug(text, detail...)
}

// memoryKey names a source in a Memory by what decides which files it sees.
func memoryKey(step string, src plugin.FileSource) string {
	return step + "\x00" + src.Location() + "\x00" + src.Files().Path
}
