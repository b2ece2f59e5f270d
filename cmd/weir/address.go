package main

import (
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"weir/engine/config"
)

// addresses makes the verbs take the address of a pipeline also as a shell leaves it that
// was given it without quotes: acme[nl].orders for acme["nl"].orders.
func addresses(c *cobra.Command) {
	for _, sub := range c.Commands() {
		addresses(sub)
	}
	words := strings.Fields(c.Use)
	at := slices.IndexFunc(words, func(w string) bool { return strings.Contains(w, "PIPELINE") }) - 1
	flag := c.Flags().Lookup("pipeline")
	do := c.RunE
	if do == nil || at < 0 && flag == nil {
		return
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		if at >= 0 && at < len(args) {
			args = slices.Clone(args)
			args[at] = config.Canonical(args[at])
		}
		if flag != nil {
			if err := canonicalFlag(flag); err != nil {
				return err
			}
		}
		return do(c, args)
	}
}

func canonicalFlag(f *pflag.Flag) error {
	many, ok := f.Value.(pflag.SliceValue)
	if !ok {
		return f.Value.Set(config.Canonical(f.Value.String()))
	}
	list := many.GetSlice()
	for i, s := range list {
		list[i] = config.Canonical(s)
	}
	return many.Replace(list)
}

// quoted writes an address as it can be pasted into a shell.
func quoted(address string) string {
	if strings.Contains(address, `"`) {
		return "'" + address + "'"
	}
	return strconv.Quote(address)
}
