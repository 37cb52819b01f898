package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// Table holds constraints against versions: a character a version, 1 in the set, 0 not, - for what is no version;
// ERR for what is no constraint.
type Table struct {
	Versions    []string          `json:"versions"`
	Constraints map[string]string `json:"constraints"`
}

// recordSemver writes what Masterminds/semver says of random constraints and versions.
func recordSemver(out io.Writer, seed int64, count int) error {
	random := rand.New(rand.NewSource(seed))
	table := Table{Constraints: map[string]string{}}
	seen := map[string]bool{}
	for len(table.Versions) < 40 {
		version := randomVersion(random)
		if !seen[version] {
			seen[version] = true
			table.Versions = append(table.Versions, version)
		}
	}
	for len(table.Constraints) < count {
		constraint := randomConstraint(random)
		table.Constraints[constraint] = judge(constraint, table.Versions)
	}
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	return encoder.Encode(table)
}

func judge(constraint string, versions []string) string {
	parsed, err := semver.NewConstraint(constraint)
	if err != nil {
		return "ERR"
	}
	var out strings.Builder
	for _, text := range versions {
		version, err := semver.NewVersion(text)
		switch {
		case err != nil:
			out.WriteByte('-')
		case parsed.Check(version):
			out.WriteByte('1')
		default:
			out.WriteByte('0')
		}
	}
	return out.String()
}

func pick(random *rand.Rand, from ...string) string { return from[random.Intn(len(from))] }

// rare gives something odd now and then, and else what is right everywhere.
func rare(random *rand.Rand, odd ...string) string {
	if random.Intn(4) > 0 {
		return ""
	}
	return pick(random, odd...)
}

func randomVersion(random *rand.Rand) string {
	parts := []string{pick(random, "0", "1", "2", "10", "1"), pick(random, "0", "1", "2", "3"), pick(random, "0", "1", "4")}
	text := strings.Join(parts[:1+random.Intn(3)], ".")
	if random.Intn(3) > 0 {
		text = strings.Join(parts, ".")
	}
	if random.Intn(3) == 0 {
		text += "-" + pick(random, "0", "alpha", "alpha.1", "rc.2", "beta-x", "1.2", "rc.10", "0a", "x.7", "a"+rare(random, "..b"))
	}
	if random.Intn(6) == 0 {
		text += "+" + pick(random, "build", "k3s1", "1.2")
	}
	return pick(random, "", "", "", "", "v", rare(random, "V", "w")) + text
}

func randomTerm(random *rand.Rand) string {
	operator := pick(random, "", "=", "!=", ">", "<", ">=", "=>", "<=", "=<", "~", "~>", "^", ">", "^", rare(random, "==", ">>"))
	version := randomVersion(random)
	if random.Intn(5) == 0 {
		version = pick(random, "*", "x", "X", "1.x", "1.2.x", "0.X", "1.*", "v1.2.*", rare(random, "1.x.2", ""))
	}
	return operator + pick(random, "", "", " ") + version
}

func randomConstraint(random *rand.Rand) string {
	if random.Intn(8) == 0 {
		return randomVersion(random) + pick(random, " - ", " - ", " - ", " - ", "-") + randomVersion(random)
	}
	text := randomTerm(random)
	for random.Intn(3) == 0 {
		text += pick(random, " || ", "||", ", ", " ", ",", " "+rare(random, "| ")) + randomTerm(random)
	}
	return text
}

func mustRecordSemver(out io.Writer) {
	if err := recordSemver(out, 20, 400); err != nil {
		panic(fmt.Errorf("writing the table: %w", err))
	}
}
