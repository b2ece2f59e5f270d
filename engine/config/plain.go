package config

import "strings"

// plainlyFlat reports whether src, in native syntax, is so simple that a glance tells
// that it is within the limits of tooDeep. Taking every file apart into tokens once
// more costs as much as parsing it. False means nothing: tooDeep looks closely then.
func plainlyFlat(src []byte) bool {
	p := plain{src: src}
	p.levels[0].lines = true
	for p.at < len(src) {
		if !p.next() {
			return false
		}
	}
	return true
}

// plainDepth is how deep a file may be to be flat.
const plainDepth = 64

// plain goes through a source. It knows only what simple files have, and counts
// operators by their characters, so it never counts fewer than tooDeep.
type plain struct {
	src    []byte
	at     int
	depth  int
	levels [plainDepth]level
}

// next takes one character, string, comment or number; false for what it does not know.
func (p *plain) next() bool {
	top := &p.levels[p.depth]
	switch c := p.src[p.at]; {
	case c == '\n':
		if top.lines {
			top.operators = 0
		}
	case c == ' ' || c == '\t' || c == '.' || c == ':':
	case c == ',' || c == '=' && !p.is(1, '=') && !p.after("=!<>?"):
		top.operators = 0
	case c == '#' || c == '/' && p.is(1, '/'):
		return p.comment()
	case c == '"':
		top.operators++
		return top.operators < maxOperators && p.text()
	case c == '{' || c == '[' || c == '(':
		top.operators++
		if p.depth++; p.depth == plainDepth || top.operators >= maxOperators {
			return false
		}
		p.levels[p.depth] = level{lines: c == '{'}
	case c == '}' || c == ']' || c == ')':
		if p.depth == 0 {
			return false
		}
		p.depth--
	case c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
		p.word(top)
		return true
	case c >= '0' && c <= '9':
		return p.number()
	case strings.IndexByte("=!-?+*%&|></", c) >= 0 && !(c == '/' && p.is(1, '*')) && !(c == '<' && p.is(1, '<')):
		if top.operators++; top.operators >= maxOperators {
			return false
		}
	default:
		return false
	}
	p.at++
	return true
}

// is reports whether the character n further is c.
func (p *plain) is(n int, c byte) bool { return p.at+n < len(p.src) && p.src[p.at+n] == c }

// after reports whether the character before is one of those in set.
func (p *plain) after(set string) bool {
	return p.at > 0 && strings.IndexByte(set, p.src[p.at-1]) >= 0
}

// comment takes one with the end of its line, which ends nothing then.
func (p *plain) comment() bool {
	for ; p.at < len(p.src); p.at++ {
		switch p.src[p.at] {
		case '\r':
			return false
		case '\n':
			p.at++
			return true
		}
	}
	return true
}

func (p *plain) word(top *level) {
	from := p.at
	for p.at < len(p.src) && wordByte(p.src[p.at]) {
		p.at++
	}
	if string(p.src[from:p.at]) == "for" {
		top.lines = false // { for ... } goes on over line ends
	}
}

func wordByte(c byte) bool {
	return c == '_' || c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// number takes a short one without an exponent.
func (p *plain) number() bool {
	from := p.at
	for p.at < len(p.src) && (p.src[p.at] == '.' || wordByte(p.src[p.at]) && p.src[p.at] != '-') {
		if c := p.src[p.at]; c > '9' {
			return false
		}
		p.at++
	}
	return p.at-from < 20
}

// text takes a string on one line in which nothing but a few references is inserted.
func (p *plain) text() bool {
	inserted := 0
	for p.at++; p.at < len(p.src); p.at++ {
		switch c := p.src[p.at]; {
		case c == '"':
			p.at++
			return true
		case c == '\n' || c == '\r':
			return false
		case c == '\\':
			if p.at++; p.at == len(p.src) || strings.IndexByte(`nrt"\uU`, p.src[p.at]) < 0 {
				return false
			}
		case (c == '$' || c == '%') && p.is(1, '{'):
			if inserted++; inserted > 100 || c == '%' || p.src[p.at-1] == '$' || !p.reference() {
				return false
			}
		}
	}
	return false
}

// reference takes ${a.b}, up to its end.
func (p *plain) reference() bool {
	start := true // of a name
	for p.at += 2; p.at < len(p.src); p.at++ {
		switch c := p.src[p.at]; {
		case c == '}':
			return !start
		case c == '.':
			if start {
				return false
			}
			start = true
		case !wordByte(c) || start && (c == '-' || c <= '9'):
			return false
		default:
			start = false
		}
	}
	return false
}
