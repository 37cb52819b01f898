package main

import (
	"context"
	"encoding/json"
	"fmt"

	celgo "github.com/google/cel-go/cel"

	"github.com/fluxcd/pkg/runtime/cel"
)

type evaluation struct {
	Expression string  `json:"expression"`
	Compile    bool    `json:"compile,omitempty"`
	Bool       *bool   `json:"bool,omitempty"`
	String     *string `json:"string,omitempty"`
	Error      string  `json:"error,omitempty"`
}

type evaluations struct {
	Variables json.RawMessage `json:"variables"`
	Cases     []evaluation    `json:"cases"`
}

const variables = `{
 "metadata": {"name": "web", "namespace": "ns", "generation": 2, "labels": {"app": "web", "a.b/c": "x"}, "annotations": {"n": "7", "time": "2024-05-06T07:08:09Z"}},
 "spec": {"replicas": 3, "paused": false, "ratio": 1.5, "tags": ["a", "b", "c"], "nothing": null, "big": 9007199254740993, "nested": {"list": [{"k": 1, "v": "x"}, {"k": 2}]}},
 "status": {"observedGeneration": 2, "conditions": [{"type": "Ready", "status": "True", "reason": "Ok", "observedGeneration": 2}, {"type": "Synced", "status": "False"}]}
}`

// Expressions giving a boolean or a string.
var expressions = []string{
	`true`, `'text'`, `metadata.name`, `metadata.name == 'web'`, `metadata.labels['a.b/c'] == 'x'`, `metadata.labels.app`,
	`status.conditions.filter(e, e.type == 'Ready').all(e, e.status == 'True')`,
	`status.conditions.filter(e, e.type == 'Ready').all(e, e.observedGeneration == metadata.generation && e.status == 'True')`,
	`status.conditions.exists(e, e.type == 'Synced' && e.status == 'False')`, `status.conditions.exists_one(e, e.status == 'True')`,
	`status.conditions.map(e, e.type).join(',')`, `status.conditions.map(e, e.status == 'True', e.type)[0]`,
	`has(status.conditions)`, `has(status.missing)`, `has(status.missing.deeper)`, `has(missing.field)`, `status.missing`, `missing`,
	`status.?missing.hasValue()`, `status.?missing.orValue('none')`, `status.?conditions[?0].?type.orValue('none')`, `spec.?nested.?list[?5].hasValue()`,
	`spec.nested.list[1].?v.orValue('none')`, `optional.of('x').value()`, `optional.none().hasValue()`, `optional.of(1).optMap(x, x + 1).value() == 2`,
	`spec.replicas == 3`, `spec.replicas == 3.0`, `spec.replicas == 3u`, `spec.replicas > 2.5`, `spec.ratio > 1`, `spec.ratio == 1.5`, `3 in [1.0, 3.0]`, `spec.replicas in [1, 2, 3]`,
	`'a' in spec.tags`, `'z' in spec.tags`, `'app' in metadata.labels`, `size(spec.tags) == 3`, `spec.tags.size() == 3`, `size(metadata.name) == 3`, `size('héé') == 3`, `size(b'héé') == 5`,
	`spec.nothing == null`, `spec.nothing != null`, `type(spec.replicas) == int`, `type(spec.ratio) == double`, `type(spec.nothing) == null_type`, `type(metadata.name) == string`, `type(spec.tags) == list`, `type(spec) == map`,
	`spec.big == 9007199254740993`, `1 + 2 == 3`, `7 / 2 == 3`, `-7 / 2 == -3`, `7 % 3 == 1`, `-7 % 3 == -1`, `7.0 / 2.0 == 3.5`, `1 / 0 == 1`, `1 % 0 == 1`, `1.0 / 0.0 > 1.0`, `9223372036854775807 + 1 > 0`, `1 + 1.0 == 2.0`,
	`'a' + 'b'`, `'a' + 1`, `'a' < 'b'`, `[1, 2] + [3] == [1, 2, 3]`, `[1, 'a']`, `[1, 2] == [1.0, 2.0]`, `{'a': 1} == {'a': 1.0}`, `{'a': 1}.a == 1`, `{'a': 1}['b'] == 1`, `[1][1] == 1`, `[1][-1] == 1`, `{1: 'a'}[1.0]`, `{'a': 1, 'a': 2}.a == 2`,
	`true || missing`, `missing || true`, `false && missing`, `missing && false`, `missing || false`, `true ? 'a' : missing`, `!true`, `!'a'`, `!(1 == 1)`, `-(1) == -1`, `-'a'`,
	`'%s is %d of %.2f'.format(['x', 3, 1.5])`, `'%x %b %o %e %s'.format([255, 5, 8, 1.5, [1, 'a']])`, `'%s'.format([{'a': 1}])`, `'%s %s'.format(['a'])`, `'%%'.format([])`, `'%d'.format(['x'])`, `'%s'.format([null])`, `'%s'.format([true])`,
	`'abc'.charAt(1)`, `'abc'.charAt(3)`, `'abc'.charAt(4)`, `'abcabc'.indexOf('c') == 2`, `'abcabc'.indexOf('c', 3) == 5`, `'abc'.indexOf('x') == -1`, `'abcabc'.lastIndexOf('c') == 5`, `'abc'.indexOf('') == 0`,
	`'A-B'.lowerAscii()`, `'a-b'.upperAscii()`, `'É'.lowerAscii()`, `'a-b-c'.replace('-', '+')`, `'a-b-c'.replace('-', '+', 1)`, `'a-b'.replace('', '_')`, `'a-b'.replace('-', '+', -1)`, `'a-b'.replace('-', '+', 0)`,
	`'a,b,c'.split(',')[2]`, `'a,b,c'.split(',', 2)[1]`, `'abc'.split('').size() == 3`, `'a,b'.split(',', 0).size() == 0`, `''.split(',').size() == 1`, `'abc'.substring(1)`, `'abc'.substring(1, 2)`, `'abc'.substring(2, 1)`, `'abc'.substring(9)`, `'  a '.trim()`,
	`['a', 'b'].join()`, `['a', 'b'].join('-')`, `[].join('-')`, `[1].join('-')`, `strings.quote('a"b')`, `'abc'.reverse()`, `'abc'.startsWith('ab')`, `'abc'.endsWith('bc')`, `'abc'.contains('b')`, `'abc'.contains('')`,
	`'abc'.matches('^a.c$')`, `'abc'.matches('b')`, `matches('abc', 'x')`, `'abc'.matches('(')`, `'a\nb'.matches('a.b')`, `'ABC'.matches('(?i)abc')`, `'a1'.matches('^[a-z][0-9]$')`, `'é'.matches('^\\pL$')`, `'x'.matches('\\d')`,
	`base64.encode(b'hello')`, `string(base64.decode('aGVsbG8='))`, `string(base64.decode('aGVsbG8'))`, `base64.decode('!') == b''`, `base64.encode('x')`,
	`sets.contains([1, 2], [1])`, `sets.contains([1, 2], [])`, `sets.contains([1], [2])`, `sets.contains([1], [1.0, 1u])`, `sets.equivalent([1, 1], [1])`, `sets.equivalent([1], [2])`, `sets.intersects([1, 2], [2, 3])`, `sets.intersects([1], [])`, `sets.contains([[1], [2]], [[2.0]])`, `sets.contains(1, 2)`,
	`string(1)`, `string(1.5)`, `string(1.0)`, `string(true)`, `string(b'a')`, `string(1e21)`, `string(null)`, `int('7') == 7`, `int('x') == 7`, `int(1.9) == 1`, `int(-1.9) == -1`, `uint(1) == 1u`, `uint(-1) == 1u`, `double('1.5') == 1.5`, `bool('true')`, `bool('x')`, `int(metadata.annotations.n) == 7`,
	`timestamp(metadata.annotations.time).getHours() == 7`, `timestamp('2024-01-31T00:00:00Z') + duration('24h') == timestamp('2024-02-01T00:00:00Z')`, `timestamp('x') == timestamp('y')`, `duration('90m') == duration('1h30m')`, `duration('1d') == duration('24h')`, `string(duration('90s'))`, `string(timestamp('2024-01-01T00:00:00Z'))`, `timestamp('2024-05-06T07:08:09Z').getDayOfWeek() == 1`, `timestamp('2024-05-06T07:08:09Z').getFullYear('Europe/Berlin') == 2024`, `timestamp('2024-05-06T22:08:09Z').getHours('+02:00') == 0`,
	`'\u00e9' == 'é'`, `r'\d' == '\\d'`, `"a" == 'a'`, `'''a''' == 'a'`, `0x1F == 31`, `1e3 == 1000.0`, `b'a' == b'\x61'`, `'a' == b'a'`, `null == false`, `{} == {}`, `[] == []`, `1 == '1'`, `1 != '1'`, `1 < '1'`, `true < false`,
	`spec.tags.all(t, t.matches('^[a-c]$'))`, `spec.tags.exists(t, t == 'b')`, `spec.tags.map(t, t + t).join()`, `spec.tags.filter(t, t > 'a').join()`, `metadata.labels.all(k, k != '')`, `metadata.labels.exists(k, metadata.labels[k] == 'x')`, `spec.nested.list.exists(e, has(e.v) && e.v == 'x')`, `spec.nested.list.all(e, e.v == 'x')`, `spec.nested.list.exists(e, e.v == 'x')`, `[1, 2, 3].all(x, y, true)`, `dyn(1) == 1`,
	`metadata.labels.map(k, k).size() == 2`, `spec.replicas.foo`, `spec['replicas'] == 3`, `spec[?'replicas'].hasValue()`, `'x'.nosuch()`, `nosuch(1)`, `1 +`, `(`, `a b`, `'unclosed`, `spec..x`, `if (true) 1`, `x = 1`, `spec.replicas++`, `[1, 2`, `{'a' 1}`, `@x`, `a.1`, ``, ` `, `// comment`, `true // comment`,
	`[1, 2.0] == [1, 2]`, `{'a': 1, 'b': 'x'}.b`, `math.greatest(1, 2) == 2`, `lists.range(2).size() == 2`, `[3, 1, 2].sort()[0] == 1`, `'abc'.first() == 'a'`, `cel.bind(x, 1, x == 1)`, `[1, 2].exists(i, v, i == 0)`, `spec.tags.transformList(i, v, v).size() == 3`, `in`, `as == 1`, `self`,
}

func recordCel() any {
	var data map[string]any
	must(json.Unmarshal([]byte(variables), &data))
	out := evaluations{Variables: json.RawMessage(variables)}
	ints := integers(data).(map[string]any)
	for _, expression := range expressions {
		for _, compile := range []bool{false, true} {
			out.Cases = append(out.Cases, ask(expression, compile, ints))
		}
	}
	return out
}

// Whole numbers as the API machinery has them in objects.
func integers(value any) any {
	switch value := value.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, item := range value {
			out[key] = integers(item)
		}
		return out
	case []any:
		var out []any
		for _, item := range value {
			out = append(out, integers(item))
		}
		return out
	case float64:
		if value == float64(int64(value)) {
			if value > 9e15 {
				return int64(9007199254740993)
			}
			return int64(value)
		}
	}
	return value
}

func ask(text string, compile bool, data map[string]any) (out evaluation) {
	out = evaluation{Expression: text, Compile: compile}
	defer func() {
		if cause := recover(); cause != nil {
			out.Error = fmt.Sprint("panic: ", cause)
		}
	}()
	var options []cel.Option
	if compile {
		options = []cel.Option{cel.WithCompile(), cel.WithStructVariables("metadata", "spec", "status")}
	}
	expression, err := cel.NewExpression(text, options...)
	if err != nil {
		out.Error = "compile: " + err.Error()
		return out
	}
	if compile {
		if _, err := cel.NewExpression(text, append(options, cel.WithOutputType(celgo.BoolType))...); err != nil {
			out.Error = "output: " + err.Error()
		}
		return out
	}
	if result, err := expression.EvaluateBoolean(context.Background(), data); err == nil {
		out.Bool = &result
	} else if result, other := expression.EvaluateString(context.Background(), data); other == nil {
		out.String = &result
	} else {
		out.Error = "evaluate: " + err.Error()
	}
	return out
}
