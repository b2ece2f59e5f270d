//go:build unix

package keyset

import "syscall"

// Large arrays are taken from the system: on the heap of the runtime they would
// make it twice as large, as it grows in proportion to what is in use.
const large = 64 << 10

// allocate returns n zero bytes, nil when there are none to be had.
func allocate(n int) []byte {
	if n < large {
		return make([]byte, n)
	}
	b, err := syscall.Mmap(-1, 0, n, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil
	}
	return b
}

// free returns what allocate gave.
func free(b []byte) {
	if len(b) >= large {
		_ = syscall.Munmap(b) // it fails only for what is no mapping
	}
}
