//! Expressions and data of tenants must cost neither time nor memory without bound, and never a panic.

use expr::{CompileError, Env, EvalError, MAX_DEPTH, MAX_TEXT, Program};
use serde_json::{Value, json};

fn eval(expression: &str, data: &Value) -> Result<Value, EvalError> {
    Program::compile(expression, &Env::open()).unwrap().eval(&[("data", data)])
}

fn is_too_expensive(expression: &str, data: &Value) {
    let result = eval(expression, data);
    assert!(matches!(result, Err(EvalError::TooExpensive { .. })), "{expression}: {:?}", result.map(|_| ()));
}

#[test]
fn nested_loops_end() {
    let many = json!((0..1000).collect::<Vec<_>>());
    is_too_expensive("data.all(a, data.all(b, data.all(c, a + b + c >= 0)))", &many);
    is_too_expensive("data.map(a, data.map(b, data.map(c, c)))", &many);
    assert_eq!(
        eval("data.all(a, data.exists(b, a == b))", &json!((0..100).collect::<Vec<_>>())),
        Ok(json!(true))
    );
}

#[test]
fn a_loop_whose_body_swallows_errors_ends_with_the_budget() {
    let many = json!((0..1000).collect::<Vec<_>>());
    is_too_expensive("data.all(a, data.all(b, data.all(c, data.all(d, a == b && c == d || true))))", &many);
    let list = format!("[{}]", vec!["1"; 100].join(","));
    let literal = format!("{list}.all(a, {list}.all(b, {list}.all(c, {list}.all(d, true))))");
    is_too_expensive(&literal, &json!(null));
}

#[test]
fn an_exhausted_budget_is_no_answer_even_where_cel_swallows_errors() {
    let many = json!((0..1000).collect::<Vec<_>>());
    is_too_expensive(
        "true || true || data.all(a, true) ? data.all(a, data.all(b, data.all(c, true))) || true : true",
        &many,
    );
}

#[test]
fn text_does_not_explode() {
    let text = json!("a".repeat(1 << 20));
    is_too_expensive("data.replace('', data)", &text);
    is_too_expensive("data.split('').join(data)", &text);
    is_too_expensive("data.split('').map(c, data).join('')", &text);
    is_too_expensive("[1,2,3,4,5,6,7,8,9].map(i, data.split(''))", &text);
    is_too_expensive(&format!("size({}) > 0", vec!["data"; 50].join("+")), &text);
    is_too_expensive("data.split('').all(c, data == data)", &text);
    assert!(eval("'%.999999999f'.format([1.0])", &text).is_err());
    assert!(eval("data.matches('(a{1000}){1000}')", &text).is_err());
}

#[test]
fn text_and_nesting_of_expressions_are_bounded() {
    let long = format!("'{}'", "x".repeat(MAX_TEXT));
    assert!(matches!(Program::compile(&long, &Env::open()), Err(CompileError::TooLong { .. })));
    for (open, close) in [("(", ")"), ("[", "]"), ("!", ""), ("-", ""), ("{'a':", "}"), ("true ? 1 : ", "")] {
        let deep = format!("{}1{}", open.repeat(1200), close.repeat(1200));
        let _ = Program::compile(&deep, &Env::open()).map(|program| program.eval(&[]));
    }
    for operator in ["+", "&&", "||", "==", ".x", "[0]", "in"] {
        let chain = vec!["data"; 2000].join(operator);
        let _ = Program::compile(&chain, &Env::open()).map(|program| program.eval(&[]));
    }
    let deep = vec!["1"; MAX_DEPTH * 2].join("+");
    assert!(matches!(Program::compile(&deep, &Env::open()), Err(CompileError::TooDeep { .. })));
}

#[test]
fn an_expression_as_deep_as_allowed_is_evaluated() {
    let chain = vec!["1"; MAX_DEPTH].join("+");
    assert_eq!(eval(&chain, &json!(null)), Ok(json!(MAX_DEPTH)));
}

#[test]
fn data_nested_too_deep_is_an_error() {
    let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(eval("data[0] == data[0]", &nested(128)), Ok(json!(true)));
    for levels in [129, 500] {
        assert!(matches!(eval("data[0]", &nested(levels)), Err(EvalError::VariableTooDeep { .. })));
    }
}

#[test]
fn errors_do_not_tell_values() {
    let secret = json!({"token": "hunter2", "list": ["hunter2"]});
    for expression in [
        "data.token + 1",
        "data.token < 1",
        "data.list['x']",
        "-data.token",
        "data.token.foo()",
        "data.list[data.token]",
        "{data.list: 1}",
        "int(data.token)",
        "data.token ? 1 : 2",
        "timestamp(data.token)",
        "duration(data.token)",
        "base64.decode(data.token + '!')",
    ] {
        let error = eval(expression, &secret).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{expression}: {error}");
    }
}
