package plan

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/hashicorp/hcl/v2"

	"weir/engine/spec"
)

// DefaultDrain is how long a run may take to come to a commit when nothing else is said.
const DefaultDrain = 30 * time.Second

// EngineOptions are those of the engine block; zero values where there is none.
type EngineOptions struct {
	StateDir    string
	StateMemory int64 // bytes; 0 stands for the default of the store
	SpoolLimit  int64 // bytes of copies of remote files, all together; 0 is no limit
	Listen      string
	Token       spec.Secret
	Runs        int
	RunsPerHost int
	Drain       time.Duration
	LogLevel    string

	at      spec.Ranges
	missing hcl.Range // stands for where settings are that are not written
}

// EngineSpec declares the engine block.
func EngineSpec(e *EngineOptions) spec.Body {
	return spec.Body{
		spec.String("state", &e.StateDir).Default(".weir/state", `".weir/state"`).Doc("Folder of the embedded state store, relative to where weir runs."),
		spec.Size("state_memory", &e.StateMemory).Default(256<<20, `"256MiB"`).Check(enoughMemory).Doc("Memory of the state store, at most: what it read, what it is about to write, and the keys it can tell without reading. " +
			"A key of a dedupe step or an entity needs about 11 bytes of it; where there are more keys, telling a known one costs a read. Rows under way come on top."),
		spec.Size("spool_limit", &e.SpoolLimit).Default(32<<30, `"32GiB"`).Doc("Bytes that local copies of remote files may take in the state folder, all together; 0 is no limit. 256 MiB of its disk are left to the state store in any case."),
		spec.String("listen", &e.Listen).Default("127.0.0.1:7433", `"127.0.0.1:7433"`).Check(checkListen).Doc("Where weir serve answers HTTP: HOST:PORT, or \"off\". An address that other machines reach needs a token."),
		spec.Credential("token", &e.Token).Check(checkToken).Doc("What callers of the HTTP API must show, as Authorization: Bearer TOKEN. Give it with secret(). At an address that other machines reach it has 16 characters or more."),
		spec.Int("runs", &e.Runs).Default(256, "256").Check(spec.Between(1, 100_000)).Doc("Pipelines that weir serve runs at the same time, at most."),
		spec.Int("runs_per_host", &e.RunsPerHost).Default(8, "8").Check(spec.Between(1, 100_000)).Doc("Of these, how many may talk to one remote host."),
		spec.Duration("drain", &e.Drain).Default(DefaultDrain, `"30s"`).Doc("How long a run may take to come to a commit and stop, when its pipeline is changed, or weir serve or weir run is asked to end. One that takes longer is cancelled."),
		spec.Choice("log_level", &e.LogLevel, "debug", "info", "warn", "error").Default("info", `"info"`).Doc("The least severe messages that are logged."),
	}
}

func enoughMemory(n int64) error {
	if n < 32<<20 {
		return errors.New("must be 32MiB or more")
	}
	return nil
}

func checkListen(s string) error {
	if s == "off" {
		return nil
	}
	_, port, err := net.SplitHostPort(s)
	if n, perr := strconv.Atoi(port); err != nil || perr != nil || n < 0 || n > 65535 {
		return fmt.Errorf("must be HOST:PORT such as \"127.0.0.1:7433\", or \"off\", not %q", s)
	}
	return nil
}

// Settings returns the settings of the engine block, with the defaults of those that
// are not written, also where there is no block. e is the one that was decoded, not a
// copy: ranges are known by the fields they were decoded into. key is as for Describe.
func (e *EngineOptions) Settings(key []byte) []Setting {
	if e.at == nil {
		whole := EngineOptions{}
		_, _ = EngineSpec(&whole).Decode(hcl.EmptyBody(), nil) // nothing is required
		e = &whole
	}
	d := describer{cache: &cache{}, key: key}
	return d.settings(nil, EngineSpec(e).Values(e.at))
}

// LogLevelWritten returns the log level that the engine block names, "" when it names
// none. e is as for Settings.
func (e *EngineOptions) LogLevelWritten() string {
	if at := e.at.Of(&e.LogLevel); at == nil || *at == e.missing {
		return ""
	}
	return e.LogLevel
}

// EngineDifference is a setting of the engine block that another plan has changed.
type EngineDifference struct {
	Name  string
	Old   string     // "(secret)" for secrets
	Range *hcl.Range // where it is written now, else the block; nil when there is none
	Was   *hcl.Range // where it was written, else the block; nil when that is not known
}

// EngineDifferences returns the settings that are otherwise than in old.
func EngineDifferences(old, updated []Setting) []EngineDifference {
	var out []EngineDifference
	for i := range updated {
		u := &updated[i]
		k := slices.IndexFunc(old, func(o Setting) bool { return o.Name == u.Name })
		if k < 0 || old[k].Digest == u.Digest { // an older version did not know it
			continue
		}
		out = append(out, EngineDifference{Name: u.Name, Old: old[k].Value, Range: u.Range, Was: old[k].Range})
	}
	return out
}
