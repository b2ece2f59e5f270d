package api

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"

	"weir/engine/serve"
)

// newMetrics returns what answers scrapes: everything is read from the server
// then, so that what is removed there is gone here too.
func newMetrics(o Options) http.Handler {
	reg := prometheus.NewRegistry()
	reg.MustRegister(newCollector(o), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	log := o.Log
	if log == nil {
		log = zap.NewNop()
	}
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{ErrorLog: zap.NewStdLog(log), ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4})
}

// collector reads the metrics of a server.
type collector struct {
	server  *serve.Server
	version string
	unread  unread

	build, revision, generation, ready, pipelines *prometheus.Desc
	rows, held, expanded, runs, failures, success *prometheus.Desc
	oldest, runTime, commitTime, deliveryTime     *prometheus.Desc
	reloads, reloadTime, startDelay               *prometheus.Desc
}

func newCollector(o Options) *collector {
	d := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("weir_"+name, help, labels, nil)
	}
	return &collector{
		server: o.Server, version: o.Version, unread: unread{last: map[string]seen{}},
		build:        d("build_info", "The version that runs; always 1.", "version"),
		revision:     d("revision_info", "The revision of the configuration in effect, and the one read last; always 1.", "revision", "seen"),
		generation:   d("generation", "Generation of what is in effect; every change makes a new one."),
		ready:        d("ready", "1 when the first plan is in effect and the server is not stopping."),
		pipelines:    d("pipelines", "Pipelines by state.", "state"),
		rows:         d("rows_total", "Rows by what became of them, since the process began, as committed. reason is the filter of filtered rows.", "pipeline", "outcome", "reason"),
		held:         d("rows_held", "Rows that steps hold back, less those they held when the process began.", "pipeline"),
		expanded:     d("rows_expanded", "Rows made of others, less those, since the process began.", "pipeline"),
		runs:         d("runs_total", "Runs that ended, by outcome, since the process began.", "pipeline", "outcome"),
		failures:     d("failures_in_a_row", "Runs that failed since the last one that did not.", "pipeline"),
		success:      d("seconds_since_success", "Time since the last run that succeeded ended; absent when there was none.", "pipeline"),
		oldest:       d("oldest_uncommitted_file_seconds", "Age of the oldest file that was begun and is not committed; absent when there is none.", "pipeline", "source"),
		runTime:      d("run_duration_seconds", "How long runs took.", "pipeline"),
		commitTime:   d("commit_duration_seconds", "How long commits took.", "pipeline"),
		deliveryTime: d("delivery_duration_seconds", "How long deliveries took.", "pipeline", "sink"),
		reloads:      d("reloads_total", "Reloads by outcome and trigger, since the process began.", "outcome", "trigger"),
		reloadTime:   d("reload_duration_seconds", "How long reloads took."),
		startDelay:   d("start_delay_seconds", "How long after they were due runs began."),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.build, c.revision, c.generation, c.ready, c.pipelines, c.rows, c.held, c.expanded, c.runs, c.failures, c.success,
		c.oldest, c.runTime, c.commitTime, c.deliveryTime, c.reloads, c.reloadTime, c.startDelay} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	st := c.server.Status()
	gauge(c.build, 1, c.version)
	gauge(c.revision, 1, st.Revision, st.Seen)
	gauge(c.generation, float64(st.Generation))
	ready := 0.0
	if readiness(c.server).Ready {
		ready = 1
	}
	gauge(c.ready, ready)
	list, reloads := c.server.Measures()
	states := map[string]int{serve.Waiting: 0, serve.Queued: 0, serve.Running: 0, serve.Failing: 0, serve.Idle: 0, serve.Fenced: 0}
	for i := range list {
		states[list[i].State]++
		c.pipeline(out, &list[i])
	}
	for s, n := range states {
		gauge(c.pipelines, float64(n), s)
	}
	for k, n := range reloads.Outcomes {
		out <- prometheus.MustNewConstMetric(c.reloads, prometheus.CounterValue, float64(n), k.Outcome, k.Trigger)
	}
	histogram(out, c.reloadTime, reloads.Took)
	histogram(out, c.startDelay, c.server.StartDelays())
	for _, f := range c.unread.read(c.server, list) {
		gauge(c.oldest, f.age.Seconds(), f.pipeline, f.source)
	}
}

// pipeline sends the metrics of one pipeline.
func (c *collector) pipeline(out chan<- prometheus.Metric, m *serve.Measures) {
	gauge := func(d *prometheus.Desc, v float64) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, m.Pipeline)
	}
	rows := func(n int64, outcome, reason string) {
		out <- prometheus.MustNewConstMetric(c.rows, prometheus.CounterValue, float64(n), m.Pipeline, outcome, reason)
	}
	rows(m.Counts.Read, "read", "")
	rows(m.Counts.Delivered, "delivered", "")
	for name, n := range m.Counts.Filtered {
		rows(n, "filtered", name)
	}
	rows(m.Counts.Deduplicated, "deduplicated", "")
	rows(m.Counts.Grouped, "grouped", "")
	rows(m.Counts.Rejected, "rejected", "")
	gauge(c.held, float64(m.Counts.Held)) // these two may go down, which counters may not
	gauge(c.expanded, float64(m.Counts.Expanded))
	for outcome, n := range m.Outcomes {
		out <- prometheus.MustNewConstMetric(c.runs, prometheus.CounterValue, float64(n), m.Pipeline, outcome)
	}
	gauge(c.failures, float64(m.Failures))
	if !m.Success.IsZero() {
		gauge(c.success, max(0, c.server.Clock().Now().Sub(m.Success).Seconds()))
	}
	histogram(out, c.runTime, m.Runs, m.Pipeline)
	histogram(out, c.commitTime, m.Commits, m.Pipeline)
	for sink, d := range m.Deliveries {
		histogram(out, c.deliveryTime, d, m.Pipeline, sink)
	}
}

// histogram sends a distribution.
func histogram(out chan<- prometheus.Metric, d *prometheus.Desc, x serve.Distribution, labels ...string) {
	buckets := map[float64]uint64{}
	var n uint64
	for i, b := range serve.Bounds() {
		if i < len(x.Counts) {
			n += uint64(x.Counts[i]) //nolint:gosec // a count
		}
		buckets[b.Seconds()] = n
	}
	out <- prometheus.MustNewConstHistogram(d, uint64(x.N()), x.Sum.Seconds(), buckets, labels...) //nolint:gosec // likewise
}

// oldAge is how old what is known of the ledger may be, since reading it takes long
// where there are many files.
const oldAge = 30 * time.Second
