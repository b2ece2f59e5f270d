package compute

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"weir/engine/function"
	"weir/engine/record"
)

// sameOutcome compares by value: NaN equals NaN, instants by time, errors by being there.
func sameOutcome(a, b outcome) string {
	if (a.err != "") != (b.err != "") {
		return "VM: " + show1(a) + "\nkernel: " + show1(b)
	}
	if a.err != "" {
		return ""
	}
	return cmp.Diff(a.v, b.v, cmpopts.EquateNaNs(), cmp.Comparer(func(x, y time.Time) bool { return x.Equal(y) }))
}

func show1(o outcome) string {
	if o.err != "" {
		return "error " + o.err
	}
	return cmp.Diff(nil, o.v)
}

// differ compiles src over genSchema and compares kernels with the VM on b. It
// reports whether src compiled and had kernels.
func differ(t *testing.T, c *Compiler, src string, b *record.Batch) (compiled, fast bool) {
	t.Helper()
	x, ds := c.Row(txt(src), record.Invalid)
	if len(ds) > 0 {
		return false, false
	}
	e := x.(*Expr)
	if e.slow != "" {
		outcomes(e, b, false)
		return true, false
	}
	want, got := outcomes(e, b, false), outcomes(e, b, true)
	for i := range want {
		if d := sameOutcome(want[i], got[i]); d != "" {
			t.Fatalf("%s\nrow %d %v\n(-VM +kernel):\n%s", src, i, rowOf(b, i), d)
		}
	}
	return true, true
}

func rowOf(b *record.Batch, i int) map[string]any {
	out := map[string]any{}
	for k, f := range b.Schema.Fields() {
		out[f.Name] = valueAt(&b.Cols[k], i)
	}
	return out
}

// genFunctions are those that generated expressions call.
func genFunctions() []function.Function {
	out := testFunctions()
	for _, f := range function.All() {
		if f.Meaning != function.Opaque || f.Name == "add_days" {
			out = append(out, f)
		}
	}
	return out
}

func TestKernelVM(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	g := &gen{r: r}
	c := New(genSchema(), Options{Now: fixed, Functions: genFunctions()})
	compiled, fast := 0, 0
	const total = 2500
	for n := range total {
		src := g.top(1 + n%4)
		ok, kernels := differ(t, c, src, g.batch(17))
		if ok {
			compiled++
		} else if n < 20 {
			_, ds := c.Row(txt(src), record.Invalid)
			t.Logf("%s\n%s", src, show(ds))
		}
		if kernels {
			fast++
		}
	}
	t.Logf("%d compiled, %d with kernels", compiled, fast)
	if compiled < total*8/10 || fast < total*6/10 {
		t.Errorf("of %d expressions only %d compiled and %d had kernels: the generator does not test much", total, compiled, fast)
	}
}

func FuzzKernelVM(f *testing.F) {
	for _, s := range []string{"", "s + s2", "d / 3", "sum(items, .price * .qty)", "sn ?? s", "items[0].sku", "filter(items, .ok)"} {
		f.Add(uint64(1), s)
	}
	f.Fuzz(func(t *testing.T, seed uint64, src string) {
		g := &gen{r: rand.New(rand.NewPCG(seed, 0))}
		if src == "" {
			src = g.top(3)
		}
		c := New(genSchema(), Options{Now: fixed, Functions: genFunctions(), Steps: 10000, Bytes: 1 << 16, Elements: 10000})
		differ(t, c, src, g.batch(9))
	})
}
