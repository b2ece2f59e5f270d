package scenario

import (
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"

	"weir/engine/config"
	"weir/engine/spec"
)

func checkInstant(s string) error {
	if _, err := time.Parse(time.RFC3339, s); err != nil {
		return fmt.Errorf("must be a time with its zone, such as \"2024-07-01T12:00:00+02:00\", not %q", s)
	}
	return nil
}

func checkPath(s string) error {
	if !strings.HasPrefix(s, "/") || path.Clean(s) != s {
		return fmt.Errorf("must be an absolute path such as \"/srs/klanten_1.csv\", not %q", s)
	}
	return nil
}

// Blocks declares the top-level blocks of a test file, for documentation: by
// their type, what each may hold. A server's type decides which of its options there are.
func Blocks() map[string][]spec.Option {
	return map[string][]spec.Option{
		"test":     (&testDecl{}).declare().Describe(),
		"defaults": (&testDecl{}).common().Describe(),
	}
}

// testDecl is what is decoded of a test block, or of the defaults of a file.
type testDecl struct {
	at      string
	atSet   bool
	vars    cty.Value
	varsSet bool
	servers []*serverSpec
	steps   []*stepSpec
	chunk   int64
}

func (t *testDecl) common() spec.Body {
	return spec.Body{
		spec.String("at", &t.at).Set(&t.atSet).Check(checkInstant).
			Doc("The time when the test begins, with its zone: \"2024-07-01T12:00:00+02:00\". Time is virtual: it moves on by advance, and when something waits."),
		spec.Size("batch", &t.chunk).
			Doc("How much of a file is read at a time, such as \"100B\": with little of it a small file is read as a big one is, in several batches, between which a reload takes effect. Left out, as everywhere: 256 KiB."),
		spec.Raw("vars", "map", &t.vars).Set(&t.varsSet).
			Doc("Values of variables of the configuration under test. What a server of the test takes the place of, such as a host, needs none."),
		spec.Blocks("serve", []string{"type", "name"}, "What takes the place of something real: \"ftp\", \"sftp\" and \"rest\" are servers inside the process, for connection.TYPE.NAME "+
			"(for one of a module write MODULE.NAME, with for_each MODULE[KEY].NAME); \"file\" is the disk of the machine, in memory, under a name of your choice: "+
			"all that sources and sinks of type file of the test read, move, delete and write is there.",
			func() spec.Body { return (&serverSpec{}).declare() },
			func(labels []string, rng hcl.Range) spec.Body {
				s := &serverSpec{kind: labels[0], name: config.Canonical(labels[1]), rng: rng}
				t.servers = append(t.servers, s)
				return s.declare()
			}),
	}
}

func (s *serverSpec) declare() spec.Body {
	if s.kind == kindFile {
		return spec.Body{
			spec.Strings("folders", &s.folders).Check(checkNames).Doc("Empty folders that exist besides those of files."),
			fileBlocks("file", "A file on the disk. Relative paths begin at the working folder, as those of the configuration do.", true, &s.files),
		}
	}
	ftp, rest := s.kind == "" || s.kind != "rest", s.kind == "" || s.kind == "rest"
	var b spec.Body
	if ftp {
		b = append(b,
			spec.String("user", &s.user).Doc("The only user who may log in. Left out, the server lets the connection in whatever its credentials are."),
			spec.Credential("password", &s.password).Doc("Password of user."),
			spec.Strings("folders", &s.folders).Set(&s.foldersSet).Check(checkPaths).
				Doc("Empty folders that exist besides those of files. Left out, they are those in which sources of the configuration look, but for those that a source makes by itself; [] is none."),
			fileBlocks("file", "A file on the server.", true, &s.files),
		)
		if s.kind != "sftp" {
			b = append(b, spec.Choice("tls", &s.tls, "none", "explicit", "implicit").Default("none", `"none"`).Doc("How an FTP server encrypts; with TLS, data connections must resume the session, as strict servers demand."))
		}
	}
	if rest {
		b = append(b,
			spec.Bool("tls", &s.secure).Default(false, "false").Doc("Whether a REST server speaks HTTPS."),
			spec.Choice("like", &s.like, "activate").Doc("Serve a built-in stand-in: \"activate\" is the HTTP interface of Spotler Activate."),
			s.activate.block(),
			s.onBlocks(),
		)
	}
	return append(b, spec.Blocks("fault", nil, "How the server misbehaves during the whole test.",
		func() spec.Body { return (&faultSpec{}).declare() },
		func(_ []string, rng hcl.Range) spec.Body {
			f := &faultSpec{kind: s.kind, rng: rng}
			s.faults = append(s.faults, f)
			return f.declare()
		}))
}

// checkName is checkPath for the disk of the machine, where paths may be relative.
func checkName(s string) error {
	if s == "" || s == "." || path.Clean(s) != s || strings.HasPrefix(s, "../") {
		return fmt.Errorf("must be a path without detours, absolute or from the working folder, such as \"/srs/klanten_1.csv\" or \"in/1.csv\", not %q", s)
	}
	return nil
}

func checkNames(ps []string) error {
	for _, p := range ps {
		if err := checkName(p); err != nil {
			return err
		}
	}
	return nil
}

func checkPaths(ps []string) error {
	for _, p := range ps {
		if err := checkPath(p); err != nil {
			return err
		}
	}
	return nil
}

func (s *serverSpec) onBlocks() spec.Item {
	return spec.Blocks("on", []string{"request"}, "How requests are answered: \"METHOD /path\", or \"* /path/*\" for any method and everything below. "+
		"Of several blocks for one request the first answers that has not answered times requests.",
		func() spec.Body { return (&routeSpec{}).declare() },
		func(labels []string, rng hcl.Range) spec.Body {
			r := &routeSpec{rng: rng}
			r.method, r.path, _ = strings.Cut(labels[0], " ")
			s.routes = append(s.routes, r)
			return r.declare()
		})
}

func (r *routeSpec) declare() spec.Body {
	return spec.Body{
		spec.Expr("status", &r.status).Doc("The status: a number, or an expression over request and n such as \"n == 0 ? 503 : 200\". 200 when left out."),
		spec.Expr("body", &r.body).Doc("The reply as JSON: an expression over request (method, path, query, headers, body) and n, how many requests the block answered before."),
		spec.String("text", &r.text).Doc("The reply as plain text, in place of body."),
		stringMap("headers", &r.headers).Doc("Headers of the reply."),
		spec.Int("times", &r.times).Check(spec.Between(1, 1<<20)).Doc("How many requests the block answers; left out, all."),
		spec.Duration("delay", &r.delay).Doc("Virtual time that the answer takes."),
	}
}

func (f *faultSpec) declare() spec.Body {
	if f.kind == "rest" {
		return spec.Body{
			spec.String("on", &f.on).Doc("Which requests: \"METHOD /path\"; left out, all."),
			spec.Int("skip", &f.skip).Check(spec.Between(0, 1<<20)).Doc("Requests that are answered well first."),
			spec.Int("times", &f.times).Default(1, "1").Check(spec.Between(-1, 1<<20)).Doc("Requests that are spoilt then; -1 is all."),
			spec.Int("status", &f.status).Check(spec.Between(100, 599)).Doc("Answer with this status, without effect."),
			spec.String("body", &f.body).Doc("Body that goes with status."),
			spec.String("retry_after", &f.retryAfter).Doc("Header Retry-After that goes with status."),
			spec.String("redirect", &f.redirect).Doc("Answer with a redirect to this address."),
			spec.Duration("delay", &f.delay).Doc("Virtual time that the answer takes."),
			spec.Bool("refuse", &f.refuse).Doc("Close the connection without an answer and without effect."),
			spec.Bool("lose", &f.lose).Doc("Handle the request, then close the connection without an answer."),
			spec.Bool("cut", &f.cut).Doc("Handle the request, then close the connection in the middle of the answer."),
		}
	}
	b := spec.Body{
		spec.Size("cut_after", &f.cutAfter).Doc("Break off downloads after so many bytes."),
		spec.Size("stall_after", &f.stallAfter).Doc("Stop sending after so many bytes and keep the connection open. The timeout of the connection, which ends that, runs in real time."),
		spec.Bool("silent", &f.silent).Doc("Accept connections and never say a word. The timeout of the connection, which ends that, runs in real time."),
	}
	if f.kind != "sftp" {
		b = append(b, spec.String("refuse_login", &f.refuseLogin).Doc("Reply to every password, such as \"530 Login incorrect.\"."))
	}
	return b
}

func fileBlocks(name, doc string, content bool, to *[]*fileSpec) spec.Item {
	return spec.Blocks(name, []string{"path"}, doc,
		func() spec.Body { return (&fileSpec{}).declare(content) },
		func(labels []string, rng hcl.Range) spec.Body {
			f := &fileSpec{path: labels[0], rng: rng}
			*to = append(*to, f)
			return f.declare(content)
		})
}

func (f *fileSpec) declare(content bool) spec.Body {
	b := spec.Body{spec.String("server", &f.server).Doc("Which server, as TYPE.NAME, when the test has several with files.")}
	if content {
		b = append(b,
			spec.String("content", &f.content).Required().Doc("What the file holds: text, file(\"testdata/x.csv\"), or csv(\";\", columns, rows)."),
			spec.String("modified", &f.modified).Check(checkInstant).Doc("The file's time; left out, the virtual time at which it appears."),
			spec.Strings("grow", &f.grow).Doc("Pieces that are added to the file, one each time it is listed: a file that is still being written."),
		)
	}
	return b
}

func stringMap(name string, p *map[string]string) *spec.Attr[[]spec.NamedText] {
	var pairs []spec.NamedText
	return spec.Exprs(name, &pairs).Check(func(ts []spec.NamedText) error {
		*p = map[string]string{}
		for _, t := range ts {
			(*p)[t.Name] = t.Text.S
		}
		return nil
	})
}
