package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// crashVariable names the environment variable with which tests, and tests
// alone, have a run end like one that lost its power: "committed:3" is
// SIGKILL at the third time that the point "committed" is reached. The points
// are those of exec.Options.Point, counted over all pipelines of the run.
const crashVariable = "WEIR_CRASH_AT"

// crashPoint returns the function that ends the process as spec says; nil for "".
func crashPoint(spec string) (func(point string), error) {
	if spec == "" {
		return nil, nil
	}
	name, number, _ := strings.Cut(spec, ":")
	left, err := strconv.Atoi(number)
	if err != nil || left < 1 || name == "" {
		return nil, withCode(exitConfig, fmt.Errorf("%s must be POINT:N, such as committed:3, not %q", crashVariable, spec))
	}
	var times atomic.Int64 // pipelines that are served reach points side by side
	return func(point string) {
		if point == name && times.Add(1) == int64(left) {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // a process may always signal itself
			select {}                                      // until it is dead
		}
	}, nil
}
