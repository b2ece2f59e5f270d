package main

import (
	"cmp"
	"context"
	crand "crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/google/renameio/v2"
	"go.uber.org/zap"
	"golang.org/x/net/netutil"

	"weir/engine/api"
	"weir/engine/plan"
	"weir/engine/plugin"
	"weir/engine/serve"
)

// defaultListen is the address of the API.
const defaultListen = "127.0.0.1:7433"

// serving is what a server leaves in its state folder, so that verbs that are
// given the folder find it.
type serving struct {
	URL    string `json:"url"`
	PID    int    `json:"pid"`
	Folder string `json:"folder"` // what folderID says of the one that it was left in
	Shared string `json:"shared"` // by which the server proves that it left it
}

// folderID tells a folder from all others, copies of it included, by whatever path it is
// reached: a bind mount has the same.
func folderID(dir string) (string, error) {
	st, err := os.Stat(dir)
	if err != nil {
		return "", err
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return "", errors.New("this system does not tell folders apart")
	}
	return fmt.Sprintf("%x:%x", sys.Dev, sys.Ino), nil
}

// servingFile is its name there.
const servingFile = "serve.json"

// listen answers HTTP at address, "" being what the engine block says. stop ends it.
func (a *app) listen(ctx context.Context, s *serve.Server, address string, log *zap.Logger) (stop func(), err error) {
	e := s.Engine()
	address = cmp.Or(address, e.Listen, defaultListen)
	if address == "off" {
		return func() {}, nil
	}
	if err := plan.CheckAccess(address, e.Token); err != nil {
		return nil, withCode(exitConfig, err)
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, plugin.Fail(plugin.Environment, "serve.listen", fmt.Errorf("the API cannot listen on %s: %w", address, err), "Another process may use the address: give another with --listen, or --listen off")
	}
	left := serving{PID: os.Getpid(), Shared: crand.Text()}
	left.Folder, err = folderID(s.StateDir())
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	srv := &http.Server{
		Handler: api.New(api.Options{Server: s, Token: e.Token, Version: a.version, Log: log,
			Prove: func(nonce string) string { return api.ProofOf(left.Shared, left.Folder, nonce) }}),
		ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 30 * time.Second, MaxHeaderBytes: 64 << 10,
		ErrorLog: zap.NewStdLog(log),
	}
	go func() {
		if err := srv.Serve(netutil.LimitListener(l, maxConnections())); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the API ended", zap.Error(err))
		}
	}()
	url := "http://" + reachable(l.Addr())
	log.Info("the API listens", zap.String("url", url))
	file := filepath.Join(s.StateDir(), servingFile)
	left.URL = url
	b, err := json.Marshal(left)
	if err == nil {
		err = renameio.WriteFile(file, b, 0o600)
	}
	if err != nil {
		log.Warn("verbs that are given the state folder will not find the API", zap.Error(err))
	}
	return func() {
		_ = os.Remove(file) // a file that is left names a process that is gone, which verbs check
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = srv.Shutdown(end) // connections that are still busy end with the process
	}, nil
}

// reachable returns the address at which this machine reaches a listener: one on
// all addresses is reached at its own.
func reachable(a net.Addr) string {
	t, ok := a.(*net.TCPAddr)
	switch {
	case !ok || !t.IP.IsUnspecified():
		return a.String()
	case t.IP.To4() != nil:
		return net.JoinHostPort("127.0.0.1", strconv.Itoa(t.Port))
	}
	return net.JoinHostPort("localhost", strconv.Itoa(t.Port))
}

// The connections that the API has at the same time: a quarter of the files that the process
// may open, so that connections of silent callers leave the state store, pipelines and
// logs what they need. More wait with the system until one is closed, which those that
// say nothing are after some seconds.
const (
	fewestConnections = 8
	mostConnections   = 512
)

func maxConnections() int {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return mostConnections
	}
	return int(min(max(files.Cur/4, fewestConnections), mostConnections)) //nolint:gosec // at most 512
}
