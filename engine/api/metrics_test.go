package api

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"weir/engine/state"
)

// scrape reads the metrics.
func (r *rig) scrape() map[string]*dto.MetricFamily {
	r.t.Helper()
	p := expfmt.NewTextParser(model.UTF8Validation)
	out, err := p.TextToMetricFamilies(strings.NewReader(r.ask(200, "GET", "/metrics", "")))
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// metric returns the one metric of a family with these labels, given as name, value; nil when there is none.
func metric(families map[string]*dto.MetricFamily, name string, labels ...string) *dto.Metric {
	for _, m := range families["weir_"+name].GetMetric() {
		have := map[string]string{}
		for _, l := range m.GetLabel() {
			have[l.GetName()] = l.GetValue()
		}
		same := true
		for i := 0; i < len(labels); i += 2 {
			same = same && have[labels[i]] == labels[i+1]
		}
		if same {
			return m
		}
	}
	return nil
}

func TestMetrics(t *testing.T) {
	r := newRig(t, map[string]string{
		"config/a.hcl": pipelineA, "config/b.hcl": strings.NewReplacer(`pipeline "a"`, `pipeline "b"`, "out/a", "out/b").Replace(pipelineA),
		"in/a.csv": "a,b\nx,1\ny,none\nz,13\n",
	})
	r.ran(1)
	r.until("the run of b", func() bool { p, _ := r.server.Pipeline("b"); return p.Runs > 0 })
	r.ask(200, "POST", "/api/v1/reload", "")
	m := r.scrape()
	for outcome, want := range map[string]float64{"read": 3, "delivered": 1, "rejected": 1, "filtered": 1, "grouped": 0, "deduplicated": 0} {
		if got := metric(m, "rows_total", "pipeline", "a", "outcome", outcome); got.GetCounter().GetValue() != want || got == nil {
			t.Errorf("%s: %v, not %v", outcome, got, want)
		}
	}
	if metric(m, "rows_total", "pipeline", "a", "outcome", "filtered", "reason", "some") == nil {
		t.Error("the filter is not named")
	}
	if n := metric(m, "runs_total", "pipeline", "a", "outcome", "succeeded").GetCounter().GetValue(); n != 1 {
		t.Errorf("%v runs", n)
	}
	for _, name := range []string{"run_duration_seconds", "commit_duration_seconds"} {
		if h := metric(m, name, "pipeline", "a").GetHistogram(); h.GetSampleCount() == 0 || h.GetSampleSum() <= 0 {
			t.Errorf("%s: %v", name, h)
		}
	}
	if h := metric(m, "delivery_duration_seconds", "pipeline", "a", "sink", "sink.out").GetHistogram(); h.GetSampleCount() == 0 {
		t.Errorf("deliveries: %v", h)
	}
	if g := metric(m, "seconds_since_success", "pipeline", "a"); g == nil || g.GetGauge().GetValue() > 60 {
		t.Errorf("since success: %v", g)
	}
	if metric(m, "reloads_total", "outcome", "unchanged", "trigger", "api").GetCounter().GetValue() != 1 ||
		metric(m, "reloads_total", "outcome", "applied", "trigger", "start").GetCounter().GetValue() != 1 ||
		metric(m, "reload_duration_seconds").GetHistogram().GetSampleCount() != 2 {
		t.Errorf("reloads: %v", m["weir_reloads_total"])
	}
	st := r.server.Status()
	if metric(m, "revision_info", "revision", st.Revision) == nil || metric(m, "generation").GetGauge().GetValue() != 1 || metric(m, "ready").GetGauge().GetValue() != 1 {
		t.Error("revision, generation or readiness are wrong")
	}
	if metric(m, "pipelines", "state", "waiting").GetGauge().GetValue() != 2 || m["go_goroutines"] == nil || m["process_open_fds"] == nil {
		t.Errorf("pipelines: %v", m["weir_pipelines"])
	}
	r.forgetB()
}

// forgetB removes the pipeline b, whose metrics go with it.
func (r *rig) forgetB() {
	r.t.Helper()
	if err := os.Remove(filepath.Join(r.dir, "config/b.hcl")); err != nil {
		r.t.Fatal(err)
	}
	r.ask(200, "POST", "/api/v1/reload", "")
	for name, f := range r.scrape() {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "pipeline" && l.GetValue() == "b" {
					r.t.Errorf("%s still knows b", name)
				}
			}
		}
	}
}

func TestOldestFile(t *testing.T) {
	at := func(minutes int) time.Time {
		return time.Date(2024, 5, 1, 12, minutes, 0, 0, time.UTC)
	}
	got := oldest([]state.FileEntry{
		{Source: "source.x", State: state.FileReading, ModTime: at(5), Seen: at(1)},
		{Source: "source.x", State: state.FileReading, Seen: at(4)},
		{Source: "source.x", State: state.FileCommitted, ModTime: at(0)},
		{Source: "source.y", State: state.FileSkipped, ModTime: at(0)},
	})
	if len(got) != 1 || !got["source.x"].Equal(at(4)) {
		t.Errorf("%v", got)
	}
}
