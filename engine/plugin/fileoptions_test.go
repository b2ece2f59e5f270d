package plugin

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2/hclparse"

	"weir/engine/diag"
)

func decodeOptions(t *testing.T, src string) (*FileOptions, diag.List) {
	t.Helper()
	f, hd := hclparse.NewParser().ParseHCL([]byte(src), "t.hcl")
	if hd.HasErrors() {
		t.Fatal(hd)
	}
	o := &FileOptions{}
	at, ds := o.Spec().Decode(f.Body, nil)
	return o, append(ds, o.Check(at)...)
}

func TestFileOptionsDefaults(t *testing.T) {
	o, ds := decodeOptions(t, `path = "/srs/*.csv"`)
	if ds != nil {
		t.Fatal(ds.Err())
	}
	if o.ReadyMode != ReadyStable || o.StableFor != 30*time.Second || o.AfterMode != AfterKeep || o.Order != "name" {
		t.Errorf("defaults: %+v", o)
	}
}

func TestFileOptionsParsed(t *testing.T) {
	o, ds := decodeOptions(t, "path = \"/srs/*.csv\"\nready = \"marker *.done\"\nafter = \"move /srs/old/\"\nexclude = \"*.tmp\"")
	if ds != nil {
		t.Fatal(ds.Err())
	}
	if o.ReadyMode != ReadyMarker || o.Marker != "*.done" || o.AfterMode != AfterMove || o.MoveTo != "/srs/old" {
		t.Errorf("parsed: %+v", o)
	}
	o, _ = decodeOptions(t, "path = \"/a/x\"\nready = \"now\"\nafter = \"delete\"")
	if o.ReadyMode != ReadyNow || o.AfterMode != AfterDelete {
		t.Errorf("parsed: %+v", o)
	}
}

func TestFileOptionsProblems(t *testing.T) {
	for src, want := range map[string]string{
		`limit = 1`: "path",
		"path = \"/a/*\"\nready = \"stabel 30s\"":          `Did you mean "stable"?`,
		"path = \"/a/*\"\nready = \"stable soon\"":         "needs a duration after stable",
		"path = \"/a/*\"\nready = \"marker\"":              "needs the name of the marker file",
		"path = \"/a/*\"\nafter = \"move\"":                "needs a folder after move",
		"path = \"/a/*\"\nafter = \"archive /b\"":          `must be "keep", "delete" or "move FOLDER"`,
		"path = \"/a/*.csv\"\nafter = \"move /a\"":         "would be found again",
		"path = \"/a/**/*.csv\"\nafter = \"move /a/done\"": "would be found again",
		"path = \"/a/[x\"":                                 "check its brackets",
		"path = \"/a/\"":                                   "must end in the name or pattern",
		"path = \"/a/*\"\norder = \"size\"":                "must be one of name, time",
		"path = \"/a/*\"\nexclude = [\"*.tmp\", \"{a\"]":   "check its brackets",
		"path = \"/a/*\"\nlimit = -1":                      "must be between",
	} {
		_, ds := decodeOptions(t, src)
		if !ds.HasErrors() || !strings.Contains(ds.Err().Error(), want) {
			t.Errorf("%s\ngot  %v\nwant %s", src, ds.Err(), want)
			continue
		}
		if ds[0].Subject == nil {
			t.Errorf("%s: no range", src)
		}
	}
}

func TestFileOptionsMatch(t *testing.T) {
	o := &FileOptions{Path: "/srs/**/v_{a,b}*.csv", Exclude: []string{"*_old.csv", "/srs/skip/**"}}
	for p, want := range map[string]bool{
		"/srs/v_a1.csv": true, "/srs/x/y/v_b.csv": true, "/srs/v_c.csv": false,
		"/srs/v_a_old.csv": false, "/srs/skip/v_a.csv": false, "/other/v_a.csv": false,
	} {
		if o.Match(p) != want {
			t.Errorf("Match(%s) = %v", p, !want)
		}
	}
	if o.Base() != "/srs" {
		t.Errorf("Base = %s", o.Base())
	}
}

// TestUnfinishedIsNoFile: what a sink is still writing into a folder is not read from there.
func TestUnfinishedIsNoFile(t *testing.T) {
	o := &FileOptions{Path: "/out/*"}
	for p, want := range map[string]bool{
		"/out/.a.csv.0a1b2c3d.1.weir-part": false, "/out/.weir-move-1": false, "/out/.weir-probe-1": false,
		"/out/a.csv": true, "/out/.hidden": true, "/out/a.weir-part": true,
	} {
		if o.Match(p) != want {
			t.Errorf("Match(%s) = %v", p, !want)
		}
	}
}
