package main

import (
	"cmp"
	"fmt"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// logger makes a logger to standard error, which keeps standard output for results.
func (a *app) logger() (*zap.Logger, error) {
	log, _, err := a.levelledLogger()
	return log, err
}

// levelledLogger is logger, and the level that it logs at, which may be changed.
func (a *app) levelledLogger() (*zap.Logger, zap.AtomicLevel, error) {
	given, err := zapcore.ParseLevel(cmp.Or(a.logLevel, "warn"))
	if err != nil || given > zapcore.ErrorLevel {
		return nil, zap.AtomicLevel{}, withCode(exitConfig, fmt.Errorf("--log-level must be debug, info, warn or error, not %q", a.logLevel))
	}
	level := zap.NewAtomicLevelAt(given)
	ec := zap.NewProductionEncoderConfig()
	ec.EncodeTime = zapcore.ISO8601TimeEncoder
	ec.EncodeDuration = zapcore.StringDurationEncoder
	var enc zapcore.Encoder
	switch a.logFormat {
	case "json":
		enc = zapcore.NewJSONEncoder(ec)
	case "text":
		ec.EncodeLevel = zapcore.CapitalLevelEncoder
		ec.CallerKey, ec.StacktraceKey = "", ""
		enc = zapcore.NewConsoleEncoder(ec)
	default:
		return nil, level, withCode(exitConfig, fmt.Errorf("--log-format must be text or json, not %q", a.logFormat))
	}
	return zap.New(zapcore.NewCore(enc, zapcore.Lock(zapcore.AddSync(a.stderr)), level)), level, nil
}
