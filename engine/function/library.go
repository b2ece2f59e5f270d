package function

import (
	"fmt"
	"regexp"
	"sync"
	"time"

	"weir/engine/datetime"
)

// maxCached bounds each cache of the scalar forms. Formats and zones are constants
// nearly always; only an expression that computes them meets the bound.
const maxCached = 256

// library holds what the scalar forms share: compiled formats and
// patterns and loaded zones.
type library struct {
	formats cache[*datetime.Format]
	zones   cache[*time.Location]

	patterns cache[*regexp.Regexp]
	printfs  cache[printf]
}

func newLibrary() *library {
	return &library{
		formats: cache[*datetime.Format]{make: datetime.Compile},
		zones:   cache[*time.Location]{make: Zone},

		patterns: cache[*regexp.Regexp]{make: compileRE},
		printfs:  cache[printf]{make: parsePrintf},
	}
}

// cache is a bounded map from text to what is made of it, safe for goroutines.
type cache[T any] struct {
	make func(string) (T, error)
	mu   sync.RWMutex
	m    map[string]T
}

func (c *cache[T]) get(key string) (T, error) {
	c.mu.RLock()
	v, known := c.m[key]
	c.mu.RUnlock()
	if known {
		return v, nil
	}
	v, err := c.make(key)
	if err != nil {
		return v, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m == nil || len(c.m) >= maxCached {
		c.m = make(map[string]T)
	}
	c.m[key] = v
	return v, nil
}

// Zone returns the time zone of a name in the IANA database. The zone of the
// machine is refused: a pipeline means the same everywhere. The error quotes the name.
func Zone(name string) (*time.Location, error) {
	if name != "" && name != "Local" {
		if loc, err := time.LoadLocation(name); err == nil {
			if loc.String() == "UTC" {
				return time.UTC, nil
			}
			return loc, nil
		}
	}
	return nil, fmt.Errorf("%q is not a time zone; write a name such as Europe/Amsterdam or UTC", name)
}
