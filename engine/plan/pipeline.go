package plan

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"

	"weir/engine/config"
	"weir/engine/diag"
	"weir/engine/schedule"
	"weir/engine/spec"
	"weir/engine/step"
)

// pipelineBuilder plans one pipeline block.
type pipelineBuilder struct {
	*builder
	block     *config.Block
	given     Values
	shown     *variables // given as data
	nodes     []*planned
	doubtful  bool // the types of some columns are not known, because their declarations are wrong
	unchecked []Unchecked
	unknown   bool // fields of a step are not known, because of errors outside the pipeline
	byAddress map[string]*Node
	values    []spec.Value // of the block itself

	after                  hcl.Range
	deadLetterAt, commitAt spec.Ranges // nil where there is no such block
}

// planned is a node with the block it comes from.
type planned struct {
	*Node
	block *hcl.Block
	rest  hcl.Body // without the attributes every step has
	from  hcl.Expression
	at    spec.Ranges
	conf  step.Config
	open  bool // what it does depends on variables without a value

	common []spec.Value // of the attributes that every step has
}

func (b *pipelineBuilder) build() *Pipeline {
	p := &Pipeline{Address: b.block.Address(), Header: b.block.Header, Files: filesOf(b.block), vars: b.shown, Commit: CommitPolicy{Rows: 50_000, Every: 5 * time.Second}}
	before := len(b.diags)
	schema := b.schema()
	c, hd := b.block.Body.Content(schema)
	b.add(named(spec.FromHCL(hd), schema)...)
	b.attributes(p, c)
	for _, blk := range c.Blocks {
		switch blk.Type {
		case "dead_letter":
			b.deadLetter(p, blk)
		case "commit":
			b.commit(p, blk)
		default:
			b.node(blk)
		}
	}
	b.settings(p)
	b.wire()
	for _, n := range b.sorted() {
		if b.stopped() {
			return p
		}
		b.bind(n)
		p.Nodes = append(p.Nodes, n.Node)
	}
	b.complete(p)
	p.Unchecked = b.unchecked
	b.whole()
	if b.doubtful { // whether such a column may be nil is not known either
		b.diags = append(b.diags[:before], slices.DeleteFunc(b.diags[before:], func(d diag.Diagnostic) bool { return d.Code == "expr.nullable" })...)
	}
	if !b.diags[before:].HasErrors() && !b.unknown {
		project(p)
	}
	return p
}

// named adds to problems of blocks that are not known which there are.
func named(ds diag.List, schema *hcl.BodySchema) diag.List {
	var kinds []string
	for _, b := range schema.Blocks {
		kinds = append(kinds, b.Type)
	}
	for i := range ds {
		d := &ds[i]
		name := blockName().FindStringSubmatch(d.Detail)
		if d.Code != "config.unknown_block" || name == nil || strings.Contains(d.Detail, "Did you mean") {
			continue
		}
		for _, k := range kinds { // dedup, deduplicate, filters, mapping
			if n := min(4, len(k)); strings.HasPrefix(name[1], k[:n]) {
				d.Detail, d.Fix = d.Detail+fmt.Sprintf(" Did you mean %q?", k), k
				break
			}
		}
		d.Detail += " There is: " + strings.Join(kinds, ", ") + "."
	}
	return ds
}

func blockName() *regexp.Regexp { return regexp.MustCompile(`^Blocks of type "([^"]+)"`) }

func (b *pipelineBuilder) schema() *hcl.BodySchema {
	s := &hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "description"}, {Name: "schedule"}, {Name: "timezone"}, {Name: "after"}, {Name: "state"}}}
	two := []string{"type", "name"}
	s.Blocks = append(s.Blocks, hcl.BlockHeaderSchema{Type: "source", LabelNames: two}, hcl.BlockHeaderSchema{Type: "decode", LabelNames: two[:1]},
		hcl.BlockHeaderSchema{Type: "sink", LabelNames: two}, hcl.BlockHeaderSchema{Type: "dead_letter"}, hcl.BlockHeaderSchema{Type: "commit"})
	for _, kind := range sortedKeys(b.o.Steps) {
		s.Blocks = append(s.Blocks, hcl.BlockHeaderSchema{Type: kind, LabelNames: two[1:]})
	}
	return s
}

func (b *pipelineBuilder) attributes(p *Pipeline, c *hcl.BodyContent) {
	for _, it := range PipelineSpec(p) {
		one := spec.Body{it}
		at, ds := one.DecodeAttr(c, b.block.Scope())
		b.add(ds...)
		b.values = append(b.values, one.Values(at)...)
	}
	a, ok := c.Attributes["after"]
	if !ok {
		return
	}
	b.after = a.Expr.Range()
	b.add(b.waitsFor(p, a.Expr)...)
}

// settings notes the values of the pipeline that are no step's; a block that is
// left out means the same as one with the defaults.
func (b *pipelineBuilder) settings(p *Pipeline) {
	b.values = append(b.values, spec.Value{Name: "after", Text: strings.Join(p.After, ", "), Range: b.after})
	add := func(prefix string, body spec.Body, at spec.Ranges) {
		for _, v := range body.Values(at) {
			v.Name = prefix + v.Name
			b.values = append(b.values, v)
		}
	}
	add("dead_letter.", DeadLetterSpec(&p.DeadLetter), b.deadLetterAt)
	add("commit.", CommitSpec(&p.Commit), b.commitAt)
	p.values = b.cache.pack(b.values)
}

// PipelineSpec declares the attributes of a pipeline block, after excepted: it
// takes references that are not evaluated.
func PipelineSpec(p *Pipeline) spec.Body {
	return spec.Body{
		spec.String("description", &p.Description).Prose().Doc("What the pipeline does, in a sentence."),
		spec.String("schedule", &p.Schedule).Check(checkSchedule).Doc("When serve runs it: \"every 10m\", \"cron 0 6 * * *\" or \"on start\"."),
		spec.String("timezone", &p.Timezone).Check(checkZone).Doc("Zone of a cron schedule, such as Europe/Amsterdam. Default: UTC."),
		spec.Choice("state", &p.State, StateKeep, StateRebuild, StateFork).Doc("What becomes of what is stored (cursors, the file ledger, dedupe keys) when a change would make it mean something else; " +
			"without it such a change is refused, with the reasons. keep: it is used on as it is. rebuild: it is dropped, and everything is read again. " +
			"fork: the pipeline begins anew beside it, and it stays until it is pruned. " +
			"In a pipeline that has another name than before this is about what is stored under its former name."),
	}
}

func checkSchedule(s string) error {
	_, err := schedule.Parse(s, "")
	return err
}

func checkZone(s string) error {
	_, err := schedule.Zone(s)
	return err
}

func (b *pipelineBuilder) deadLetter(p *Pipeline, blk *hcl.Block) {
	at, ds := DeadLetterSpec(&p.DeadLetter).Decode(blk.Body, b.block.Scope())
	b.add(ds...)
	b.deadLetterAt = at
	p.DeadLetter.Range = at.Of(&p.DeadLetter.Limit)
}

// DeadLetterSpec declares the dead_letter block.
func DeadLetterSpec(d *DeadLetter) spec.Body {
	return spec.Body{spec.String("limit", &d.Limit).Check(func(s string) error {
		return parseLimit(s, d)
	}).Doc("More rejected rows in a run than this stop the pipeline: a share of the rows read (\"1%\") or a number (\"100\").")}
}

func parseLimit(s string, d *DeadLetter) error {
	if num, ok := strings.CutSuffix(s, "%"); ok {
		if f, err := strconv.ParseFloat(strings.TrimSpace(num), 64); err == nil && f >= 0 && f <= 100 {
			d.MaxShare, d.MaxRows = f/100, -1
			return nil
		}
	} else if n, err := strconv.ParseInt(s, 10, 64); err == nil && n >= 0 {
		d.MaxRows, d.MaxShare = n, -1
		return nil
	}
	return fmt.Errorf("must be a share such as \"1%%\" or a number of rows such as \"100\", not %q", s)
}

func (b *pipelineBuilder) commit(p *Pipeline, blk *hcl.Block) {
	at, ds := CommitSpec(&p.Commit).Decode(blk.Body, b.block.Scope())
	b.add(ds...)
	b.commitAt = at
}

// CommitSpec declares the commit block.
func CommitSpec(c *CommitPolicy) spec.Body {
	return spec.Body{
		spec.Int("rows", &c.Rows).Default(50_000, "50000").Check(spec.Between(1, 10_000_000)).Doc("Rows read between two commits, at most. A commit comes sooner when 16 MiB of refused rows, keys and what is remembered of rows wait for it."),
		spec.Duration("every", &c.Every).Default(5*time.Second, `"5s"`).Doc("Time between two commits, at most."),
	}
}

// node makes the node of a step block and takes the attributes every step has.
func (b *pipelineBuilder) node(blk *hcl.Block) {
	n := &planned{block: blk, Node: &Node{Kind: blk.Type, Header: blk.DefRange}}
	name := blk.Labels[len(blk.Labels)-1]
	if blk.Type == "source" || blk.Type == "sink" || blk.Type == "decode" {
		n.Type = blk.Labels[0]
	}
	meta := &hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "from"}, {Name: "when"}, {Name: "otherwise"}}}
	switch blk.Type {
	case "decode": // it reads bytes, which no condition can look into
		meta.Attributes = []hcl.AttributeSchema{{Name: "from"}, {Name: "name"}}
	case "source":
		meta.Attributes = nil
	}
	c, rest, hd := blk.Body.PartialContent(meta)
	b.add(spec.FromHCL(hd)...)
	n.rest = rest
	scope := b.block.Scope()
	if _, ok := c.Attributes["name"]; ok {
		_, ds := spec.Body{spec.String("name", &name)}.DecodeAttr(c, scope)
		b.add(ds...)
	}
	n.Address = blk.Type + "." + name
	if a, ok := c.Attributes["from"]; ok {
		n.from = a.Expr
	}
	if blk.Type != "source" && blk.Type != "decode" {
		body := spec.Body{spec.Expr("when", &n.WhenText), spec.Bool("otherwise", &n.Otherwise)}
		at, ds := body.DecodeAttr(c, scope)
		b.add(ds...)
		n.common = body.Values(at)
	}
	if n.Otherwise && !n.WhenText.IsZero() {
		b.add(diag.Errorf("plan.invalid_route", &n.WhenText.Range, "when and otherwise exclude each other", "otherwise takes the rows that no sibling's when took."))
	}
	if first := b.byAddress[n.Address]; first != nil {
		b.add(diag.Errorf("config.duplicate", &blk.DefRange, "Duplicate step "+n.Address,
			"It is already declared at line %d. Steps of one kind need distinct names.", first.Header.Start.Line))
		return
	}
	b.byAddress[n.Address] = n.Node
	b.nodes = append(b.nodes, n)
}

// sorted returns the nodes with inputs before readers, keeping the order of the file otherwise.
func (b *pipelineBuilder) sorted() []*planned {
	done := map[*Node]bool{}
	var out []*planned
	for range b.nodes {
		for _, n := range b.nodes {
			if done[n.Node] || slices.ContainsFunc(n.Inputs, func(i *Node) bool { return !done[i] }) {
				continue
			}
			done[n.Node] = true
			out = append(out, n)
		}
	}
	return out
}

// complete reports what a pipeline cannot do without.
func (b *pipelineBuilder) complete(p *Pipeline) {
	has := func(kind string) bool {
		return slices.ContainsFunc(b.nodes, func(n *planned) bool { return n.Kind == kind })
	}
	for _, kind := range []string{"source", "sink"} {
		if !has(kind) {
			b.add(diag.Errorf("plan.incomplete", &p.Header, fmt.Sprintf("Pipeline %s has no %s", p.Address, kind), "Add a %s block.", kind))
		}
	}
	for _, n := range p.Nodes {
		if n.Kind == "source" && !n.MakesRows() && len(n.Readers) > 1 {
			b.add(diag.Errorf("plan.read_twice", &n.Readers[1].Header, "Two decoders read "+n.Address, "A source is read by one decoder; several steps can read the decoder."))
		}
		if n.Kind != "sink" && len(n.Readers) == 0 && has("sink") && !n.failed {
			b.add(diag.Errorf("plan.unread", &n.Header, "Nothing reads "+n.Address, "Its rows would be lost. Name it in the from of a step, or remove it."))
		}
	}
}
