package scenario

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync/atomic"

	"weir/engine/plugin"
	"weir/engine/testkit/memfs"
)

// machine is all that the steps of one process of a test reach outside of it: the
// stand-ins. Everything else is refused, whatever a plugin is configured to do.
type machine struct {
	servers []*server
	disk    *memfs.Disk
	dead    atomic.Bool
}

var _ plugin.Machine = (*machine)(nil)

// machine makes the machine of a process.
func (r *runner) machine() *machine {
	m := &machine{servers: r.servers}
	if i := slices.IndexFunc(r.servers, func(s *server) bool { return s.disk != nil }); i >= 0 {
		m.disk = r.servers[i].disk.Disk(workingFolder)
	} else {
		m.disk = memfs.New(r.clock.Now).Disk(workingFolder)
		m.disk.Refuse(func(name string) error { return real("the file "+name, `serve "file" "disk" { }`) })
	}
	r.machines = append(r.machines, m)
	return m
}

// real is the refusal of something that is no stand-in.
func real(what, block string) error {
	return plugin.Fail(plugin.Environment, "test.real", fmt.Errorf("a test reaches nothing real, and %s is no stand-in", what),
		"Add a stand-in to the test: "+block)
}

// Disk implements plugin.Machine.
func (m *machine) Disk() plugin.Disk { return m.disk }

// Dial implements plugin.Machine: it connects to the servers of the test, each of
// which listens inside this process.
func (m *machine) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if m.dead.Load() {
		return nil, net.ErrClosed
	}
	if network != "tcp" || !slices.ContainsFunc(m.servers, func(s *server) bool { return s.listens(address) }) {
		return nil, real("the server "+address, `serve "TYPE" "NAME" { }, with the names of the connection`)
	}
	return plugin.SystemMachine{}.Dial(ctx, network, address)
}

// die makes everything fail, as it does for a process that was killed.
func (m *machine) die() {
	if !m.dead.Swap(true) {
		m.disk.Refuse(func(name string) error { return fmt.Errorf("%s: the process is dead", name) })
	}
}

// listens reports whether the server takes connections at address.
func (r *server) listens(address string) bool {
	switch {
	case r.ftp != nil:
		return r.ftp.Listens(address)
	case r.disk != nil:
		return false
	}
	return r.endpoint().Addr == address
}
