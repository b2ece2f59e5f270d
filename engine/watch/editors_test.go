package watch

import (
	"os"
	"testing"
)

// TestVim saves as vim does with backup and writebackup: a probe for
// permissions, a swap file, the original renamed, the new one written.
func TestVim(t *testing.T) {
	r := mainRig(t)
	r.write("main/.weir.hcl.swp", "opened") // nothing is saved yet
	r.write("main/4913", "")
	r.remove("main/4913")
	r.quiet("shop/shop.hcl")
	for range 2 {
		r.write("main/4913", "")
		r.remove("main/4913")
		r.rename("main/weir.hcl", "main/weir.hcl~")
		r.write("main/weir.hcl", "2")
		r.remove("main/weir.hcl~")
		r.write("main/.weir.hcl.swp", "saved")
		r.expect("main/weir.hcl")
	}
	r.remove("main/.weir.hcl.swp")
	r.quiet("shop/shop.hcl")
}

// TestEmacs edits with a lock, which is a link to nowhere, and an auto-save file.
func TestEmacs(t *testing.T) {
	r := mainRig(t)
	r.link("me@host.123:1700000000", "main/.#weir.hcl")
	r.write("main/#weir.hcl#", "half")
	r.write("main/#weir.hcl#", "half of it")
	r.quiet("shop/shop.hcl")
	r.rename("main/weir.hcl", "main/weir.hcl~")
	r.write("main/weir.hcl", "2")
	r.remove("main/#weir.hcl#")
	r.remove("main/.#weir.hcl")
	r.expect("main/weir.hcl")
}

// TestGedit writes a temporary file of its own naming and renames it.
func TestGedit(t *testing.T) {
	r := mainRig(t)
	r.write("main/.goutputstream-ABC123", "2")
	r.quiet("shop/shop.hcl")
	r.rename("main/.goutputstream-ABC123", "main/weir.hcl")
	r.expect("main/weir.hcl")
}

// TestOtherTemporaryFiles makes what sed, rsync, downloads and other editors leave for a moment.
func TestOtherTemporaryFiles(t *testing.T) {
	r := mainRig(t)
	for _, n := range []string{"weir.hcl.tmp", "weir.hcl.part", "sedAb12Cd", ".weir.hcl.Zz9", "weir.hcl.bak", "weir.hcl___jb_tmp___", ".nfs0001",
		"x.test.hcl", "weir.hcl.swx", "weir.hcl.orig", "#weir.hcl#", "weir.hcl~"} {
		r.write("main/"+n, "1")
		r.write("main/"+n, "2")
		r.ok(os.Chmod(r.path("main/"+n), 0o600))
		r.remove("main/" + n)
	}
	r.quiet("main/weir.hcl")
}
