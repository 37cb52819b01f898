package main

import (
	"slices"
	"strings"
)

func split(path string) []string { return strings.Split(path, ".") }

func sorted(fields map[string][]any) []string {
	var out []string
	for name := range fields {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
