package watch

import (
	"fmt"
	"testing"
)

// version makes the next version of a mounted ConfigMap as Kubernetes does:
// files in a hidden folder, and one rename that switches a link to it.
func (r *rig) version(dir string, n int, files ...string) {
	r.t.Helper()
	for _, f := range files {
		r.write(fmt.Sprintf("%s/..2024_%d/%s", dir, n, f), fmt.Sprint(n))
	}
	r.link(fmt.Sprintf("..2024_%d", n), dir+"/..data_tmp")
	r.rename(dir+"/..data_tmp", dir+"/..data")
	r.remove(fmt.Sprintf("%s/..2024_%d", dir, n-1))
}

func TestKubernetesSymlinkSwap(t *testing.T) {
	r := newRig(t, Options{}, nil)
	r.mkdir("main")
	r.version("main", 1, "pipeline.hcl", "other.hcl")
	r.link("..data/pipeline.hcl", "main/pipeline.hcl")
	r.link("..data/other.hcl", "main/other.hcl")
	r.w.Set(Paths{Roots: r.paths("main"), Folders: r.paths("main"), Files: r.paths("main/pipeline.hcl", "main/other.hcl")})
	for n := 2; n < 6; n++ {
		r.version("main", n, "pipeline.hcl", "other.hcl")
		r.expect("main/pipeline.hcl", "main/other.hcl")
	}
	// A key that is new: its link is made after the switch.
	r.version("main", 6, "pipeline.hcl", "other.hcl", "new.hcl")
	r.link("..data/new.hcl", "main/new.hcl")
	r.expect("main/pipeline.hcl", "main/other.hcl", "main/new.hcl")
}

// TestKubernetesSecretSwap swaps a secret that a configuration elsewhere reads.
func TestKubernetesSecretSwap(t *testing.T) {
	r := newRig(t, Options{}, map[string]string{"main/weir.hcl": "1"})
	r.mkdir("run")
	r.version("run", 1, "key")
	r.link("..data/key", "run/key")
	r.w.Set(Paths{Roots: r.paths("main"), Files: r.paths("run/key")})
	r.version("run", 2, "key")
	r.expect("run/key")
	r.version("run", 3, "key")
	r.expect("run/key")
}

// TestLinkedFolder switches a link in the middle of a path, from release to release.
func TestLinkedFolder(t *testing.T) {
	r := newRig(t, Options{}, map[string]string{"releases/1/conf/x.hcl": "1", "releases/2/conf/x.hcl": "2", "releases/3/conf/y.hcl": "3"})
	r.link("releases/1", "current")
	r.w.Set(Paths{Roots: r.paths("current/conf")})
	for _, to := range []string{"2", "1", "3"} {
		r.link("releases/"+to, "next")
		r.rename("next", "current")
		r.wait("current/conf")
	}
	if !r.known["current/conf/y.hcl"] || r.known["next"] {
		t.Errorf("seen: %v", r.known)
	}
	r.write("releases/3/conf/y.hcl", "4") // by its own name
	r.wait("current/conf/y.hcl")
	r.write("releases/1/conf/x.hcl", "no longer of interest")
	r.quiet("current/conf/z.hcl")
}

// TestLinkToNothing lets the target of a link appear, and a circle of links be broken.
func TestLinkToNothing(t *testing.T) {
	r := newRig(t, Options{}, map[string]string{"main/weir.hcl": "1"})
	r.link(r.path("far/target.hcl"), "main/link.hcl")
	r.link("b.hcl", "main/a.hcl")
	r.link("a.hcl", "main/b.hcl")
	r.w.Set(Paths{Roots: r.paths("main"), Files: r.paths("main/link.hcl", "main/a.hcl")})
	r.write("far/target.hcl", "1")
	r.expect("main/link.hcl")
	r.remove("main/b.hcl")
	r.write("main/b.hcl", "1")
	r.wait("main/a.hcl", "main/b.hcl")
}

// TestTwoNamesForOneFolder watches a folder once, and tells of it by both names.
func TestTwoNamesForOneFolder(t *testing.T) {
	r := newRig(t, Options{}, map[string]string{"shop/x.hcl": "1"})
	r.link("shop", "alias")
	r.w.Set(Paths{Folders: r.paths("shop", "alias")})
	r.write("shop/x.hcl", "2")
	r.expect("shop/x.hcl", "alias/x.hcl")
}
