package ftp

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weir/engine/plugin"
	"weir/engine/plugin/plugintest"
)

// TestLibraryDefects: a reply over which the library panics is the failure of that session,
// at whatever moment it comes. It takes no place of the others, leaves nothing open and
// shows nothing of what was said.
func TestLibraryDefects(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	for _, tc := range []struct {
		name, word string
		say        map[string]func(*exchange)
	}{
		{"PWD", "logging in", map[string]func(*exchange){"PWD": says(`257 "s3cret-pw`)}},
		{"PASV", "listing /", map[string]func(*exchange){"EPSV": says("502 no"), "PASV": says("227 s3cret-pw )1,2,3,4,5,6(")}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := &scripted{say: tc.say}
			c := s.connect(t, "none", time.Minute)
			h := plugintest.NewHost(t, nil)
			for range 2*c.Sessions + 1 {
				err := plugintest.Ends(t, func() error { return visit(t.Context(), c, h) })
				wantFailure(t, err, plugin.Environment, "env.client_defect", "said something while "+tc.word, "out of range", "github.com/jlaffaye/ftp.(*ServerConn)", "Please report")
			}
			logs := fmt.Sprintf("%+v", h.Logs())
			if strings.Contains(logs, "s3cret-pw") || !strings.Contains(logs, "a defect in the program ended a session") || !strings.Contains(logs, "stack") {
				t.Errorf("logged: %.500s", logs)
			}
			s.healed.Store(true)
			if err := visit(t.Context(), c, h); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}
