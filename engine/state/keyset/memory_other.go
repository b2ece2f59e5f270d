//go:build !unix

package keyset

func allocate(n int) []byte { return make([]byte, n) }

func free([]byte) {}
