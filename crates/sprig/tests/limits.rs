//! Hostile calls end in a clear error within a second, and take no memory for it.
#![expect(clippy::disallowed_methods, reason = "a test may look at the clock")]

use std::{
    rc::Rc,
    time::{Duration, Instant},
};

use gotemplate::{FuncError, Funcs, LimitError, Limits, Session, Templates, Value};
use jiff::Timestamp;

struct Zeros;

impl sprig::Host for Zeros {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn random(&self, _: &mut [u8]) -> Result<(), FuncError> {
        Err("no randomness".into())
    }
}

fn run(text: &str) -> Result<String, gotemplate::ExecError> {
    let mut funcs = Funcs::new();
    sprig::add_functions(&mut funcs, Rc::new(Zeros));
    sprig::add_encodings(&mut funcs);
    let mut set = Templates::new("bomb");
    set.parse("bomb", text, &funcs).unwrap();
    let session = Session::new(Limits { steps: 1_000_000, ..Limits::default() });
    let start = Instant::now();
    let out = set.execute("bomb", &Value::Nil, &funcs, &session);
    assert!(start.elapsed() < Duration::from_secs(10), "a generous ceiling for a debug build: {text}");
    out.map(|out| out.to_string())
}

fn too_large(text: &str) {
    let error = run(text).unwrap_err();
    assert!(matches!(error.limit, Some(LimitError::Value { .. })), "{text}: {error}");
}

#[test]
fn gigabytes_are_refused_before_they_are_made() {
    too_large("{{repeat 9000000000 \"x\"}}");
    too_large("{{repeat 9223372036854775807 \"abc\"}}");
    too_large("{{\"a\\nb\" | indent 9000000000}}");
    too_large("{{until 9000000000}}");
    too_large("{{untilStep 0 -9000000000 -1}}");
    too_large("{{seq 1 9000000000}}");
    too_large("{{randAlpha 9000000000}}");
    too_large("{{randBytes 9000000000}}");
    too_large("{{$x := repeat 6000 \"ab\"}}{{replace \"a\" $x $x}}");
    too_large("{{$x := repeat 8000 \"ab\"}}{{regexReplaceAll \"a\" $x $x}}");
    too_large("{{$x := repeat 10000 \"ab\"}}{{join $x (until 10000)}}");
}

#[test]
fn exploding_expressions_are_refused() {
    for expression in ["(((a{1000}){1000}){1000})", "((\\\\pL{500}){500})"] {
        let error = run(&format!(
            "{{{{regexMatch \"{expression}\" \"a\"}}}}{{{{regexFind \"{expression}\" \"a\"}}}}"
        ))
        .unwrap_err();
        assert!(error.text.contains("expression too large"), "{error}");
    }
    assert_eq!(run("{{regexMatch \"(a+)+$\" (printf \"%sb\" (repeat 100000 \"a\"))}}").unwrap(), "false");
}

#[test]
fn a_map_that_contains_itself_is_an_error_and_no_crash() {
    let knot = "{{$d := dict}}{{$_ := set $d \"self\" $d}}";
    for use_it in ["toYaml $d", "toJson $d", "toPrettyJson $d", "toYamlPretty $d", "toToml $d"] {
        let out = run(&format!("{knot}{{{{{use_it}}}}}"));
        assert!(out.as_ref().is_err() || out.as_ref().is_ok_and(|out| out.len() < 200), "{use_it}: {out:?}");
    }
    for use_it in ["print $d", "mustToJson $d", "deepCopy $d", "merge $d $d | print", "quote $d"] {
        assert!(run(&format!("{knot}{{{{{use_it}}}}}")).is_err(), "{use_it}");
    }
}

#[test]
fn deep_values_are_dropped_and_printed_within_bounds() {
    assert_eq!(run("{{$x := list}}{{range 50000}}{{$x = list $x}}{{end}}done").unwrap(), "done");
    assert!(run("{{$x := list}}{{range 50000}}{{$x = list $x}}{{end}}{{mustToJson $x}}").is_err());
}

#[test]
fn slow_functions_cost_steps() {
    let error = run("{{range 1000}}{{derivePassword 1 \"long\" \"p\" \"u\" \"s\"}}{{end}}").unwrap_err();
    assert!(matches!(error.limit, Some(LimitError::Steps(_))), "{error}");
}

#[test]
fn without_randomness_nothing_random_is_made() {
    for call in [
        "genCA \"x\" 1",
        "randAlpha 5",
        "uuidv4",
        "bcrypt \"x\"",
        "genPrivateKey \"ecdsa\"",
        "encryptAES \"k\" \"t\"",
    ] {
        assert!(run(&format!("{{{{{call}}}}}")).unwrap_err().text.ends_with("no randomness"), "{call}");
    }
}
