package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/spf13/cobra"

	"weir/engine/sample"
)

func (a *app) columnsCommand() *cobra.Command {
	var asJSON bool
	var zone string
	c := &cobra.Command{
		Use: "columns FILE", Short: "Propose the columns of a decoder from a sample file", Args: cobra.ExactArgs(1),
		Long: "Reads a sample of delimited text, plain or compressed, and prints a decode block for it: delimiter, character\n" +
			"set, header, and each column with a type that every row of the sample has. What a person should decide is said\n" +
			"behind the column. Digits that name something, with zeros before them or many of them, stay text.",
		RunE: func(_ *cobra.Command, args []string) error {
			if _, err := time.LoadLocation(zone); err != nil || zone == "" || zone == "Local" {
				return withCode(exitConfig, fmt.Errorf("--timezone must be a zone such as Europe/Amsterdam, not %q", zone))
			}
			f, err := os.Open(args[0])
			if errors.Is(err, fs.ErrNotExist) {
				return withCode(exitConfig, fmt.Errorf("no such file: %s", args[0]))
			}
			if err != nil {
				return err
			}
			p, err := sample.Propose(f, sample.Options{Timezone: zone})
			_ = f.Close() // only read
			if err != nil {
				return withCode(exitFailed, fmt.Errorf("%s: %w", args[0], err))
			}
			if asJSON {
				return printJSON(a.stdout, p)
			}
			note := count(int64(p.Rows), "row") + " looked at"
			if !p.Whole {
				note += ", the first of the file"
			}
			if p.Ragged > 0 {
				note += "; " + count(int64(p.Ragged), "row") + " left out that have another number of cells"
			}
			if _, err := fmt.Fprintln(a.stderr, note); err != nil {
				return err
			}
			_, err = a.stdout.Write(hclwrite.Format([]byte(p.HCL())))
			return err
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	c.Flags().StringVar(&zone, "timezone", "UTC", "zone of times without an offset")
	return c
}
