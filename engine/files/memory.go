package files

import (
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"weir/engine/plugin"
)

// memory is what is known of one source from one run to the next in the same process: since when
// files have not changed, and what people were told. It is safe for use by several goroutines.
type memory struct {
	mu      sync.Mutex
	seen    map[string]sight // by path: the files that wait
	absent  bool             // the folder was not there
	told    map[string]bool  // warnings of the last run
	telling map[string]bool  // those of the present one
}

// sight is how a file looks, and since when.
type sight struct {
	size  int64
	time  time.Time
	since time.Time // by the clock of this process
}

// remembered returns what m keeps of a source; key changes with what it reads.
func remembered(m *plugin.Memory, key string) *memory {
	kept, ok := m.Keep(key, func() any { return &memory{seen: map[string]sight{}} }).(*memory)
	if !ok {
		return &memory{seen: map[string]sight{}} // somebody else's key, which cannot be
	}
	return kept
}

// see notes the files that a source lists and that are to be read, and sets since
// when each has looked as it does. What is not among them is forgotten.
func (m *memory) see(now time.Time, queue []*candidate) {
	m.mu.Lock()
	defer m.mu.Unlock()
	seen := make(map[string]sight, len(queue))
	for _, c := range queue {
		c.since = now
		if x, ok := m.seen[c.info.Path]; ok && x.size == c.info.Size && x.time.Equal(c.info.ModTime) && !x.since.After(now) {
			c.since = x.since
		}
		seen[c.info.Path] = sight{c.info.Size, c.info.ModTime, c.since}
	}
	m.seen = seen
}

// change notes that a file has looked as it does only since c.since.
func (m *memory) change(c *candidate) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen[c.info.Path] = sight{c.info.Size, c.info.ModTime, c.since}
}

// forget drops a file that does not wait any more.
func (m *memory) forget(path string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.seen, path)
}

// missing notes whether the folder is missing, and reports whether that is news.
func (m *memory) missing(missing bool) (news bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	news, m.absent = m.absent != missing, missing
	return news
}

// tell notes that people are told text, and reports whether the run before did not tell it.
func (m *memory) tell(text string) (news bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.telling == nil {
		m.telling = map[string]bool{}
	}
	m.telling[text] = true
	return !m.told[text]
}

// over ends a run: what the next one tells is compared with what this one told.
func (m *memory) over() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.told, m.telling = m.telling, nil
}

// warn logs what people should know, once for as long as it stays the same.
func (s *Set) warn(text string, detail ...zap.Field) {
	if s.memory.tell(fmt.Sprint(text, detail)) {
		s.Log.Warn(text, detail...)
		return
	}
	s.Log.Debug(text, detail...)
}

// memoryKey names a source in a memory by what decides which files it sees.
func memoryKey(step string, src plugin.FileSource) string {
	return step + "\x00" + src.Location() + "\x00" + src.Files().Path
}
