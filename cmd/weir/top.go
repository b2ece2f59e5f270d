package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"weir/engine/api"
	"weir/engine/plugin"
)

func (a *app) topCommand() *cobra.Command {
	var f serverFlags
	c := &cobra.Command{
		Use: "top", Short: "Watch the pipelines of the server in a terminal", Args: cobra.NoArgs,
		Long: "Shows a table of the pipelines that is drawn anew every second, those with most rows a second first. Where the\n" +
			"output is no terminal it prints one table and ends.\n\n" +
			"Keys: q ends, s sorts by the next column, f shows only pipelines that fail or hang, arrows and PgUp and PgDn\n" +
			"scroll. Rows and rejects count from the start of the server; lag is how long the next run is overdue.",
		RunE: func(c *cobra.Command, _ []string) error { return a.top(c.Context(), &f) },
	}
	a.serverFlags(c, &f)
	_ = c.Flags().MarkHidden("json") // weir status --json has what is shown; the flag is there
	return c
}

// topPause is between two looks at the server.
const topPause = time.Second

func (a *app) top(ctx context.Context, f *serverFlags) error {
	c, err := a.client(ctx, f)
	if err != nil {
		return err
	}
	v := &topView{clock: plugin.SystemClock{}}
	if err := v.ask(ctx, c); err != nil {
		return refusal(err)
	}
	out := fileOf(a.stdout)
	if out == nil || !isTerminal(out) {
		for _, line := range v.screen(0, 0) {
			if _, err := fmt.Fprintln(a.stdout, line); err != nil {
				return err
			}
		}
		return nil
	}
	v.color = a.color(out)
	return a.watchTop(ctx, c, v, out)
}

// ask looks at the server once.
func (v *topView) ask(ctx context.Context, c *api.Client) error {
	st, err := c.Status(ctx)
	if err != nil {
		return err
	}
	if st.Reload != nil && (v.status == nil || v.status.Reload == nil || v.status.Reload.ID != st.Reload.ID) {
		list, err := c.Reloads(ctx, maxReloads)
		if err != nil {
			return err
		}
		v.reloads = lastReloads(list)
	}
	v.take(st)
	return nil
}

// The sequences that take a terminal over and give it back: the alternate screen, and the cursor.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l"
	leaveScreen = "\x1b[?25h\x1b[?1049l"
)

// watchTop draws until q is pressed, ctx is cancelled, or the terminal is gone.
func (a *app) watchTop(ctx context.Context, c *api.Client, v *topView, out *os.File) error {
	keys := make(chan key, 16)
	if in, ok := a.stdin.(*os.File); ok && isTerminal(in) {
		old, err := term.MakeRaw(int(in.Fd()))
		if err != nil {
			return fmt.Errorf("the terminal cannot be read key by key: %w", err)
		}
		defer func() { _ = term.Restore(int(in.Fd()), old) }() // there is nothing else to try
		go readKeys(in, keys)
	}
	if _, err := io.WriteString(out, enterScreen); err != nil {
		return err
	}
	defer func() { _, _ = io.WriteString(out, leaveScreen) }() // a terminal that is gone needs none
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	defer signal.Stop(resized)
	// A hang-up ends the process without giving the terminal back otherwise.
	gone := make(chan os.Signal, 1)
	signal.Notify(gone, syscall.SIGHUP, syscall.SIGQUIT)
	defer signal.Stop(gone)
	tick := time.NewTicker(topPause)
	defer tick.Stop()
	for {
		if err := v.draw(out); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil // Ctrl-C is how many end it
		case <-gone:
			return nil
		case <-resized:
		case k := <-keys:
			if v.press(k) {
				return nil
			}
		case <-tick.C:
			v.problem = ""
			if err := v.ask(ctx, c); err != nil && ctx.Err() == nil {
				v.problem = err.Error() // it may come back
			}
		}
	}
}

// draw writes a whole screen at once, so that it does not flicker.
func (v *topView) draw(out *os.File) error {
	width, height, err := term.GetSize(int(out.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		width, height = 80, 24
	}
	b := bufio.NewWriterSize(out, 64<<10)
	_, _ = b.WriteString("\x1b[H")
	// What was there is erased before a line, not after it: at the right edge that would take its last character.
	lines := v.screen(width, height)
	for i, line := range lines {
		erase := "\x1b[K"
		if i == len(lines)-1 {
			erase = "\x1b[J"
		}
		if i > 0 {
			_, _ = b.WriteString("\r\n")
		}
		_, _ = b.WriteString(erase + line)
	}
	return b.Flush()
}

// key is a key that was pressed: a letter, or one of those below.
type key rune

// The keys that are no letters.
const (
	keyUp key = -1 - iota
	keyDown
	keyPageUp
	keyPageDown
	keyHome
	keyEnd
)

// readKeys sends the keys that are pressed, until in ends.
func readKeys(in io.Reader, keys chan<- key) {
	buf := make([]byte, 64)
	for {
		n, err := in.Read(buf)
		if err != nil {
			return
		}
		for _, k := range keysIn(buf[:n]) {
			keys <- k
		}
	}
}

// keysIn takes the bytes that a terminal sends at once apart into keys.
func keysIn(b []byte) []key {
	sequences := []struct {
		text string
		key  key
	}{
		{"\x1b[A", keyUp}, {"\x1bOA", keyUp}, {"\x1b[B", keyDown}, {"\x1bOB", keyDown}, {"\x1b[5~", keyPageUp}, {"\x1b[6~", keyPageDown},
		{"\x1b[H", keyHome}, {"\x1b[1~", keyHome}, {"\x1b[F", keyEnd}, {"\x1b[4~", keyEnd},
	}
	var out []key
next:
	for len(b) > 0 {
		for _, s := range sequences {
			if len(b) >= len(s.text) && string(b[:len(s.text)]) == s.text {
				out = append(out, s.key)
				b = b[len(s.text):]
				continue next
			}
		}
		if b[0] == 0x1b { // a key that is not known: what belongs to it is unknown too
			return out
		}
		out = append(out, key(b[0]))
		b = b[1:]
	}
	return out
}
