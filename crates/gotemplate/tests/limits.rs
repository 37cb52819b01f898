//! Hostile templates end in a clear error within a second.
#![expect(clippy::disallowed_methods, reason = "a test may look at the clock")]

use std::time::{Duration, Instant};

use gotemplate::{ExecError, Funcs, LimitError, Limits, Map, Session, Signature, Templates, Type, Value};

fn funcs() -> Funcs {
    let mut funcs = Funcs::new();
    funcs.insert("include", Signature::fixed(&[Type::String, Type::Any]), |context, arguments| {
        let name = arguments[0].as_string().cloned().unwrap_or_default();
        context.execute(&name.text(), &arguments[1]).map(Value::String)
    });
    funcs.insert("list", Signature::variadic(&[], Type::Any), |_, items| Ok(Value::list(items.to_vec())));
    funcs
}

fn run_with(text: &str, data: &Value, limits: Limits) -> Result<String, ExecError> {
    let funcs = funcs();
    let mut set = Templates::new("bomb");
    set.parse("bomb", text, &funcs).unwrap();
    let start = Instant::now();
    let out = set.execute("bomb", data, &funcs, &Session::new(limits));
    assert!(start.elapsed() < Duration::from_secs(10), "a generous ceiling for a debug build: {text}");
    out.map(|out| out.to_string())
}

/// A tenth of the default, so that a debug build is as fast as a release build with all of it.
fn limits() -> Limits {
    Limits { steps: 1_000_000, ..Limits::default() }
}

fn stops_with(text: &str, limit: LimitError) {
    let error = run_with(text, &Value::Nil, limits()).unwrap_err();
    assert_eq!(error.limit, Some(limit), "{text}: {error}");
}

#[test]
fn an_endless_range_stops() {
    stops_with("{{range 9000000000000}}{{end}}", LimitError::Steps(1_000_000));
    stops_with("{{range 100000}}{{range 100000}}x{{end}}{{end}}", LimitError::Steps(1_000_000));
}

#[test]
fn recursion_stops() {
    let depth = limits().depth;
    stops_with("{{define \"a\"}}{{template \"a\"}}{{end}}{{template \"a\"}}", LimitError::Depth(depth));
    stops_with("{{define \"a\"}}{{include \"a\" .}}{{end}}{{include \"a\" .}}", LimitError::Depth(depth));
    stops_with(
        "{{define \"a\"}}{{if true}}{{with 1}}{{range list 1}}{{include \"b\" (list .)}}{{end}}{{end}}{{end}}{{end}}\
         {{define \"b\"}}{{template \"a\" .}}{{end}}{{template \"b\" 1}}",
        LimitError::Depth(depth),
    );
}

#[test]
fn large_output_stops() {
    let few = Limits { produced: 1_000, ..limits() };
    let error = run_with("{{range 1000}}0123456789{{end}}", &Value::Nil, few).unwrap_err();
    assert_eq!(error.limit, Some(LimitError::Produced(1_000)));
    let doubling = "{{$x := \"0123456789abcdef\"}}{{range 40}}{{$x = print $x $x}}{{end}}{{len $x}}";
    let error = run_with(doubling, &Value::Nil, limits()).unwrap_err();
    assert!(error.limit.is_some(), "{error}");
}

#[test]
fn what_a_function_only_finds_is_not_produced_again() {
    let data = Value::map([("text", Value::string("x".repeat(4_000)))]);
    let few = Limits { produced: 10_000, ..limits() };
    let found = "{{range 100}}{{$x := index $ \"text\"}}{{if not $x}}none{{end}}{{end}}";
    assert_eq!(run_with(found, &data, few).unwrap(), "");
    let made = "{{range 100}}{{$x := print (index $ \"text\")}}{{end}}";
    assert_eq!(run_with(made, &data, few).unwrap_err().limit, Some(LimitError::Produced(10_000)));
}

#[test]
fn wide_paddings_are_bounded() {
    assert_eq!(run_with("{{printf \"%1000000d\" 1 | len}}", &Value::Nil, limits()).unwrap(), "1000000");
    let out = run_with("{{printf \"%10000010d\" 1}}", &Value::Nil, limits()).unwrap();
    assert_eq!(out, "%!(NOVERB)%!(EXTRA int=1)");
    let many = format!("{{{{printf \"{}\" 1 2 3 4 | len}}}}", "%9999999d".repeat(4));
    let error = run_with(&many, &Value::Nil, limits()).unwrap_err().to_string();
    assert!(error.contains("bytes is larger than the limit of 16777216"), "{error}");
}

#[test]
fn a_map_that_contains_itself_cannot_be_printed() {
    let map = Map::new();
    map.insert("self", map.clone());
    map.insert("again", map.clone());
    let error = run_with("{{.}}", &Value::Map(map.clone()), limits()).unwrap_err();
    assert!(matches!(error.limit, Some(LimitError::Nesting(_))), "{error}");
    assert!(Value::Map(map.clone()).to_json().is_err());
    map.clear();
}

#[test]
fn maps_that_contain_themselves_are_taken_apart_with_the_session() {
    let session = Session::default();
    let map = Map::new();
    session.hold(&map, &Value::Map(map.clone()));
    map.insert("self", map.clone());
    drop(session);
    assert!(map.is_empty());
}

#[test]
fn deep_nesting_is_refused_when_parsed() {
    let funcs = funcs();
    for (open, close) in [("{{if 1}}", "{{end}}"), ("{{(", "")] {
        let text = format!("{}{}", open.repeat(100_000), close.repeat(100_000));
        assert!(Templates::new("x").parse("x", &text, &funcs).is_err());
    }
    let parens = format!("{{{{{}1{}}}}}", "(".repeat(100_000), ")".repeat(100_000));
    let error = Templates::new("x").parse("x", &parens, &funcs).unwrap_err();
    assert_eq!(error.message, "max expression depth exceeded");
    let fits = format!("{{{{{}1{}}}}}", "(".repeat(900), ")".repeat(900));
    assert_eq!(run_with(&fits, &Value::Nil, limits()).unwrap(), "1");
}

#[test]
fn a_caller_can_interrupt() {
    let funcs = funcs();
    let mut set = Templates::new("x");
    set.parse("x", "{{range 1000000}}{{end}}", &funcs).unwrap();
    let session = Session::new(limits()).with_interrupt(|| true);
    let error = set.execute("x", &Value::Nil, &funcs, &session).unwrap_err();
    assert_eq!(error.limit, Some(LimitError::Interrupted));
}
