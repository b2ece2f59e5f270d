package plugin

import (
	"errors"
	"syscall"

	"weir/engine/diag"
)

// fewFilesCode is the code of failures for want of files that may be open.
const fewFilesCode diag.Code = "env.too_many_files"

// fewFiles reports whether err says that the process, or the system, may open no more files.
func fewFiles(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// failFewFiles returns err as a Failure that says what to do about it, once.
func failFewFiles(err error) error {
	var have *Failure
	if errors.As(err, &have) && have.Code == fewFilesCode {
		return &Failure{Class: Environment, Code: fewFilesCode, Err: err}
	}
	return &Failure{Class: Environment, Code: fewFilesCode, Err: err,
		Advice: "Let the process open more files, network connections included: ulimit -n in the shell that starts it, LimitNOFILE in a unit of systemd. Nothing is lost: the next run goes on from the last commit"}
}
