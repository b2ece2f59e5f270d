package scenario

import (
	"os"

	"weir/engine/plugin"
	"weir/engine/spec"
)

// instrument is what engine.Options call Instrument.
func (r *runner) instrument(_, step string, comp plugin.Compiler) plugin.Compiler {
	return &coverCompiler{Compiler: comp, cover: r.cover, step: step, placed: r.placed}
}

// placed returns where an expression stands in its file as that is, and whether it
// stands there: what a step of the test wrote is no part of what is to be reached.
// Between the first and the last change of a file nothing is looked for.
func (r *runner) placed(t spec.Text) (at int, ok bool) {
	at = t.Range.Start.Byte
	text, edited := r.edited[t.Range.Filename]
	if !edited {
		return at, true
	}
	file, err := os.ReadFile(t.Range.Filename)
	if err != nil {
		return 0, false
	}
	first, last := 0, 0
	for first < min(len(file), len(text)) && file[first] == text[first] {
		first++
	}
	for last < min(len(file), len(text))-first && file[len(file)-1-last] == text[len(text)-1-last] {
		last++
	}
	switch {
	case t.Range.End.Byte <= first:
		return at, true
	case at >= len(text)-last:
		return at + len(file) - len(text), true
	}
	return 0, false
}

// lineOf returns the line of an expression, the same for each plan that has it; nil
// for one that a step of the test wrote.
func (c *coverCompiler) lineOf(t spec.Text, condition bool) *line {
	at, ok := c.placed(t)
	if !ok {
		return nil
	}
	c.cover.mu.Lock()
	defer c.cover.mu.Unlock()
	key := lineKey{t.Range.Filename, at, t.S}
	l := c.cover.lines[key]
	if l == nil && at == t.Range.Start.Byte {
		l = &line{text: t, step: c.step, condition: condition, branches: branchesOf(t)}
		c.cover.lines[key] = l
	}
	return l
}
