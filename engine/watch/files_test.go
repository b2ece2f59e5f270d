package watch

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// mainFiles is a configuration of two folders and a few other files.
func mainFiles() map[string]string {
	return map[string]string{
		"main/weir.hcl": "1", "main/b.hcl": "1", "main/readme.md": "1", "shop/shop.hcl": "1", "run/ca.pem": "1", "run/other.pem": "1",
	}
}

func mainRig(t *testing.T) *rig {
	t.Helper()
	r := newRig(t, Options{}, mainFiles())
	r.w.Set(Paths{Roots: r.paths("main"), Folders: r.paths("main", "shop", "new"),
		Files: r.paths("main/weir.hcl", "main/b.hcl", "shop/shop.hcl", "run/ca.pem", "run/late/key.pem")})
	return r
}

func TestWriteInPlace(t *testing.T) {
	r := mainRig(t)
	r.write("shop/shop.hcl", "2")
	r.expect("shop/shop.hcl")
}

func TestRenameOver(t *testing.T) {
	r := mainRig(t)
	r.write("main/.weir.hcl.Xy12", "2")
	r.rename("main/.weir.hcl.Xy12", "main/weir.hcl")
	r.expect("main/weir.hcl")
	// The replacement is watched as the original was.
	r.write("main/weir.hcl", "3")
	r.expect("main/weir.hcl")
}

func TestNewAndRemovedFile(t *testing.T) {
	r := mainRig(t)
	r.write("main/c.hcl", "1")
	r.expect("main/c.hcl")
	r.remove("main/b.hcl")
	r.expect("main/b.hcl")
	r.write("shop/prod.vars.hcl", "")
	r.expect("shop/prod.vars.hcl")
}

func TestDeleteAndCreateFile(t *testing.T) {
	r := mainRig(t)
	for range 3 {
		r.remove("main/weir.hcl")
		r.expect("main/weir.hcl")
		r.write("main/weir.hcl", "1")
		r.expect("main/weir.hcl")
	}
}

func TestDeleteAndCreateFolder(t *testing.T) {
	r := mainRig(t)
	for i := range 3 {
		r.remove("shop")
		r.wait("shop", "shop/shop.hcl")
		r.write("shop/shop.hcl", fmt.Sprint(i))
		r.wait("shop/shop.hcl")
		r.write("shop/d.hcl", "")
		r.wait("shop/d.hcl")
	}
}

func TestDeleteAndCreateAllAtOnce(t *testing.T) {
	r := mainRig(t)
	for i := range 5 {
		r.remove("main")
		r.write("main/weir.hcl", fmt.Sprint(i))
		r.wait("main/weir.hcl")                 // and main, unless it got the same inode
		fresh := fmt.Sprintf("main/n%d.hcl", i) // the new folder is watched, not the old one
		r.write(fresh, "")
		r.wait(fresh)
	}
}

func TestParentsDeletedAndCreated(t *testing.T) {
	r := newRig(t, Options{}, map[string]string{"a/b/c/x.hcl": "1"})
	r.w.Set(Paths{Roots: r.paths("a/b/c")})
	r.remove("a")
	r.wait("a/b/c/x.hcl")
	r.write("a/b/c/x.hcl", "2")
	r.wait("a/b/c/x.hcl")
	r.write("a/b/c/x.hcl", "3")
	r.wait("a/b/c/x.hcl")
}

func TestFolderReplacedByRename(t *testing.T) {
	r := mainRig(t)
	r.write("main.new/weir.hcl", "2")
	r.rename("main", "main.old")
	r.rename("main.new", "main")
	r.wait("main", "main/weir.hcl", "main/b.hcl")
	r.write("main.old/weir.hcl", "no longer of interest")
	r.quiet("main/weir.hcl")
}

// TestGrandparentReplacedByRename moves a folder far above what is watched.
func TestGrandparentReplacedByRename(t *testing.T) {
	r := newRig(t, Options{}, map[string]string{"app/etc/weir/x.hcl": "1", "next/etc/weir/x.hcl": "2"})
	r.w.Set(Paths{Roots: r.paths("app/etc/weir")})
	r.rename("app", "old")
	r.rename("next", "app")
	r.wait("app/etc/weir/x.hcl")
	r.write("app/etc/weir/x.hcl", "3")
	r.expect("app/etc/weir/x.hcl")
}

func TestNewModuleFolder(t *testing.T) {
	r := mainRig(t)
	r.write("new/a.hcl", "1") // named by a module block, and missing until now
	r.wait("new/a.hcl")
	r.write("new/b.hcl", "1")
	r.wait("new/b.hcl")
}

// TestNewFolderOfRoot checks folders directly below one, each a configuration of its own.
func TestNewFolderOfRoot(t *testing.T) {
	r := newRig(t, Options{}, map[string]string{"all/one/x.hcl": "1", "all/one/deep/y.hcl": "1"})
	r.w.Set(Paths{Roots: r.paths("all")})
	r.mkdir("all/empty")
	r.mkdir("all/.git")
	r.write("all/.git/z.hcl", "1")
	r.write("all/one/deep/y.hcl", "2") // two levels down is no configuration
	r.quiet("all/one/x.hcl")
	r.write("all/empty/x.hcl", "1")
	r.expect("all/empty/x.hcl")
	r.write("all/two/x.hcl", "1")
	r.expect("all/two/x.hcl")
	r.write("all/two/y.hcl", "1")
	r.expect("all/two/y.hcl")
	r.remove("all/one")
	r.expect("all/one/x.hcl")
	r.write("all/here.hcl", "1")
	r.expect("all/here.hcl")
}

func TestRootThatIsMissing(t *testing.T) {
	r := newRig(t, Options{}, nil)
	r.w.Set(Paths{Roots: r.paths("far/away/conf")})
	r.mkdir("far")
	r.mkdir("far/away")
	r.write("far/away/conf/x.hcl", "1")
	r.wait("far/away/conf/x.hcl")
	r.write("far/away/conf/x.hcl", "2")
	r.wait("far/away/conf/x.hcl")
}

func TestRootThatIsAFile(t *testing.T) {
	r := newRig(t, Options{}, map[string]string{"main/weir.hcl": "1"})
	r.w.Set(Paths{Roots: r.paths("main/weir.hcl")})
	r.write("main/other.hcl", "1")
	r.quiet("main/weir.hcl")
}

func TestOtherFiles(t *testing.T) {
	r := mainRig(t)
	r.write("run/other.pem", "2")
	r.write("main/readme.md", "2")
	r.quiet("run/ca.pem")
	r.write("run/late/key.pem", "1") // it was missing, with its folder
	r.expect("run/late/key.pem")
	r.write("run/late/key.pem", "2")
	r.expect("run/late/key.pem")
}

func TestPermissions(t *testing.T) {
	r := mainRig(t)
	r.ok(os.Chmod(r.path("run/ca.pem"), 0o600))
	r.expect("run/ca.pem")
}

// TestHalfWritten writes a file in two parts: whatever is told of the first, the second is told as well.
func TestHalfWritten(t *testing.T) {
	r := mainRig(t)
	f, err := os.Create(r.path("main/weir.hcl"))
	r.ok(err)
	_, err = f.WriteString("pipeline \"a\" {")
	r.ok(err)
	r.wait("main/weir.hcl") // a pause longer than the time of quiet
	_, err = f.WriteString("}\n")
	r.ok(err)
	r.ok(f.Close())
	r.wait("main/weir.hcl")
}

func TestRelativePaths(t *testing.T) {
	r := newRig(t, Options{}, mainFiles())
	t.Chdir(r.path("main"))
	r.w.Set(Paths{Roots: []string{"."}, Folders: []string{"../shop"}, Files: []string{"../run/ca.pem"}})
	r.write("main/b.hcl", "2")
	r.expect("b.hcl")
	r.write("run/ca.pem", "2")
	r.expect("../run/ca.pem")
	r.write("shop/x.hcl", "2")
	r.expect("../shop/x.hcl")
}

// TestSetReplaces checks that what a later Set leaves out no longer matters.
func TestSetReplaces(t *testing.T) {
	r := mainRig(t)
	r.w.Set(Paths{Files: r.paths("run/ca.pem")})
	r.write("main/weir.hcl", "2")
	r.write("shop/shop.hcl", "2")
	r.quiet("run/ca.pem")
}

// TestSetTellsWhatChangedBefore changes files that nothing notifies of, before a Set.
func TestSetTellsWhatChangedBefore(t *testing.T) {
	r := newRig(t, Options{open: func() (*notifier, error) { return silent(), nil }}, mainFiles())
	p := Paths{Roots: r.paths("main"), Files: r.paths("run/ca.pem")}
	r.w.Set(p)
	r.write("run/ca.pem", "longer")
	r.w.Set(p)
	r.expect("run/ca.pem")
}

func TestKick(t *testing.T) {
	r := mainRig(t)
	r.w.Kick("SIGHUP")
	if c := r.next(); c.Trigger != Kick || c.Reason != "SIGHUP" || len(c.Names) != 0 {
		t.Errorf("%+v", c)
	}
}

func TestClose(t *testing.T) {
	r := mainRig(t)
	r.w.Close()
	if _, ok := <-r.w.Changes(); ok {
		t.Error("a change after the end")
	}
	r.w.Close()
	r.w.Set(Paths{})
	r.w.Kick("nobody listens")
}

// TestBurst makes 1,000 changes; they arrive as few.
func TestBurst(t *testing.T) {
	r := newRig(t, Options{Quiet: 300 * time.Millisecond}, mainFiles())
	r.w.Set(Paths{Roots: r.paths("main")})
	for i := range 1000 {
		r.write("main/weir.hcl", fmt.Sprint(i))
	}
	r.write("main/last.hcl", "")
	if _, changes := r.wait("main/last.hcl"); len(changes) > 10 {
		t.Errorf("%d changes", len(changes))
	}
}
