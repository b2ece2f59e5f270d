package rest

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strconv"
	"strings"
)

// key identifies a request by its rows and its content: equal keys always mean the
// same request. It begins with the key of the delivery.
func (x *shipment) key(r *request) string {
	places, key := r.places, x.d.Key+"-"+r.digest
	if len(places) == x.live {
		return key
	}
	var b []byte
	for i := 0; i < len(places); {
		j := i
		for j+1 < len(places) && places[j+1] == places[j]+1 {
			j++
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(places[i]), 10)
		if j > i {
			b = strconv.AppendInt(append(b, '-'), int64(places[j]), 10)
		}
		i = j + 1
	}
	if len(b) > 40 {
		sum := sha256.Sum256(b)
		b = []byte(hex.EncodeToString(sum[:12]))
	}
	return key + "/" + string(b)
}

// digest tells requests with other content apart. It is of the body before it is
// compressed, and of the path as it is below the connection's url, which may change.
func (x *shipment) digest(u *url.URL) string {
	h := &x.hash
	h.Reset()
	_, _ = h.WriteString(x.sink.method) // a hash takes everything
	_, _ = h.WriteString(" ")
	_, _ = h.WriteString(strings.TrimPrefix(u.EscapedPath(), x.client.base.EscapedPath()))
	_, _ = h.WriteString("?")
	_, _ = h.WriteString(u.RawQuery)
	_, _ = h.WriteString("\n")
	_, _ = h.Write(x.buf)
	var sum [8]byte
	return hex.EncodeToString(h.Sum(sum[:0]))
}
