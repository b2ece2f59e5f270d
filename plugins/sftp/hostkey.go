package sftp

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"

	"weir/engine/plugin"
)

// hostKeys decides whether a server's host key is the right one.
type hostKeys struct {
	cfg     *Connection
	known   *knownhosts.HostKeyDB // nil without known_hosts
	shown   []string              // fingerprints the server showed, "ssh-ed25519 SHA256:..."
	refusal error                 // of the last check
}

func newHostKeys(c *Connection, d plugin.Disk) (*hostKeys, error) {
	k := &hostKeys{cfg: c}
	if c.KnownHosts == "" {
		return k, nil
	}
	// The library reads files only.
	f, err := d.CreateTemp("", "weir-known-hosts-*")
	if err != nil {
		return nil, fmt.Errorf("known_hosts could not be prepared: %w", err)
	}
	defer d.Remove(f.Name()) //nolint:errcheck // a temporary file
	_, err = io.WriteString(f, c.KnownHosts)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		k.known, err = knownhosts.NewDB(f.Name())
	}
	if err != nil {
		return nil, plugin.Fail(plugin.Environment, "env.host_key", fmt.Errorf("known_hosts cannot be read: %w", err), "")
	}
	return k, nil
}

// attempts lists the host key algorithms to ask for, one connection each. With
// known_hosts they are those of the server's entries; with a fingerprint any
// may be meant.
func (k *hostKeys) attempts() [][]string {
	if k.known != nil {
		if a := k.known.HostKeyAlgorithms(k.cfg.Addr()); len(a) > 0 && len(k.cfg.HostKeys) == 0 {
			return [][]string{a}
		}
	}
	usual := ssh.SupportedAlgorithms().HostKeys
	if k.cfg.Legacy {
		usual = append(usual, ssh.InsecureAlgorithms().HostKeys...)
	}
	if len(k.cfg.HostKeys) == 0 {
		return [][]string{usual}
	}
	out := [][]string{usual}
	for _, family := range []string{"ed25519", "ecdsa", "rsa"} {
		var algorithms []string
		for _, a := range usual {
			if strings.Contains(a, family) && !strings.Contains(a, "cert") {
				algorithms = append(algorithms, a)
			}
		}
		if len(algorithms) > 0 {
			out = append(out, algorithms)
		}
	}
	return out
}

// check implements ssh.HostKeyCallback.
func (k *hostKeys) check(host string, addr net.Addr, key ssh.PublicKey) error {
	fp := ssh.FingerprintSHA256(key)
	if slices.ContainsFunc(k.cfg.HostKeys, func(want string) bool { return strings.TrimRight(want, "=") == fp }) {
		return nil
	}
	var err error
	if k.known != nil {
		if err = k.known.HostKeyCallback()(host, addr, key); err == nil {
			return nil
		}
	}
	if shown := key.Type() + " " + fp; !slices.Contains(k.shown, shown) {
		k.shown = append(k.shown, shown)
	}
	k.refusal = k.refuse(fp, err)
	return k.refusal
}

// refuse describes a host key that is not the known one.
func (k *hostKeys) refuse(fp string, err error) error {
	p, shown := k.cfg.peer(), strings.Join(k.shown, ", ")
	switch {
	case len(k.cfg.HostKeys) > 0:
		return p.Fail(plugin.Environment, "env.host_key_changed",
			fmt.Sprintf("Ask the server's owner; only if the key was really changed, set host_key = %q", fp),
			"shows another host key (%s) than host_key says (%s): somebody may be listening in", shown, strings.Join(k.cfg.HostKeys, ", "))
	case k.known != nil && knownhosts.IsHostKeyChanged(err):
		return p.Fail(plugin.Environment, "env.host_key_changed",
			"Ask the server's owner; only if the key was really changed, replace the server's line in known_hosts",
			"shows another host key (%s) than known_hosts has: somebody may be listening in", shown)
	case k.known != nil && !knownhosts.IsHostUnknown(err):
		return p.Fail(plugin.Environment, "env.host_key_changed", "", "shows a host key that known_hosts refuses (%s): %s", shown, p.Safe(err.Error()))
	case k.known != nil:
		return p.Fail(plugin.Environment, "env.host_key_unknown",
			fmt.Sprintf("If the server's owner confirms this fingerprint, add the server to known_hosts, or set host_key = %q", fp),
			"is not in known_hosts; it shows the host key %s", shown)
	}
	return p.Fail(plugin.Environment, "env.host_key_unknown",
		fmt.Sprintf("If the server's owner confirms this fingerprint, set host_key = %q in the connection block", fp),
		"is not known yet; it shows the host key %s", shown)
}
