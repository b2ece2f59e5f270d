package bytestream

import (
	"weir/engine/spec"
)

// Options are the options that every decoder of text objects has.
type Options struct {
	Compression string // "auto", "none", "gzip" or "zip"
	Member      string // pattern of the members of a zip archive that are read; "" allows one member
	MaxSize     int64  // bytes that an archive may expand to; 0 is no limit
	MaxRatio    int    // how many times its size an archive may expand to; 0 is no limit
	Charset     string // a name for LookupCharset
	Invalid     string // "reject" or "replace": what becomes of bytes that are not text
}

// Spec binds the options; decoders append it to their own.
func (o *Options) Spec() spec.Body {
	return spec.Body{
		spec.String("charset", &o.Charset).Default("auto", `"auto"`).Check(func(s string) error {
			_, err := LookupCharset(s)
			return err
		}).Doc("Character set of the text, such as `utf-8`, `windows-1252`, `iso-8859-2` or `utf-16`. `auto` reads UTF-8, or what a byte order mark says."),
		spec.Choice("invalid", &o.Invalid, "reject", "replace").Default("reject", `"reject"`).
			Doc("What becomes of bytes that are not text in the character set: the row is rejected, or each such place is replaced by U+FFFD."),
		spec.Choice("compression", &o.Compression, "auto", "none", "gzip", "zip").Default("auto", `"auto"`).
			Doc("How the object is compressed. `auto` looks at its first bytes."),
		spec.String("member", &o.Member).Check(checkPattern).
			Doc("Pattern of the members of a zip archive to read, such as `*.csv`; several are read in the order of the archive. Without it the archive must hold one file."),
		spec.Size("max_expanded", &o.MaxSize).Default(0, "0").
			Doc("Bytes that a compressed object may expand to; more is an error. 0 is no limit."),
		spec.Int("max_ratio", &o.MaxRatio).Default(200, "200").Check(spec.Between(0, 1_000_000)).
			Doc("How many times its own size a compressed object, or a member of a zip archive, may expand to, once beyond 16 MiB; more is an error, since it is likely to be made to fill memory or disk. 0 is no limit."),
	}
}
