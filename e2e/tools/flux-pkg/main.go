// Command flux-pkg asks Flux's own Go packages for the answers our tests compare with. It is the only
// writer of the files it prints; see README.md.
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	recorders := map[string]func() any{"envsubst": recordEnvsubst, "kstatus": recordKstatus, "cel": recordCel, "build": recordBuild}
	if len(os.Args) != 2 || recorders[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: flux-pkg envsubst|kstatus|cel|build > recorded.json")
		os.Exit(2)
	}
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	out.SetIndent("", " ")
	if err := out.Encode(recorders[os.Args[1]]()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
