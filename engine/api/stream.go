package api

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// Events calls f with what happens in the server from now on, until ctx is done, the
// server ends, or f returns an error, which Events then returns.
func (c *Client) Events(ctx context.Context, f func(Event) error) error {
	resp, err := c.do(ctx, http.MethodGet, "/api/v1/events", nil)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // only read
	if resp.StatusCode != http.StatusOK {
		sc := bufio.NewScanner(resp.Body)
		sc.Scan()
		return failed(resp.StatusCode, sc.Bytes())
	}
	sc := bufio.NewScanner(resp.Body)
	sc.Buffer(nil, maxAnswer)
	for sc.Scan() {
		data, ok := strings.CutPrefix(sc.Text(), "data: ")
		if !ok {
			continue // the kind, which is in the data too, an empty line or a comment
		}
		var e Event
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			return c.stranger(fmt.Errorf("an event cannot be read: %w", err))
		}
		if err := f(e); err != nil {
			return err
		}
	}
	if err := sc.Err(); err != nil {
		return c.unreachable(ctx, err)
	}
	return ctx.Err()
}
