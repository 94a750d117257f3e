// Runc for machines whose processes may not hold every capability.
//
// On such a machine (a sandbox, a container) runc cannot grant what it does not
// have itself, and a privileged container or a negative OOM score fails to
// start. This wrapper takes from the request only what cannot be granted, then
// becomes runc. Where everything can be granted it changes nothing.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

const runc = "/usr/sbin/runc"

func main() {
	granted, err := boundingSet("/proc/self/status")
	if err == nil {
		err = prepare(os.Args[1:], granted)
	}
	if err == nil {
		err = syscall.Exec(runc, append([]string{runc}, os.Args[1:]...), os.Environ())
	}
	fmt.Fprintf(os.Stderr, "runc wrapper: %v\n", err)
	os.Exit(1)
}

// prepare edits the file that the command is about to read, if there is one.
func prepare(arguments []string, granted uint64) error {
	command, options := parse(arguments)
	switch command {
	case "create", "run":
		bundle := options["bundle"]
		if bundle == "" {
			bundle = "."
		}
		return rewrite(filepath.Join(bundle, "config.json"), granted, processOfBundle)
	case "exec":
		if options["process"] != "" {
			return rewrite(options["process"], granted, processItself)
		}
	}
	return nil
}
