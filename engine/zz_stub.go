package engine
import ("weir/engine/plan"; "weir/engine/state")
type Paths struct{ Files, Folders []string }
func (l *Loaded) Paths() Paths { return Paths{} }
func (l *Loaded) Changed() (string, bool) { return "", false }
func (e *Engine) OpenStore(dir string, _ plan.EngineOptions) (*state.Store, error) { return e.open(dir) }
