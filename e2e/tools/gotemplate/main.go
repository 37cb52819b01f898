// Command gotemplate asks Go's text/template, Sprig and the encoders that Helm uses for the answers our tests
// compare with. It reads cases as JSON lines and prints each with its answer; see README.md.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/template"
	"unicode/utf8"

	"github.com/Masterminds/sprig/v3"
)

// Case is a question. Exactly one of Out, Out64 and Err is set in the answer.
type Case struct {
	Name     string          `json:"name,omitempty"`
	Template string          `json:"template,omitempty"`
	Also     []Named         `json:"also,omitempty"`    // further templates of the set, parsed first, in order
	Values   json.RawMessage `json:"values,omitempty"`  // the dot
	Use      string          `json:"use,omitempty"`     // the dot by name, of an earlier line with Define
	Define   string          `json:"define,omitempty"`  // this line is no case: it names Values for later ones
	Numbers  string          `json:"numbers,omitempty"` // "keep": whole numbers are int64, else every number is float64
	Missing  string          `json:"missing,omitempty"` // missingkey
	Left     string          `json:"left,omitempty"`
	Right    string          `json:"right,omitempty"`
	Sprig    bool            `json:"sprig,omitempty"` // Sprig's and Helm's functions
	Out      *string         `json:"out,omitempty"`
	Out64    *string         `json:"out64,omitempty"` // what is no UTF-8
	Err      *string         `json:"err,omitempty"`
}

var named = map[string]json.RawMessage{}

// Named is a template with its name.
type Named struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "semver" {
		mustRecordSemver(os.Stdout)
		return
	}
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for {
		line, err := in.ReadBytes('\n')
		if len(strings.TrimSpace(string(line))) > 0 {
			var c Case
			if err := json.Unmarshal(line, &c); err != nil {
				fmt.Fprintf(os.Stderr, "%v in %s\n", err, line)
				os.Exit(1)
			}
			if c.Define != "" {
				named[c.Define] = c.Values
			} else {
				answer(&c)
			}
			if err := encoder.Encode(c); err != nil {
				panic(err)
			}
			out.Flush()
		}
		if err != nil {
			return
		}
	}
}

func answer(c *Case) {
	c.Out, c.Out64, c.Err = nil, nil, nil
	text, err := run(c)
	switch {
	case err != nil:
		message := err.Error()
		c.Err = &message
	case utf8.ValidString(text):
		c.Out = &text
	default:
		encoded := base64.StdEncoding.EncodeToString([]byte(text))
		c.Out64 = &encoded
	}
}

func run(c *Case) (string, error) {
	name := "case"
	set := template.New(name).Delims(c.Left, c.Right)
	if c.Missing != "" {
		set.Option("missingkey=" + c.Missing)
	}
	if c.Sprig {
		funcs := sprig.TxtFuncMap()
		delete(funcs, "env")
		delete(funcs, "expandenv")
		for name, function := range encoders() {
			funcs[name] = function
		}
		funcs["include"] = func(name string, data any) (string, error) {
			var buffer strings.Builder
			err := set.ExecuteTemplate(&buffer, name, data)
			return buffer.String(), err
		}
		set.Funcs(funcs)
	}
	for _, other := range c.Also {
		if _, err := set.New(other.Name).Parse(other.Text); err != nil {
			return "", err
		}
	}
	if _, err := set.Parse(c.Template); err != nil {
		return "", err
	}
	values, err := decode(c)
	if err != nil {
		return "", err
	}
	var buffer limited
	err = set.Execute(&buffer, values)
	return buffer.String(), err
}

// limited refuses to grow for ever.
type limited struct{ strings.Builder }

func (l *limited) Write(b []byte) (int, error) {
	if l.Len()+len(b) > 64<<20 {
		return 0, fmt.Errorf("more than 64 MiB")
	}
	return l.Builder.Write(b)
}

func decode(c *Case) (any, error) {
	values := c.Values
	if c.Use != "" {
		values = named[c.Use]
	}
	if len(values) == 0 {
		return nil, nil
	}
	decoder := json.NewDecoder(strings.NewReader(string(values)))
	if c.Numbers == "keep" {
		decoder.UseNumber()
	}
	var dot any
	if err := decoder.Decode(&dot); err != nil {
		return nil, err
	}
	return plain(dot), nil
}

func plain(value any) any {
	switch value := value.(type) {
	case json.Number:
		if n, err := value.Int64(); err == nil {
			return n
		}
		f, _ := value.Float64()
		return f
	case []any:
		for i := range value {
			value[i] = plain(value[i])
		}
	case map[string]any:
		for key := range value {
			value[key] = plain(value[key])
		}
	}
	return value
}
