package engine

import (
	"weir/engine/config"
	"weir/engine/plan"
	"weir/engine/state"
)

// Paths are the files and folders that a configuration was read from.
type Paths = config.Paths

// Paths returns what the configuration was read from, what was looked for and not
// found included: whatever changes there may change what the configuration is.
func (l *Loaded) Paths() Paths {
	if l.Config == nil {
		return Paths{}
	}
	return l.Config.Snapshot.Paths()
}

// Changed reports that files were written while they were read, and one of them:
// the configuration may then be a mixture that never existed. A caller that
// watches Paths first misses no change.
func (l *Loaded) Changed() (name string, changed bool) {
	if l.Config == nil {
		return "", false
	}
	return l.Config.Snapshot.Changed()
}

// OpenStore opens the state store in dir as the engine block says, making it when
// there is none. takeOver opens it also when another process has it open, which can
// commit nothing from then on. The caller closes it.
func (e *Engine) OpenStore(dir string, o plan.EngineOptions, takeOver bool) (*state.Store, error) {
	return state.Open(dir, state.Options{Memory: o.StateMemory, SpoolLimit: o.SpoolLimit, TakeOver: takeOver, Log: e.log, Clock: e.clock})
}
