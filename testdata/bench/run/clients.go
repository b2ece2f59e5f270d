package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"go.uber.org/zap"

	"weir/engine/files"
	"weir/engine/plugin"
	"weir/engine/share"
	"weir/engine/spec"
	"weir/engine/state"
	"weir/engine/state/memkv"
	"weir/engine/testkit/realserver"
	ftpplugin "weir/plugins/ftp"
	sftpplugin "weir/plugins/sftp"
)

// lftp has ssh do the encryption and does not wait for it, so that the processor
// time of its SFTP downloads lacks what ssh took.
func lftp(at place, key, out string) []string {
	commands := fmt.Sprintf("set cmd:fail-exit true; get %s -o %s; bye", at.Path, out)
	_, port, _ := net.SplitHostPort(at.Addr)
	url := "ftp://" + at.Addr
	switch {
	case at.Kind == "sftp":
		url = "sftp://" + at.Addr
		commands = fmt.Sprintf("set sftp:connect-program \"ssh -a -x -p %s -i %s -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR\"; %s", port, key, commands)
	case at.TLS == "explicit":
		commands = "set ftp:ssl-force true; set ftp:ssl-protect-data true; set ssl:verify-certificate false; " + commands
	default:
		commands = "set ftp:ssl-allow false; " + commands
	}
	return []string{"lftp", "--norc", "-u", at.User + "," + realserver.Password, "-e", commands, url}
}

func curl(at place, key, out string) []string {
	args := []string{"curl", "-sS", "-k", "-o", out, "-u", at.User + ":" + realserver.Password}
	switch {
	case at.Kind == "sftp":
		return append(args, "--key", key, "sftp://"+at.Addr+at.Path)
	case at.TLS == "explicit":
		args = append(args, "--ssl-reqd")
	}
	return append(args, "ftp://"+at.Addr+"/"+at.Path)
}

func sftp(at place, key, out string) []string {
	if at.Kind != "sftp" {
		return nil
	}
	host, port, _ := net.SplitHostPort(at.Addr)
	return []string{"sftp", "-q", "-P", port, "-i", key, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
		at.User + "@" + host + ":" + at.Path, out}
}

// fetch downloads the file of a place, written as JSON, into the spool folder,
// as a run does it: list, look, open, copy, look again.
func fetch(ctx context.Context, text, spool string) (err error) {
	var at place
	if err := json.Unmarshal([]byte(text), &at); err != nil {
		return err
	}
	src, err := at.source()
	if err != nil {
		return err
	}
	store, err := state.New(memkv.New(), state.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	session, err := store.Pipeline(ctx, "downloads", 1, "bench")
	if err != nil {
		return err
	}
	fsys, err := src.OpenFS(ctx, &lender{})
	if err != nil {
		return err
	}
	set, err := files.Open(files.Config{Source: src, FS: fsys, Ledger: session.Ledger("files"), Pipeline: session.Address(), Step: "files", Spool: spool, Clock: plugin.SystemClock{}})
	if err != nil {
		return errors.Join(err, fsys.Close())
	}
	f, err := set.Next(ctx)
	if err == nil && f.Name != at.Path {
		err = fmt.Errorf("got %s, want %s", f.Name, at.Path)
	}
	return errors.Join(err, set.Close())
}

func (at place) source() (plugin.FileSource, error) {
	options := plugin.FileOptions{Path: at.Path, Ready: "now", After: "keep", Order: "name"}
	if at.Kind == "sftp" {
		c := &sftpplugin.Connection{User: at.User, PrivateKey: spec.NewSecret(at.Key), Timeout: 30 * time.Second, Keepalive: 30 * time.Second, Sessions: 4}
		return &sftpplugin.Source{Type: "sftp", FileOptions: options, Ref: &spec.Ref{Kind: "connection", Value: c}}, c.StandIn(at.Addr, at.Host)
	}
	c := &ftpplugin.Connection{
		User: at.User, Password: spec.NewSecret(realserver.Password), TLS: at.TLS, Verify: true, Timezone: "UTC",
		Timeout: 30 * time.Second, Keepalive: 30 * time.Second, Sessions: 4, MLSD: true, EPSV: true, ExactTimes: true,
	}
	return &ftpplugin.Source{Type: "ftp", FileOptions: options, Ref: &spec.Ref{Kind: "connection", Value: c}}, c.StandIn(at.Addr, at.CA)
}

// lender is a plugin.Host that logs nothing.
type lender struct{ pool share.Pool }

// Log implements plugin.Host.
func (*lender) Log() *zap.Logger { return zap.NewNop() }

// Clock implements plugin.Host.
func (*lender) Clock() plugin.Clock { return plugin.SystemClock{} }

// Machine implements plugin.Host.
func (*lender) Machine() plugin.Machine { return plugin.SystemMachine{} }

// Share implements plugin.Host.
func (l *lender) Share(key string, open func() (any, func(), error)) (any, func(), error) {
	return l.pool.Get(key, open)
}

// unavailable says why a server cannot run here.
type unavailable struct{ reason string }

// Error implements error.
func (u unavailable) Error() string { return u.reason }

// stage stands in for a test, where the helpers that start servers want one.
// What ends a test ends onStage with unavailable.
type stage struct {
	testing.TB // of which only the methods below are called
	undo       []func()
	folder     string
}

// onStage calls do and then undoes what was made for it.
func onStage(do func(t *stage) error) (err error) {
	t := &stage{}
	if t.folder, err = os.MkdirTemp("", "weir-bench-"); err != nil {
		return err
	}
	t.Cleanup(func() { _ = os.RemoveAll(t.folder) }) // a temporary folder
	defer func() {
		if r := recover(); r != nil {
			u, ok := r.(unavailable)
			if !ok {
				panic(r)
			}
			err = u
		}
		for i := len(t.undo) - 1; i >= 0; i-- {
			t.undo[i]()
		}
	}()
	return do(t)
}

func (t *stage) dir() string { return t.folder }

// Helper implements testing.TB.
func (*stage) Helper() {}

// Cleanup implements testing.TB.
func (t *stage) Cleanup(f func()) { t.undo = append(t.undo, f) }

// Fatal implements testing.TB.
func (*stage) Fatal(args ...any) { panic(unavailable{fmt.Sprint(args...)}) }

// Fatalf implements testing.TB.
func (*stage) Fatalf(format string, args ...any) { panic(unavailable{fmt.Sprintf(format, args...)}) }

// Skipf implements testing.TB.
func (*stage) Skipf(format string, args ...any) { panic(unavailable{fmt.Sprintf(format, args...)}) }

// Errorf implements testing.TB.
func (*stage) Errorf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
