package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"text/template"

	"github.com/BurntSushi/toml"
	"sigs.k8s.io/yaml"
	goyaml "sigs.k8s.io/yaml/goyaml.v3"
)

// encoders are the functions that Helm adds to Sprig's for YAML, JSON and TOML. Each is one call of the library
// that Helm calls, and answers errors as Helm does.
func encoders() template.FuncMap {
	return template.FuncMap{
		"toYaml":        func(v any) string { s, _ := toYaml(v); return s },
		"mustToYaml":    toYaml,
		"toYamlPretty":  toYamlPretty,
		"fromYaml":      func(s string) map[string]any { return object(s, yamlInto) },
		"fromYamlArray": func(s string) []any { return list(s, yamlInto) },
		"toJson":        func(v any) string { s, _ := toJSON(v); return s },
		"mustToJson":    toJSON,
		"fromJson":      func(s string) map[string]any { return object(s, jsonInto) },
		"fromJsonArray": func(s string) []any { return list(s, jsonInto) },
		"toToml":        func(v any) string { s, err := toToml(v); return either(s, err) },
		"mustToToml":    toToml,
		"fromToml":      func(s string) map[string]any { return object(s, toml.Unmarshal) },
	}
}

func either(text string, err error) string {
	if err != nil {
		return err.Error()
	}
	return text
}

func yamlInto(b []byte, into any) error { return yaml.Unmarshal(b, into) }
func jsonInto(b []byte, into any) error { return json.Unmarshal(b, into) }

func toYaml(v any) (string, error) {
	b, err := yaml.Marshal(v)
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(string(b), "\n"), nil
}

func toYamlPretty(v any) string {
	var b bytes.Buffer
	encoder := goyaml.NewEncoder(&b)
	encoder.SetIndent(2)
	if err := encoder.Encode(v); err != nil {
		return ""
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func toJSON(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	return string(b), nil
}

func toToml(v any) (string, error) {
	var b bytes.Buffer
	err := toml.NewEncoder(&b).Encode(v)
	return b.String(), err
}

func object(text string, into func([]byte, any) error) map[string]any {
	m := map[string]any{}
	if err := into([]byte(text), &m); err != nil {
		m["Error"] = err.Error()
	}
	return m
}

func list(text string, into func([]byte, any) error) []any {
	a := []any{}
	if err := into([]byte(text), &a); err != nil {
		a = []any{err.Error()}
	}
	return a
}
