package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// reload measures the rate of job A, with and without reloads of the folder
// beside it. The same pipelines are there in both cases.
func (s *settings) reload(ctx context.Context, dir string) (table, error) {
	t := table{title: fmt.Sprintf("job A over %d rows, while another pipeline of the folder is reloaded every 500ms", s.rows)}
	input := filepath.Join(dir, "customers.csv")
	if err := writeFile(input, s.customers); err != nil {
		return t, err
	}
	var calm, busy []float64
	var calmCPU, busyCPU time.Duration
	reloads := 0
	for i := range s.rounds {
		for k := range 2 { // by turns, and the order changes, so that what else the machine does hits both
			with := k == i%2
			rate, cpu, n, err := s.jobA(ctx, filepath.Join(dir, fmt.Sprintf("%d-%t", i, with)), input, with)
			if err != nil {
				return t, err
			}
			if with {
				busy, busyCPU, reloads = append(busy, rate), busyCPU+cpu, reloads+n
			} else {
				calm, calmCPU = append(calm, rate), calmCPU+cpu
			}
		}
	}
	a, b := median(calm), median(busy)
	rounds := time.Duration(max(1, s.rounds))
	t.add("rows a second without reloads", "", "%.0f of %.0f; %s of processor time", a, calm, short(calmCPU/rounds))
	t.add("rows a second with reloads", "-5%", "%.0f of %.0f (%+.1f%%); %s of processor time (%+.1f%%)", b, busy, 100*(b/a-1),
		short(busyCPU/rounds), 100*(float64(busyCPU)/float64(calmCPU)-1))
	t.add("  reloads applied meanwhile", "", "%d", reloads)
	return t, nil
}

func median(list []float64) float64 { return slices.Sorted(slices.Values(list))[len(list)/2] }

// jobA runs job A once in a server of its own and returns its rate, the processor
// time of the server and the reloads that were applied meanwhile.
func (s *settings) jobA(ctx context.Context, dir, input string, reloads bool) (rate float64, cpu time.Duration, n int, err error) {
	folder, data := filepath.Join(dir, "folder"), filepath.Join(dir, "data")
	for _, d := range []string{folder, filepath.Join(data, "in", "1")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return 0, 0, 0, err
		}
	}
	job, err := os.ReadFile(s.job)
	if err != nil {
		return 0, 0, 0, err
	}
	job = bytes.Replace(job, []byte("pipeline \"a\" {\n"), []byte("pipeline \"a\" {\n  schedule = \"on start\"\n"), 1)
	other := bytes.ReplaceAll(fmt.Appendf(nil, pipelineText, "other", 1), []byte("${var.data}"), []byte(data))
	out := filepath.Join(s.out, "weir-bench-serve-a.ndjson")
	defer os.Remove(out) //nolint:errcheck // it may not be there
	for name, text := range map[string][]byte{"a.hcl": job, "other.hcl": other} {
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o644); err != nil {
			return 0, 0, 0, err
		}
	}
	v, err := s.startServer(ctx, folder, filepath.Join(dir, "state"), "--var", "input="+input, "--var", "output="+out)
	if err != nil {
		return 0, 0, 0, err
	}
	defer v.stop() //nolint:errcheck // the error that is reported came first
	begun := v.cpu()
	over, stop := context.WithCancel(ctx)
	changing := make(chan struct{})
	go func() {
		defer close(changing)
		for i := 0; reloads && sleep(over, 500*time.Millisecond) == nil; i++ {
			text := bytes.Replace(other, []byte("? country : 'NL'"), fmt.Appendf(nil, "? country : 'X%d'", i), 1)
			if err := replace(filepath.Join(folder, "other.hcl"), text); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return
			}
		}
	}()
	l, err := v.await(ctx, 10*time.Minute, func(l line) bool {
		if l.Msg == "reload" && l.Outcome == "applied" && l.Trigger != "start" {
			n++
		}
		return l.Msg == "run ended" && l.Pipeline == "a"
	})
	cpu = v.cpu() - begun
	stop()
	<-changing
	if err != nil {
		return 0, 0, 0, err
	}
	took, err := time.ParseDuration(l.Took)
	if err == nil && (l.Outcome != "succeeded" || l.Read != int64(s.rows)) {
		err = fmt.Errorf("job A read %d rows and was %s", l.Read, l.Outcome)
	}
	return float64(l.Read) / took.Seconds(), cpu, n, err
}

// customers writes the input of job A.
func (s *settings) customers(w *bufio.Writer) {
	w.WriteString("customer_no|email|first_name|last_name|gender|birth_date|street|house_no|postal_code|city|country|phone|mobile|registered_at|last_order|total_spent|discount|newsletter|sms_consent|notes\n")
	names := []string{"Agnieszka", "Łukasz", "Åsa", "Björn", "Joëlle", "Pieter", "Anna"}
	cities := []string{"Warszawa", "Malmö", "Den Haag", "Łódź", "Utrecht"}
	for i := range s.rows {
		fmt.Fprintf(w, "%08d| %s.%d@Example.com |%s|van den Berg|%s|%02d-%02d-19%02d|Oude Gracht|%d|%04d AB|%s|%s|+31 20 %07d||%02d-01-2020|%02d-02-2024|%d.%03d,%02d|0,%02d|J|N|\n",
			i, names[i%7], i, names[i%7], []string{"M", "K", "X", ""}[i%4], 1+i%28, 1+i%12, 30+i%70, i%300, i%10000, cities[i%5], []string{"PL", "SE", "", "NL"}[i%4],
			i%10000000, 1+i%28, 1+i%28, 1+i%9, i%1000, i%100, i%60)
	}
}
