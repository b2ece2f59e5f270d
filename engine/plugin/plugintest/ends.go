package plugintest

import (
	"testing"
	"time"
)

// endTime bounds what Ends waits for, far above what anything takes that does not hang.
const endTime = 20 * time.Second

// Ends calls do and returns its error, and fails the test when it does not come to its end.
func Ends(t testing.TB, do func() error) error {
	t.Helper()
	over := make(chan error, 1)
	go func() { over <- do() }()
	select {
	case err := <-over:
		return err
	case <-time.After(endTime):
		t.Fatal("it hangs")
		return nil
	}
}
