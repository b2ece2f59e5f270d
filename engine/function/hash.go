package function

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strings"

	"weir/engine/record"
)

func hashFunctions() []Function {
	return []Function{
		digest("md5", "Not for security: for systems that name contacts by it.", "900150983cd24fb0d6963f7d28e17f72",
			func(dst, s []byte) ([]byte, bool, error) {
				h := md5.Sum(s)
				return hex.AppendEncode(dst, h[:]), true, nil
			}),
		digest("sha1", "Not for security: for systems that ask for it.", "a9993e364706816aba3e25717850c26c9cd0d89d",
			func(dst, s []byte) ([]byte, bool, error) {
				h := sha1.Sum(s)
				return hex.AppendEncode(dst, h[:]), true, nil
			}),
		digest("sha256", "", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
			func(dst, s []byte) ([]byte, bool, error) {
				h := sha256.Sum256(s)
				return hex.AppendEncode(dst, h[:]), true, nil
			}),
		hmacFunction(),
	}
}

// digest describes a hash function; abc is what it makes of "abc".
func digest(name, note, abc string, c core) Function {
	return Function{
		Name:     name,
		Usage:    name + "(x)",
		Summary:  strings.TrimSpace("The " + strings.ToUpper(name) + " digest of the text x, in lower-case hexadecimal. " + note),
		Examples: []Example{{name + "('abc')", `"` + abc + `"`}},
		Types:    []any{new(func(string) *string)},
		Returns:  asArgs(record.String),
		Call:     textCall(name, c),
		Prepare:  textPrepare(c),
	}
}

func hmacFunction() Function {
	return Function{
		Name:  "hmac",
		Usage: "hmac(x, key[, algorithm[, encoding]])",
		Summary: "The HMAC of the text x under key. The algorithm is `sha256` (unless given), `sha1`, `sha512` or `md5`; " +
			"the encoding is `hex` (unless given) in lower case, or `base64`. " +
			"The key may be a sensitive variable or local, by itself: `hmac(email, var.pepper)`. What comes out does not show it.",
		Examples: []Example{
			{"hmac('what do ya want for nothing?', 'Jefe')", `"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"`},
			{"hmac('what do ya want for nothing?', 'Jefe', 'sha1')", `"effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"`},
			{"hmac('what do ya want for nothing?', 'Jefe', 'md5', 'base64')", `"dQx4PmqwtQPqqG4xCl23OA=="`},
		},
		Types: []any{
			new(func(string, string) *string), new(func(string, string, string) *string),
			new(func(string, string, string, string) *string),
		},
		Returns: asArgs(record.String),
		KeyArg:  1,
		Call: strict(func(args []any) (any, error) {
			var texts [4]string
			for i := range args {
				var err error
				if texts[i], err = textArg("hmac", unseal(args), i); err != nil {
					return nil, err
				}
			}
			c, err := hmacCore(texts[1:len(args)])
			if err != nil {
				return nil, err
			}
			return fromCore(c(nil, []byte(texts[0])))
		}),
		Prepare: func(args []any) (Fast, error) {
			texts, usable, err := constants("hmac", unseal(args))
			if err != nil || !usable {
				return Fast{}, err
			}
			c, err := hmacCore(texts)
			return Fast{Str: c}, err
		},
	}
}

// unseal returns args with the text of a key that is sensitive.
func unseal(args []any) []any {
	if len(args) < 2 {
		return args
	}
	key, sealed := args[1].(Sealed)
	if !sealed {
		return args
	}
	out := slices.Clone(args)
	out[1] = key.Reveal()
	return out
}

// hmacCore takes key, algorithm and encoding. Its errors never hold the key (I9).
func hmacCore(args []string) (core, error) {
	h := sha256.New
	if len(args) > 1 {
		switch args[1] {
		case "sha256":
		case "sha1":
			h = sha1.New
		case "sha512":
			h = sha512.New
		case "md5":
			h = md5.New
		default:
			return nil, fmt.Errorf("%q is not an algorithm of hmac(); there are sha256, sha1, sha512 and md5", args[1])
		}
	}
	encode := hex.AppendEncode
	if len(args) > 2 {
		switch args[2] {
		case "hex":
		case "base64":
			encode = base64.StdEncoding.AppendEncode
		default:
			return nil, fmt.Errorf("%q is not an encoding of hmac(); there are hex and base64", args[2])
		}
	}
	return keyed(hmac.New(h, []byte(args[0])), encode), nil
}

func keyed(mac hash.Hash, encode func(dst, src []byte) []byte) core {
	var sum [sha512.Size]byte
	return func(dst, s []byte) ([]byte, bool, error) {
		mac.Reset()
		mac.Write(s)
		return encode(dst, mac.Sum(sum[:0])), true, nil
	}
}
