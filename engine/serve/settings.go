package serve

import (
	"encoding/json"
	"fmt"

	"go.uber.org/zap"

	"weir/engine/diag"
	"weir/engine/plan"
	"weir/engine/state"
)

// noteEngine is the note with the settings of the process that served last.
const noteEngine = "engine-settings"

// logLevel is the name of the one setting of the process that a reload takes.
const logLevel = "log_level"

// takeSettings takes the settings of the whole process, which keeps them for as long as it lives.
func (s *Server) takeSettings(p *plan.Plan) error {
	s.engine, s.settings = p.Engine, p.Engine.Settings(s.key)
	s.o.LogLevel(p.Engine.LogLevelWritten())
	b, err := json.Marshal(s.settings)
	if err != nil {
		return err
	}
	return s.store.PutNotes(state.Note{Name: noteEngine, Value: b})
}

// takeLogLevel takes the log level of a newer configuration, which needs no new process.
func (s *Server) takeLogLevel(e *plan.EngineOptions) {
	updated := e.Settings(s.key)
	for i := range s.settings {
		if x := &s.settings[i]; x.Name == logLevel && x.Digest != updated[i].Digest {
			*x, s.engine.LogLevel = updated[i], e.LogLevel
			s.log.Info("the log level changes", zap.String("to", e.LogLevelWritten()))
		}
	}
	s.o.LogLevel(e.LogLevelWritten())
}

// recallSettings reads which settings the process had that served last.
func (s *Server) recallSettings() error {
	b, err := s.store.Note(noteEngine)
	if b == nil || err != nil {
		return err
	}
	_ = json.Unmarshal(b, &s.settings) // those of another version are not compared
	return nil
}

// engineChanged says which settings of the whole process have changed and take
// effect only when it is started again.
func (s *Server) engineChanged(p *plan.Plan, v *Verdict) {
	for _, c := range plan.EngineDifferences(s.settings, p.Engine.Settings(s.key)) {
		if c.Name == logLevel {
			continue
		}
		v.diags = append(v.diags, diag.Warnf("serve.needs_restart", c.Range, fmt.Sprintf("engine.%s takes effect when weir serve is started again", c.Name),
			"It is %s now%s. Pipelines are reloaded without it.", c.Old, noBlock(c)))
	}
}

// noBlock says where a setting was written that has no place any more.
func noBlock(c plan.EngineDifference) string {
	switch {
	case c.Range != nil:
		return ""
	case c.Was != nil:
		return fmt.Sprintf(", from the engine block that was at %s:%d; there is none any more", c.Was.Filename, c.Was.Start.Line)
	}
	return ", from an engine block; there is none any more"
}
