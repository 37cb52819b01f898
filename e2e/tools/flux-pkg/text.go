package main

import (
	"slices"
	"strings"
)

func split(path string) []string { return strings.Split(path, ".") }

func keys[V any](fields map[string]V) []string {
	var out []string
	for name := range fields {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
