package scenario

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"weir/engine/config"
	"weir/engine/diag"
	"weir/engine/plan"
	"weir/engine/plugin"
	"weir/engine/spec"
)

// edge is where a pipeline meets something outside of it.
type edge struct {
	step, pipeline string
	sink           bool
	path           string // "" when it is not known before the test runs
	method         string
	header         string // the first line of a file with the columns of the decoder; "" when that is not known
}

// undisked reports pipelines that read or write files of the machine while the test
// has no disk. only names the pipelines that are looked at; nil is all.
func (r *runner) undisked(p *plan.Plan, only []string) (ds diag.List) {
	if p == nil || slices.ContainsFunc(r.servers, func(s *server) bool { return s.kind == kindFile }) {
		return nil
	}
	var edges []edge
	for _, q := range p.Pipelines {
		if len(only) == 0 || slices.Contains(only, q.Address) {
			edges = append(edges, diskEdges(q)...)
		}
	}
	if len(edges) == 0 {
		return nil
	}
	return diag.List{diag.Errorf("test.no_disk", &r.t.Range, "Nothing stands in for the disk",
		"A test never touches files of this machine, and %s. Add a block to the test, or to the defaults of the file:\n\n%s",
		told(edges), block(kindFile, "disk", "", edges))}
}

// diskEdges returns the steps of a pipeline that read or write files of the machine.
func diskEdges(p *plan.Pipeline) (out []edge) {
	for _, n := range p.Nodes {
		e := edge{step: n.Address, pipeline: p.Address, sink: n.Sink != nil}
		if src, ok := plugin.FolderOf(n.Source); ok && src.Place == "" {
			e.path = src.Path
			if len(n.Readers) > 0 {
				e.header = headerOf(n.Readers[0])
			}
			out = append(out, e)
		}
		sink, ok := n.Sink.(plugin.Targeter)
		if !ok {
			continue
		}
		for _, t := range sink.Targets() {
			if t.Place == "" {
				e.path = t.Path
				out = append(out, e)
			}
		}
	}
	return out
}

// headerOf returns the first line of a file that a decoder with named columns reads.
func headerOf(decode *plan.Node) string {
	delimiter := ""
	for _, v := range decode.Config.Spec().Values(nil) {
		if v.Name == "delimiter" {
			delimiter = strings.Trim(v.Text, `"`)
		}
	}
	if delimiter == "" || decode.Out == nil {
		return ""
	}
	var names []string
	for _, f := range decode.Out.Fields() {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	}
	return strings.Join(names, delimiter)
}

// told says what edges do, for people.
func told(edges []edge) string {
	var out []string
	for _, e := range edges {
		does := " reads "
		switch {
		case e.method != "":
			does = " sends to "
		case e.sink:
			does = " writes "
		}
		what := e.path
		if what == "" {
			what = "there"
		}
		out = append(out, e.step+" of pipeline "+e.pipeline+does+what)
	}
	const most = 5
	if n := len(out) - most; n > 0 {
		out = append(out[:most], fmt.Sprintf("so do %d more", n))
	}
	if last := len(out) - 1; last > 0 {
		return strings.Join(out[:last], ", ") + " and " + out[last]
	}
	return out[0]
}

// block writes a serve block with what edges need. base is the path of the server's address.
func block(kind, name, base string, edges []edge) string {
	var sb strings.Builder
	fmt.Fprintf(&sb, "serve %q %q {\n", kind, name)
	var folders, done []string
	for _, e := range edges {
		if dir := path.Dir(e.path); kind != "rest" && e.sink && e.path != "" && dir != "." && dir != "/" && !slices.Contains(folders, strconv.Quote(dir)) {
			folders = append(folders, strconv.Quote(dir))
		}
	}
	if len(folders) > 0 {
		fmt.Fprintf(&sb, "  folders = [%s]\n", strings.Join(folders, ", "))
	}
	for _, e := range edges {
		var text string
		switch {
		case kind == "rest" && e.method != "":
			text = fmt.Sprintf("  on %q {\n    status = 200\n  }\n", e.method+" "+requestPath(base, e.path))
		case kind != "rest" && !e.sink && e.path != "":
			text = fmt.Sprintf("  file %q {\n    content = %q\n  }\n", sample(e.path), e.header+"\n")
		}
		if text != "" && !slices.Contains(done, text) {
			done = append(done, text)
			sb.WriteString(text)
		}
	}
	sb.WriteString("}")
	return sb.String()
}

func requestPath(base, p string) string {
	if p == "" {
		return strings.TrimSuffix(base, "/") + "/*"
	}
	p, _, _ = strings.Cut(p, "?")
	return strings.TrimSuffix(base, "/") + p
}

// sample is a path that a pattern of files matches.
func sample(pattern string) string {
	var sb strings.Builder
	for rest := strings.ReplaceAll(pattern, "**/", ""); rest != ""; {
		c := rest[0]
		rest = rest[1:]
		switch end := strings.IndexByte(rest, '}'); {
		case c == '*':
			rest = strings.TrimLeft(rest, "*")
			sb.WriteByte('1')
		case c == '?':
			sb.WriteByte('1')
		case c == '{' && end >= 0:
			first, _, _ := strings.Cut(rest[:end], ",")
			sb.WriteString(first)
			rest = rest[end+1:]
		default:
			sb.WriteByte(c)
		}
	}
	return sb.String()
}

// explained adds to problems of connections for which nothing stands in the block to
// write, with what the pipelines do there.
func explained(ds diag.List, c *config.Config) diag.List {
	for i := range ds {
		d := &ds[i]
		address, ok := strings.CutPrefix(d.Summary, "Nothing stands in for connection.")
		if d.Code != "test.no_server" || !ok {
			continue
		}
		for _, m := range c.Modules {
			for _, b := range m.Connections {
				if b.Address() != address {
					continue
				}
				edges := connectionEdges(b)
				if len(edges) > 0 {
					d.Detail = "A test never leaves this machine, and " + told(edges) + ". Add a block to the test, or to the defaults of the file:\n\n" +
						block(b.Labels[0], m.Qualify(b.Labels[1]), basePath(b), edges)
				}
			}
		}
	}
	return ds
}

// basePath is the path in the url of a connection.
func basePath(b *config.Block) string {
	body, ok := b.Body.(*hclsyntax.Body)
	if !ok {
		return ""
	}
	_, rest, found := strings.Cut(text(body, "url", b.Module.Scope), "://")
	if i := strings.IndexByte(rest, '/'); found && i >= 0 {
		return rest[i:]
	}
	return ""
}

// connectionEdges returns the sources and sinks that name a connection.
func connectionEdges(connection *config.Block) (out []edge) {
	for _, p := range connection.Module.Pipelines {
		body, ok := p.Body.(*hclsyntax.Body)
		if !ok {
			continue
		}
		for i, b := range body.Blocks {
			if len(b.Labels) != 2 || !names(b.Body, connection) {
				continue
			}
			e := edge{step: b.Type + "." + b.Labels[1], pipeline: p.Address(), sink: b.Type == "sink", path: text(b.Body, "path", p.Module.Scope)}
			if e.sink && connection.Labels[0] == "rest" {
				if e.method = text(b.Body, "method", p.Module.Scope); e.method == "" {
					e.method = "POST"
				}
			}
			if i+1 < len(body.Blocks) && body.Blocks[i+1].Type == "decode" {
				e.header = writtenHeader(body.Blocks[i+1], p.Module.Scope)
			}
			out = append(out, e)
		}
	}
	return out
}

// names reports whether a block's connection is the given one.
func names(b *hclsyntax.Body, connection *config.Block) bool {
	a := b.Attributes["connection"]
	if a == nil {
		return false
	}
	t, ds := hcl.AbsTraversalForExpr(a.Expr)
	if ds.HasErrors() || len(t) != 3 || t.RootName() != "connection" {
		return false
	}
	kind, ok1 := t[1].(hcl.TraverseAttr)
	name, ok2 := t[2].(hcl.TraverseAttr)
	return ok1 && ok2 && kind.Name+"."+name.Name == connection.Name
}

// text returns an attribute that is a text and known.
func text(b *hclsyntax.Body, name string, scope *hcl.EvalContext) string {
	a := b.Attributes[name]
	if a == nil {
		return ""
	}
	v, ds := a.Expr.Value(scope)
	if spec.ContainsSensitive(v) {
		return "" // (I9)
	}
	v, _ = v.Unmark()
	if ds.HasErrors() || !v.IsKnown() || v.IsNull() || v.Type() != cty.String {
		return ""
	}
	return v.AsString()
}

// writtenHeader is headerOf for a decoder that was not planned.
func writtenHeader(decode *hclsyntax.Block, scope *hcl.EvalContext) string {
	a := decode.Body.Attributes["columns"]
	if a == nil || decode.Labels[0] != "csv" {
		return ""
	}
	object, ok := a.Expr.(*hclsyntax.ObjectConsExpr)
	if !ok {
		return ""
	}
	var out []string
	for _, item := range object.Items {
		k, ds := item.KeyExpr.Value(scope)
		if ds.HasErrors() || !k.IsKnown() || k.Type() != cty.String {
			return ""
		}
		out = append(out, k.AsString())
	}
	delimiter := text(decode.Body, "delimiter", scope)
	if delimiter == "" {
		delimiter = ","
	}
	return strings.Join(out, delimiter)
}
