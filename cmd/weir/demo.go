package main

import "github.com/spf13/cobra"

func (a *app) demoCommand() *cobra.Command {
	return &cobra.Command{
		Use: "demo", Short: "Run the main job on stand-ins inside this process", Args: cobra.NoArgs,
		Long: "Runs the connector srs-activate, with its sample files, between an FTP server and a stand-in of the\n" +
			"Activate API inside this process, and prints what was delivered. Nothing is left behind.",
		RunE: func(c *cobra.Command, _ []string) error { return a.runDemo(c.Context(), a.stdout) },
	}
}
