package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode/utf8"

	"github.com/fluxcd/pkg/envsubst"
)

type substitution struct {
	Input  string  `json:"input"`
	Strict bool    `json:"strict"`
	Output *string `json:"output,omitempty"`
	Error  string  `json:"error,omitempty"`
}

type substitutions struct {
	Vars  map[string]string `json:"vars"`
	Cases []substitution    `json:"cases"`
}

var vars = map[string]string{
	"A": "abc", "B": "foo/bar/foo.tar.gz", "E": "", "N": "2", "M": "-2", "U": "Éàß", "S": "a*b?c", "T": "$${x}",
	"LONG": "aaaaaaaabbbbbbbb",
}

// Written by hand: every form, and the places where the implementation differs from bash.
var inputs = []string{
	"", "plain", "$A", "$A ${A}", "${A}", "x${A}y", "$${A}", "$$${A}", "$$$${A}", "$$", "$$$", "$", "a$", "${}", "${",
	"${A", "${ A}", "${A }", "${bad name}", "${1}", "${9A}", "${A}}", "{${A}}", "${#A}", "${#U}", "${#}", "${##A}",
	"${#A", "${A^}", "${A^^}", "${A,}", "${A,,}", "${A^,}", "${A,^}", "${U,}", "${U,,}", "${U^}", "${U^^}", "${A^x}",
	"${A:1}", "${A:1:1}", "${A:-1}", "${A: -1}", "${A:0:-1}", "${A:2:9}", "${A:9}", "${A:9:1}", "${A:x}", "${A:1:x}",
	"${A:}", "${A:1:}", "${A::1}", "${A:1::1}", "${A:${N}}", "${A:${M}}", "${A:${N}:${N}}", "${U:1}", "${U:2}",
	"${U:0:1}", "${U:0:2}", "${A:+1}", "${A:é}", "${A:",
	"${B#foo}", "${B#*/}", "${B##*/}", "${B%.*}", "${B%%.*}", "${B#}", "${B%}", "${B#?}", "${B##?}", "${B#[a-z]}",
	"${B#[^f]}", "${B#[}", "${B#[a}", "${B#\\f}", "${B#\\}", "${B%[z]}", "${B%%[a-z]*}", "${B#*}", "${B##*}",
	"${B%*}", "${B%%*}", "${B###*}", "${U#?}", "${U##?}", "${U%?}", "${S#a*}", "${S#a\\*}", "${B#${A}}", "${LONG##*a}",
	"${LONG%%b*}", "${LONG#*b*b}", "${E#x}", "${E%x}",
	"${B/foo/X}", "${B//foo/X}", "${B/#foo/X}", "${B/%gz/X}", "${B/#bar/X}", "${B/%bar/X}", "${B/foo/}", "${B//o/}",
	"${B/foo}", "${B//foo}", "${B/\\//-}", "${B//\\//-}", "${B/foo/\\/}", "${B/foo/a\\\\b}", "${B/foo//X}",
	"${B/${A}/X}", "${B/foo/${A}}", "${B/foo/x${A}}", "${B//${E}/-}", "${B/${E}/-}", "${B/}/x}", "${B/foo/$$}",
	"${B/#foo/}", "${B/%gz/}", "${B/#/X}", "${B///X}", "${A/b/\nc}",
	"${X}", "${X:-d}", "${X:=d}", "${X:?d}", "${X:+d}", "${X=d}", "${X-d}", "${X+d}", "${X?d}", "${X:-}", "${X:=}",
	"${X=}", "${E:-d}", "${E:=d}", "${E=d}", "${A:-d}", "${A:+d}", "${A=d}", "${X:-${A}}", "${X:-a${A}b${B}c}",
	"${X:-${Y:-${Z:=deep}}}", "${X:-$A}", "${X:-$$}", "${X:-$${A}}", "${X:-{a}}", "${X:-\"q\"}", "${X:-a b}",
	"${X:-a:b/c#d%e}", "${X:-", "${X:-a", "${X:-${A}", "${#X}", "${X^^}", "${X/a/b}", "${X:1}", "${X#a}",
	"a: '${A}'\nb: \"${B}\"\nc: $${C}\nd: ${X:=1}\n", "é${A}é", "\\${A}", "\\$${A}", "${A}${A}${A}", "${T}", "${é}",
	"${_}", "${A-}", "${A=}", "${A", "$(A)", "${{A}}", "${$A}", "${!A}", "${A@Q}", "${A[0]}", "${A;}",
}

var fragments = []string{
	"${", "${", "${", "}", "}", "}", "$", "$$", "A", "B", "E", "X", "N", "M", "U", "S", ":", "-", "=", "+", "?", "#", "##", "%", "%%",
	"/", "//", "/#", "/%", "^", "^^", ",", ",,", "*", "[a-c]", "\\", "0", "1", "-1", "foo", "a", "b", "é", " ", "\n", ":-", ":=",
}

func recordEnvsubst() any {
	out := substitutions{Vars: vars}
	for _, input := range append(inputs, random(1500)...) {
		for _, strict := range []bool{false, true} {
			out.Cases = append(out.Cases, evaluate(input, strict))
		}
	}
	return out
}

// Random texts, the same on every run.
func random(count int) []string {
	source := rand.New(rand.NewPCG(2, 9))
	names := []string{"A", "B", "E", "N", "M", "U", "S", "X", "LONG"}
	var out []string
	for range count {
		var text strings.Builder
		if source.IntN(4) > 0 {
			text.WriteString("${" + names[source.IntN(len(names))])
		}
		for range 1 + source.IntN(9) {
			text.WriteString(fragments[source.IntN(len(fragments))])
		}
		if source.IntN(3) > 0 {
			text.WriteString("}")
		}
		out = append(out, text.String())
	}
	return out
}

func evaluate(input string, strict bool) (result substitution) {
	result = substitution{Input: input, Strict: strict}
	defer func() {
		if cause := recover(); cause != nil {
			result.Error = fmt.Sprintf("panic: %v", cause)
		}
	}()
	output, err := envsubst.Eval(input, func(name string) (string, bool) {
		value, ok := vars[name]
		return value, ok || !strict
	})
	switch {
	case err != nil:
		result.Error = err.Error()
	case !utf8.ValidString(output):
		result.Error = "not utf-8"
	default:
		result.Output = &output
	}
	return result
}
