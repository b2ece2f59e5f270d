package exec_test

import (
	"os"
	"path/filepath"
	"testing"
)

// TestUnwritableRow: a row that the sink cannot write is rejected with its
// reason; the others of its batch are written.
func TestUnwritableRow(t *testing.T) {
	file := filepath.Join(t.TempDir(), "main.hcl")
	src := `
variable "input" { type = string }
variable "output" { type = string }
pipeline "p" {
  source "file" "in" {
    path  = var.input
    ready = "now"
    after = "keep"
  }
  decode "csv" {
    columns = { a = "int required", b = "int required" }
  }
  map "m" {
    fields = { q = "a / b" }
  }
  sink "file" "out" {
    path = var.output
  }
}
`
	if err := os.WriteFile(file, []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	_, rep := runJob(t, file, []byte("a,b\n1,2\n1,0\n3,4\n"))
	if rep.Counts.Delivered != 2 || rep.Counts.Rejected != 1 {
		t.Errorf("%v, want two rows delivered and one rejected", rep.Counts)
	}
	if d := rep.Counts.Difference(); d != 0 {
		t.Errorf("the ledger is off by %d (I3): %v", d, rep.Counts)
	}
}
