//go:build !linux

package watch

// remoteName knows no file system here: where one does not notify, Options.Poll is the remedy.
func remoteName(string) string { return "" }
