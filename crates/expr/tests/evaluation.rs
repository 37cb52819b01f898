//! What expressions give. The answers are those of cel-go 0.26 with Flux's options, compared once by hand.

use expr::{CompileError, Env, EvalError, Output, Program};
use serde_json::{Value, json};

fn object() -> Value {
    json!({
        "metadata": {"generation": 2, "name": "x", "labels": {"a": "b"}},
        "status": {
            "observedGeneration": 2, "n": 3, "f": 1.5,
            "conditions": [{"type": "Ready", "status": "True", "observedGeneration": 2}],
        },
    })
}

fn check(expression: &str, expected: Value) {
    let object = object();
    let variables = [("metadata", &object["metadata"]), ("status", &object["status"])];
    let program = Program::compile(expression, &Env::open()).unwrap();
    assert_eq!(program.eval(&variables), Ok(expected), "{expression}");
}

fn fails(expression: &str, phrase: &str) {
    let object = object();
    let program = Program::compile(expression, &Env::open()).unwrap();
    let error = program.eval(&[("status", &object["status"])]).unwrap_err().to_string();
    assert!(error.contains(phrase), "{expression}: {error}");
}

#[test]
fn reads_fields_and_optionals() {
    check("status.conditions.filter(c, c.type == 'Ready')[0].status", json!("True"));
    check("metadata.?annotations.?x.orValue('d')", json!("d"));
    check("metadata.?labels.a.orValue('z')", json!("b"));
    check("metadata[?'labels'].hasValue()", json!(true));
    check("has(metadata.labels.a) ? metadata.labels.a : ''", json!("b"));
    check("has(metadata.annotations)", json!(false));
    check("status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')", json!(true));
    check("status.conditions.all(e, e.type == 'Ready')", json!(true));
    check("status.conditions.exists_one(e, e.type == 'Ready')", json!(true));
}

#[test]
fn compares_numbers_across_types() {
    check("status.n == 3.0", json!(true));
    check("status.f > 1", json!(true));
    check("[1, 2] == [1.0, 2.0]", json!(true));
    check("{1: 'a'}[1.0]", json!("a"));
}

#[test]
fn doubles_become_texts_as_in_go() {
    check("string(1e6) + string(123456789.0)", json!("1e+061.23456789e+08"));
    check(
        "[999999.0, 0.0001, 1e-5, 1.5, -2e100].map(x, string(x))",
        json!(["999999", "0.0001", "1e-05", "1.5", "-2e+100"]),
    );
    check("string(status.f) + string(status.n) + string(true)", json!("1.53true"));
}

#[test]
fn has_the_strings_extension() {
    check("'a,b'.split(',')[1]", json!("b"));
    check("'abc'.substring(1)", json!("bc"));
    check("'%d-%s'.format([1, 'x'])", json!("1-x"));
    check("'a-b-c'.replace('-', '_')", json!("a_b_c"));
    check("'a-b-c'.replace('-', '_', 1)", json!("a_b-c"));
    check("' x '.trim()", json!("x"));
    check("['a', 'b'].join('-')", json!("a-b"));
    check("['a', 'b'].join()", json!("ab"));
    check("'abc'.charAt(1) + 'abc'.reverse() + 'A'.lowerAscii()", json!("bcbaa"));
    check("'abc'.indexOf('c')", json!(2));
    check("strings.quote('a')", json!("\"a\""));
}

#[test]
fn has_the_sets_and_encoders_extensions() {
    check("sets.contains([1, 2], [2.0])", json!(true));
    check("sets.contains([1], [1, 2])", json!(false));
    check("sets.equivalent([1, 2, 2], [2, 1])", json!(true));
    check("sets.equivalent([1], [1, 2]) || sets.equivalent([1, 2], [1])", json!(false));
    check("sets.intersects([1], [])", json!(false));
    check("base64.encode(b'hi')", json!("aGk="));
    check("string(base64.decode('aGk='))", json!("hi"));
}

#[test]
fn matches_regular_expressions_both_ways() {
    check("'abc'.matches('^a.c$')", json!(true));
    check("matches('abc', 'x')", json!(false));
    fails("'a'.matches('(')", "matches");
}

#[test]
fn works_with_times_in_utc() {
    check("timestamp('2024-01-01T00:00:00Z').getFullYear()", json!(2024));
    check("duration('1h') > duration('59m')", json!(true));
}

#[test]
fn a_missing_field_or_variable_is_an_error() {
    fails("status.missing == 1", "no such key: missing");
    fails("spec.x", "spec");
    fails("{'a': 1}['b']", "no such key: b");
    fails("1 / 0 == 1", "division by zero");
    fails("1 % 0 == 1", "modulus by zero");
}

#[test]
fn a_key_that_is_a_value_of_somebody_is_not_told() {
    let program = Program::compile("{'a': true}[status.conditions[0].type]", &Env::open()).unwrap();
    let object = object();
    let error = program.eval(&[("status", &object["status"])]).unwrap_err().to_string();
    assert!(error.contains("no such key") && !error.contains("Ready"), "{error}");
}

#[test]
fn an_error_is_overruled_as_cel_says() {
    check("status.missing || true", json!(true));
    check("false && status.missing", json!(false));
}

#[test]
fn a_result_of_another_type_is_an_error() {
    let program = Program::compile("status.n", &Env::open()).unwrap();
    let object = object();
    let error = program.eval_bool_on(&object).unwrap_err();
    assert!(matches!(error, EvalError::WrongType { expected: "boolean", .. }), "{error}");
    assert!(program.eval_string(&[("status", &object["status"])]).is_err());
}

#[test]
fn an_object_gives_its_fields_as_variables() {
    let program = Program::compile("metadata.generation == status.observedGeneration", &Env::open()).unwrap();
    assert_eq!(program.eval_bool_on(&object()), Ok(true));
}

#[test]
fn syntax_errors_are_told_with_their_position() {
    let error = Program::compile("status.n ==", &Env::open()).unwrap_err();
    let CompileError::Syntax { message, .. } = error else { panic!("{error}") };
    assert!(message.contains("<input>:1:"), "{message}");
    assert!(message.contains("\n | "), "a blank before the ruler, as cel-go prints it: {message}");
}

#[test]
fn declared_variables_are_checked_when_compiled() {
    let env = Env::with_variables(&["self", "dep"]).giving(Output::Bool);
    assert!(Program::compile("dep.status.x == self.status.x", &env).is_ok());
    assert!(Program::compile("dep.items.exists(item, item == 1)", &env).is_ok());
    for (bad, phrase) in [
        ("other.status", "undeclared reference to 'other'"),
        ("dep.exists(x, y)", "undeclared reference to 'y'"),
        ("nosuch(dep)", "undeclared reference to 'nosuch'"),
        ("'text'", "expected bool, got string"),
        ("size(dep)", "expected bool, got int"),
        ("[dep]", "expected bool, got list"),
    ] {
        let error = Program::compile(bad, &env).unwrap_err().to_string();
        assert!(error.contains(phrase), "{bad}: {error}");
    }
}

#[test]
fn operands_that_cannot_fit_are_refused_where_variables_are_declared() {
    let env = Env::with_variables(&["status"]);
    for expression in [
        "1 == 'a'",
        "status.all(x, x.n == 1 && 1 + 'a' == 2)",
        "['a'].exists(x, x == 1)",
        "'a' in [1]",
        "status.map(x, [1, 'a'])",
        "'a' && status.ready",
        "[1].map(x, x > 0, string(x))[0] == 1",
        "[status.x, 1, 'a'] == []",
        "'abc'.size() == 'a'",
    ] {
        let refused = Program::compile(expression, &env);
        assert!(matches!(refused, Err(CompileError::Operands { .. })), "{expression}: {refused:?}");
        assert!(Program::compile(expression, &Env::open()).is_ok(), "{expression}");
    }
    let refused = Program::compile("status.ok || int('x') == 1", &env);
    assert!(matches!(refused, Err(CompileError::Constant { .. })), "{refused:?}");
}

#[test]
fn operands_that_may_fit_are_taken() {
    let env = Env::with_variables(&["status"]).giving(Output::Bool);
    for expression in [
        "status.n == 1 || status.n == 'a'",
        "1 < 2.5 && status.n < 2u",
        "null == status.x && status.x != null",
        "[1, status.x] == [status.x, 'a']",
        "status.n in [1, 2] && 'a' in status && status.k in {'a': 1}",
        "timestamp('2024-05-06T07:08:09Z') - duration('1h') < timestamp(status.t)",
        "status.list.filter(x, x.ok).map(x, x.n)[0] == 'a'",
        "['a', 'b'].all(x, x.startsWith('a')) && {'a': 1}.all(k, k == 'a')",
        "type(status.x) == int || type(1) == type('a')",
        "(status.ok ? 1 : 'a') == 1",
        "dyn(1) == 'a'",
        "[] == [1] && {} == {'a': 1} && size(status.x) == 1",
        "optional.of('x').value() == 'x' && status.?a.orValue(1) == 'a'",
    ] {
        let taken = Program::compile(expression, &env);
        assert!(taken.is_ok(), "{expression}: {taken:?}");
    }
}
