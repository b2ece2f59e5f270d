package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// many measures a folder of thousands of pipelines that poll once a minute.
func (s *settings) many(ctx context.Context, dir string) (table, error) {
	t := table{title: fmt.Sprintf("%d pipelines in %d modules, each polling once a minute", s.modules*s.each, s.modules)}
	folder := filepath.Join(dir, "folder")
	if err := s.generate(folder, filepath.Join(dir, "data")); err != nil {
		return t, err
	}
	if err := s.validate(ctx, folder, &t); err != nil {
		return t, err
	}
	v, err := s.startServer(ctx, folder, filepath.Join(dir, "state"))
	if err != nil {
		return t, err
	}
	defer v.stop() //nolint:errcheck // the error that is reported came first
	up, err := v.ready(ctx)
	if err != nil {
		return t, err
	}
	t.add("weir serve, until it is ready", "5s", "%s, %s of processor time", short(up), short(v.cpu()))
	if err := s.polls(ctx, v, &t); err != nil {
		return t, err
	}
	if err := s.edits(ctx, v, folder, &t); err != nil {
		return t, err
	}
	now, peak := v.memory()
	t.add("memory after that, and the peak", "", "%d MiB, %d MiB", now, peak)
	took, err := v.stop()
	t.add("end", "", "%s", short(took))
	return t, err
}

func (s *settings) validate(ctx context.Context, folder string, t *table) error {
	c := exec.CommandContext(ctx, s.weir, "validate", folder)
	began := time.Now()
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("weir validate: %w\n%s", err, out[:min(len(out), 4000)])
	}
	took := time.Since(began)
	t.add("weir validate", "5s", "%s, %s of processor time", short(took), short(c.ProcessState.UserTime()+c.ProcessState.SystemTime()))
	return nil
}

// polls lets the server poll and measures memory and the delay of starts.
func (s *settings) polls(ctx context.Context, v *server, t *table) error {
	last := min(time.Minute, s.idle)
	if err := sleep(ctx, s.idle-last); err != nil {
		return err
	}
	cpu, lines := v.cpu(), v.count.Load()
	if err := sleep(ctx, last); err != nil {
		return err
	}
	cpu, lines = v.cpu()-cpu, v.count.Load()-lines
	now, peak := v.memory()
	h, gauges, err := v.metrics(ctx, "weir_start_delay_seconds")
	if err != nil {
		return err
	}
	t.add("memory after "+s.idle.String(), "400 MiB", "%d MiB; peak %d MiB; heap %.0f MiB; %.0f goroutines", now, peak,
		gauges["go_memstats_heap_alloc_bytes"]/(1<<20), gauges["go_goroutines"])
	t.add("delay of starts, 99% of "+fmt.Sprint(h.n), "2s", "%s; 50%% %s; mean %s", h.within(0.99), h.within(0.5), short(time.Duration(h.sum/max(h.n, 1)*1e9)))
	t.add("polling for "+last.String(), "", "%s of processor time, %d lines of log", short(cpu), lines)
	return nil
}

// edits changes one file of one module after the other.
func (s *settings) edits(ctx context.Context, v *server, folder string, t *table) error {
	var whole, inside []time.Duration
	cpu := v.cpu()
	for i := range s.changes {
		name := filepath.Join(folder, "modules", module(i*s.modules/s.changes), "pipelines.hcl")
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		b = []byte(strings.Replace(string(b), "country != '' ? country : 'NL'", fmt.Sprintf("country != '' ? country : 'X%d'", i), 1))
		v.forget()
		began := time.Now()
		if err := replace(name, b); err != nil {
			return err
		}
		l, err := v.reloaded(ctx)
		if err != nil {
			return err
		}
		if l.Outcome != "applied" {
			return fmt.Errorf("the reload was %s", l.Outcome)
		}
		took, err := time.ParseDuration(l.Took)
		if err != nil {
			return err
		}
		whole, inside = append(whole, l.at.Sub(began)-quiet), append(inside, took)
		if err := sleep(ctx, time.Second); err != nil {
			return err
		}
	}
	t.add("one module changed, until applied, less quiet", "500ms", "%s", spread(whole))
	t.add("  of it the reload itself", "", "%s", spread(inside))
	t.add("  processor time each, polls included", "", "%s", short((v.cpu()-cpu)/time.Duration(max(1, s.changes))))
	return nil
}

// replace puts a file in place of another at once, as editors do.
func replace(name string, b []byte) error {
	if err := os.WriteFile(name+"~", b, 0o644); err != nil {
		return err
	}
	return os.Rename(name+"~", name)
}
