// Package reference makes the reference pages and the JSON Schemas of
// everything that can be configured, from the declarations that decode it.
package reference

import (
	"slices"
	"strings"

	"weir/engine/identity"
	"weir/engine/plan"
	"weir/engine/plugin"
	"weir/engine/spec"
	"weir/engine/step"
)

// Block describes one block of the language.
type Block struct {
	Kind    string   // source, decode, sink, connection, a step, or a block of the top
	Type    string   // the plugin; "" when there is none
	Labels  []string // what stands behind the kind
	Doc     string
	Options []spec.Option
	common  []spec.Option // options that every block of the kind has
}

// Name is the block's name for files and headings: "sink.rest", "map".
func (b Block) Name() string {
	if b.Type == "" {
		return b.Kind
	}
	return b.Kind + "." + b.Type
}

// Header is how the block begins in a configuration.
func (b Block) Header() string {
	var s strings.Builder
	s.WriteString(b.Kind)
	if b.Type != "" {
		s.WriteString(` "` + b.Type + `"`)
	}
	for _, l := range b.Labels {
		s.WriteString(` "` + l + `"`)
	}
	return s.String()
}

// All returns the options of the block, those of its kind included.
func (b Block) All() []spec.Option { return slices.Concat(b.common, b.Options) }

// Blocks describes every block: those of the plugins, the steps and the language.
func Blocks(plugins []plugin.Plugin) []Block {
	out := languageBlocks()
	kinds := step.All()
	docs := stepDocs()
	for _, kind := range slices.Sorted(keys(kinds)) {
		out = append(out, Block{Kind: kind, Labels: []string{"NAME"}, Doc: docs[kind], Options: kinds[kind]("NAME").Spec().Describe(), common: routing()})
	}
	plugins = slices.Clone(plugins)
	slices.SortFunc(plugins, func(a, b plugin.Plugin) int { return strings.Compare(a.Name, b.Name) })
	for _, p := range plugins {
		out = append(out, pluginBlocks(p)...)
	}
	return out
}

func keys[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func pluginBlocks(p plugin.Plugin) []Block {
	var out []Block
	if p.Connection != nil {
		out = append(out, Block{Kind: "connection", Type: p.Name, Labels: []string{"NAME"}, Doc: "An endpoint that sources and sinks share.", Options: p.Connection().Spec().Describe()})
	}
	if p.Files != nil {
		out = append(out, Block{Kind: "source", Type: p.Name, Labels: []string{"NAME"}, Doc: p.Summary, Options: p.Files().Spec().Describe()})
	}
	if p.Source != nil {
		out = append(out, Block{Kind: "source", Type: p.Name, Labels: []string{"NAME"}, Doc: p.Summary, Options: p.Source().Spec().Describe()})
	}
	if p.Decoder != nil {
		common := append(routing(), spec.Option{Name: "name", Type: "string", Doc: "Name of the step, where its address must differ from decode." + p.Name + "."})
		out = append(out, Block{Kind: "decode", Type: p.Name, Doc: p.Summary, Options: p.Decoder().Spec().Describe(), common: common})
	}
	if p.Sink != nil {
		out = append(out, Block{Kind: "sink", Type: p.Name, Labels: []string{"NAME"}, Doc: p.Summary, Options: p.Sink().Spec().Describe(), common: routing()})
	}
	return out
}

// routing are the options that every step with an input has.
func routing() []spec.Option {
	return []spec.Option{
		{Name: "from", Type: "step reference, or a list of them", Doc: "The steps that are read, such as map.line or [source.a, source.b]. Default: the step above."},
		{Name: "when", Type: "expression", Doc: "Takes only the rows for which it is true."},
		{Name: "otherwise", Type: "bool", Default: "false", Doc: "Takes the rows that the when of no step beside it took."},
	}
}

func languageBlocks() []Block {
	var p plan.Pipeline
	pipeline := append(plan.PipelineSpec(&p).Describe(),
		spec.Option{Name: "after", Type: "pipeline reference, or a list of them", Doc: "Pipelines that run before this one; it does not run when one of them failed."},
		spec.Option{Name: "dead_letter", Type: "block", Block: true, Doc: "What is done about rejected rows.", Body: plan.DeadLetterSpec(&p.DeadLetter).Describe()},
		spec.Option{Name: "commit", Type: "block", Block: true, Doc: "When what was done becomes durable; the end of a file always is such a moment.", Body: plan.CommitSpec(&p.Commit).Describe()})
	name := []string{"NAME"}
	return []Block{
		{Kind: "engine", Doc: "Settings of the process; in weir.hcl.", Options: plan.EngineSpec(new(plan.EngineOptions)).Describe()},
		{Kind: "entity", Labels: name, Doc: "An identity space that pipelines share: which keys it has and how they are normalised.", Options: new(identity.Entity).Spec().Describe()},
		{Kind: "mapping", Labels: name, Doc: "Field mappings that map steps extend.", Options: []spec.Option{{Name: "fields", Type: "map of expressions", Required: true, Doc: "Field name = expression."}}},
		{Kind: "pipeline", Labels: name, Doc: "One flow of rows, from sources to sinks. Its other blocks are its steps; each reads the one above it unless from says otherwise.", Options: pipeline},
		{Kind: "variable", Labels: name, Doc: "A value given from outside: by --var, a *.vars.hcl file, WEIR_VAR_NAME, or a module block.", Options: []spec.Option{
			{Name: "type", Type: "type", Doc: "As in Terraform: string, number, bool, list(string), map(string), object({...}), optional() within."},
			{Name: "default", Type: "any", Doc: "The value when none is given; without it one must be."},
			{Name: "description", Type: "string", Doc: "What it means."},
			{Name: "sensitive", Type: "bool", Default: "false", Doc: "Never shown; allowed only where credentials are."},
			{Name: "validation", Type: "block", Block: true, Repeated: true, Doc: "A condition that the value must meet.", Body: []spec.Option{
				{Name: "condition", Type: "bool", Required: true, Doc: "What must be true, over var.NAME."},
				{Name: "error_message", Type: "string", Required: true, Doc: "What is said when it is not."}}},
		}},
	}
}

func stepDocs() map[string]string {
	return map[string]string{
		"map":    "The row becomes exactly these fields; keep passes fields through.",
		"filter": "Drops rows by a condition; the block's name is the reason in the ledger.",
		"check":  "Conditions that must hold; a row for which one does not is rejected with its message.",
		"dedupe": "Finds out which entity a row is about, by ordered keys, and which rows of an entity go on.",
		"group":  "Makes several rows into one.",
		"expand": "Makes one row into several.",
	}
}
