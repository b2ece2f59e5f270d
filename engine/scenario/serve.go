package scenario

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"weir/engine/plugin"
	"weir/engine/spec"
	"weir/engine/testkit/activate"
	"weir/engine/testkit/ftpserver"
	"weir/engine/testkit/memfs"
	"weir/engine/testkit/restserver"
	"weir/engine/testkit/sftpserver"
)

// server is a running stand-in of a test; one of the pointers is set.
type server struct {
	*serverSpec
	ftp  *ftpserver.Server
	sftp *sftpserver.Server
	rest *restserver.Server
	api  *activate.Server
	disk *memfs.FS

	requests, violations int // before the present run
}

// start starts the server that s describes.
func (s *serverSpec) start(c *clock) (*server, error) {
	r := &server{serverSpec: s}
	var err error
	switch s.kind {
	case "ftp":
		o := ftpserver.Options{User: s.user, Password: s.password.Reveal(), TLS: s.tls, Clock: c}
		o.RequireTLS, o.RequireReuse = s.tls == "explicit", s.tls != "none"
		r.ftp, err = ftpserver.New(o)
	case "sftp":
		r.sftp, err = sftpserver.New(sftpserver.Options{User: s.user, Password: s.password.Reveal(), Clock: c})
	case kindFile:
		r.disk = memfs.New(c.Now)
		makeFolder(r.disk, workingFolder)
	default:
		err = r.startREST(c)
	}
	if err != nil {
		return nil, err
	}
	for _, dir := range s.folders {
		makeFolder(r.fs(), s.path(dir))
	}
	for _, f := range s.files {
		r.put(f)
	}
	for _, f := range s.faults {
		r.fail(f, nil)
	}
	return r, nil
}

func (r *server) startREST(c *clock) error {
	var err error
	if r.like == "activate" {
		var o activate.Options
		if o, err = r.activate.options(r.secure, c); err == nil {
			r.api, err = activate.New(o)
		}
		return err
	}
	if r.rest, err = restserver.New(restserver.Options{TLS: r.secure, Clock: c}); err != nil {
		return err
	}
	routes := map[string][]*answer{}
	for _, spec := range r.routes {
		key := spec.method + " " + spec.path
		routes[key] = append(routes[key], &answer{routeSpec: spec, clock: c})
	}
	for _, answers := range routes {
		r.rest.On(answers[0].method, answers[0].path, func(q *restserver.Request) restserver.Reply {
			for _, a := range answers {
				if a.times == 0 || a.n < a.times {
					return a.reply(q)
				}
			}
			return restserver.Reply{Status: http.StatusNotFound, JSON: map[string]any{"error": "every on block for this request has answered its times"}}
		})
	}
	return nil
}

// answer is an on block at work. The server calls it for one request at a time.
type answer struct {
	*routeSpec
	clock *clock
	n     int
}

func (a *answer) reply(q *restserver.Request) restserver.Reply {
	env := map[string]any{"request": requestValue(q), "n": a.n}
	a.n++
	out := restserver.Reply{Header: a.headers}
	if a.delay > 0 {
		_ = a.clock.Sleep(context.Background(), a.delay) // virtual: nothing waits
	}
	failed := func(what string, err error) restserver.Reply {
		return restserver.Reply{Status: http.StatusNotImplemented, JSON: map[string]any{
			"error": fmt.Sprintf("%s:%d: %s cannot be computed: %v", a.rng.Filename, a.rng.Start.Line, what, err)}}
	}
	if a.statusExpr != nil {
		v, err := a.statusExpr.value(env)
		n, ok := v.(int)
		if f, isFloat := v.(float64); isFloat {
			n, ok = int(f), true
		}
		if err == nil && (!ok || n < 100 || n > 599) {
			err = errors.New("it must be a number from 100 to 599")
		}
		if err != nil {
			return failed("status", err)
		}
		out.Status = n
	}
	if a.bodyExpr != nil {
		v, err := a.bodyExpr.value(env)
		if err != nil {
			return failed("body", err)
		}
		out.JSON = v
	} else if a.text != "" {
		out.Body = []byte(a.text)
	}
	return out
}

// requestValue is a request as expressions see it.
func requestValue(q *restserver.Request) map[string]any {
	headers, query := map[string]any{}, map[string]any{}
	for k, v := range q.Header {
		headers[k] = strings.Join(v, ", ")
	}
	for k, v := range q.Query {
		query[k] = strings.Join(v, ",")
	}
	return map[string]any{"method": q.Method, "path": q.Path, "query": query, "headers": headers, "body": q.Body, "text": string(q.Raw), "status": q.Status}
}

// endpoint is what the connection is moved to.
func (r *server) endpoint() plugin.Endpoint {
	e := plugin.Endpoint{TLS: "none"}
	if r.user == "" {
		e.User, e.Password = "test", spec.NewSecret("test")
	}
	secure := func(url, ca string) {
		scheme, addr, _ := strings.Cut(url, "://")
		e.Addr = addr
		if scheme == "https" {
			e.TLS, e.CA = "implicit", ca
		}
	}
	switch {
	case r.ftp != nil:
		e.Addr, e.TLS, e.CA = r.ftp.Addr(), r.tls, r.ftp.CAPEM()
	case r.sftp != nil:
		e.Addr, e.HostKeys = r.sftp.Addr(), r.sftp.Fingerprints()
	case r.api != nil:
		secure(r.api.URL(), string(r.api.CA()))
	default:
		secure(r.rest.URL(), string(r.rest.CA()))
	}
	return e
}

// fs is the file tree of the server, nil when it has none.
func (r *server) fs() *memfs.FS {
	switch {
	case r.ftp != nil:
		return r.ftp.FS()
	case r.sftp != nil:
		return r.sftp.FS()
	}
	return r.disk
}

// workingFolder is where relative paths begin on the disk of a test.
const workingFolder = "/working-folder"

// path is where a file of the test, as it is named there, is in the tree of the stand-in.
func (s *serverSpec) path(name string) string {
	if s.kind == kindFile && !strings.HasPrefix(name, "/") {
		return workingFolder + "/" + name
	}
	return name
}

// named is the reverse of path.
func (s *serverSpec) named(p string) string {
	if s.kind == kindFile {
		return strings.TrimPrefix(p, workingFolder+"/")
	}
	return p
}

// remove deletes a file.
func (r *server) remove(name string) error { return r.fs().Remove(r.path(name)) }

func makeFolder(fs *memfs.FS, dir string) {
	var at strings.Builder
	for part := range strings.SplitSeq(strings.Trim(dir, "/"), "/") {
		at.WriteString("/" + part)
		_ = fs.Mkdir(at.String()) // it may exist
	}
}

// put makes a file, or replaces one.
func (r *server) put(f *fileSpec) {
	fs, name := r.fs(), r.path(f.path)
	var at time.Time // now
	if f.modified != "" {
		at, _ = time.Parse(time.RFC3339, f.modified) // its form was checked
	}
	fs.Put(name, []byte(f.content), at)
	if len(f.grow) > 0 {
		pieces := make([][]byte, len(f.grow))
		for i, p := range f.grow {
			pieces[i] = []byte(p)
		}
		fs.Grow(name, pieces...)
	}
}

// fail makes the server misbehave; over, when it is not nil, ends that.
func (r *server) fail(f *faultSpec, over *atomic.Bool) {
	switch {
	case r.ftp != nil:
		r.ftp.SetFaults(ftpserver.Faults{RefuseLogin: f.refuseLogin, CutAfter: f.cutAfter, StallAfter: f.stallAfter, Silent: f.silent})
		return
	case r.sftp != nil:
		r.sftp.SetFaults(sftpserver.Faults{CutAfter: f.cutAfter, StallAfter: f.stallAfter, Silent: f.silent})
		return
	}
	x := restserver.Fault{
		Skip: f.skip, Times: f.times, Status: f.status, RetryAfter: f.retryAfter, Redirect: f.redirect, Delay: f.delay,
		Refuse: f.refuse, Lose: f.lose, Cut: f.cut, Reply: restserver.Reply{Body: []byte(f.body)},
		Match: func(q *restserver.Request) bool {
			return (over == nil || !over.Load()) && (f.on == "" || f.on == q.Method+" "+q.Path)
		},
	}
	if r.api != nil {
		r.api.Fail(x)
		return
	}
	r.rest.Fail(x)
}

// heal ends the faults of a run; those of the whole test come back.
func (r *server) heal() {
	switch {
	case r.ftp != nil:
		r.ftp.SetFaults(ftpserver.Faults{})
	case r.sftp != nil:
		r.sftp.SetFaults(sftpserver.Faults{})
	default:
		return
	}
	for _, f := range r.faults {
		r.fail(f, nil)
	}
}

// recorded returns all requests so far of a rest server.
func (r *server) recorded() []restserver.Request {
	switch {
	case r.api != nil:
		return r.api.Requests()
	case r.rest != nil:
		return r.rest.Requests()
	}
	return nil
}

// offences returns what the stand-in complains about so far.
func (r *server) offences() []string {
	if r.api == nil {
		return nil
	}
	return r.api.Violations()
}

// mark remembers what was recorded before a run.
func (r *server) mark() { r.requests, r.violations = len(r.recorded()), len(r.offences()) }

// drop closes the connections of a client that is dead.
func (r *server) drop() {
	switch {
	case r.ftp != nil:
		r.ftp.DropAll()
	case r.sftp != nil:
		r.sftp.DropAll()
	}
}

func (r *server) close() error {
	switch {
	case r.ftp != nil:
		return r.ftp.Close()
	case r.sftp != nil:
		return r.sftp.Close()
	case r.api != nil:
		return r.api.Close()
	case r.rest != nil:
		return r.rest.Close()
	}
	return nil
}
