package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"weir/engine/plugin"
)

var (
	_ plugin.Prober = (*Source)(nil)
	_ plugin.Prober = (*Sink)(nil)
)

// Probe implements plugin.Prober: it lists the folder of path.
func (s *Source) Probe(ctx context.Context, h plugin.Host) error {
	return plugin.ProbeFiles(ctx, s, h)
}

// Probe implements plugin.Prober: it makes a file in the folder of path and removes it.
func (s *Sink) Probe(ctx context.Context, h plugin.Host) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	zone, err := time.LoadLocation(s.timezone)
	if err != nil {
		return plugin.Fail(plugin.Environment, "env.no_zone", err, "Install the time zone data")
	}
	now := h.Clock().Now().In(zone)
	path, err := expand(s.path, &now)
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	disk := h.Machine().Disk()
	f, err := disk.CreateTemp(dir, ".weir-probe-*")
	if errors.Is(err, fs.ErrNotExist) {
		return plugin.Fail(plugin.Environment, "env.missing_folder", fmt.Errorf("the folder %s does not exist", dir), "Create it, or correct path")
	}
	if err != nil {
		return fileError(err)
	}
	err = f.Close()
	if rerr := disk.Remove(f.Name()); err == nil {
		err = rerr
	}
	if err != nil {
		return fileError(err)
	}
	return nil
}
