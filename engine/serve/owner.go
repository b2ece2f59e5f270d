package serve

import (
	"time"

	"go.uber.org/zap"

	"weir/engine/diag"
	"weir/engine/state"
)

// ownerPause is the time between two looks whether the state folder is still this
// server's. Runs, changes and operations look before they begin, too.
const ownerPause = 10 * time.Second

// watchOwner looks from time to time whether another process took the state folder
// over: a server that has nothing to do would not meet it.
func (s *Server) watchOwner() {
	defer s.wg.Done()
	for s.owned() == nil {
		over, stop := s.after(s.ctx, ownerPause)
		select {
		case <-over:
		case <-s.stopped:
		}
		stop()
		select {
		case <-s.stopped:
			return
		default:
		}
		if s.ctx.Err() != nil {
			return
		}
	}
}

// owned returns why nothing may begin any more: another process took the state folder
// over. That the folder cannot be looked at for a moment is no reason.
func (s *Server) owned() error {
	err := s.store.Owned()
	lost := state.Lost(err)
	if lost == nil {
		s.tellBroken()
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lose(lost)
	return err
}

// lose notes that the state folder belongs to another process, or is gone. The caller holds mu.
func (s *Server) lose(err error) {
	if s.takenOver != nil {
		return
	}
	s.takenOver = err
	s.log.Error("the state folder is lost: nothing that this process does is kept any more, and it ends", zap.Error(err))
	close(s.lost)
}

// tellBroken logs once that the store cannot be written any more.
func (s *Server) tellBroken() {
	if err := s.store.Health(); err != nil && s.broken.CompareAndSwap(false, true) {
		s.log.Error("the state store cannot be written any more: no run can commit. Look at its disk, then start weir serve again; nothing that was committed is lost", zap.Error(err))
	}
}

// ownerDiagnostics says that a reload changes nothing any more.
func ownerDiagnostics(err error) diag.List {
	return diag.List{diag.Errorf("state.taken_over", nil, "The server has lost its state folder", "%s.", err)}
}
