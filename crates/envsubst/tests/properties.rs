//! What holds for any text: no panic, and the limits.

use envsubst::{Cause, Limits, Unset, is_variable_name, substitute, substitute_within};
use proptest::prelude::{ProptestConfig, any, prop_assert_eq, proptest};

fn lookup(name: &str) -> Option<&'static str> {
    match name {
        "A" => Some("abc"),
        "U" => Some("Éàß"),
        "E" => Some(""),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_text_gives_an_answer(text in "([$]\\{[AUEX]?|[:/#%^,}=*?\\[\\]\\\\-]|[a-cé\n]){0,40}") {
        let _ = substitute(&text, lookup, Unset::Fail);
        let _ = substitute(&text, lookup, Unset::Empty);
    }

    #[test]
    fn any_characters_give_an_answer(text in any::<String>()) {
        let _ = substitute(&text, lookup, Unset::Empty);
    }

    #[test]
    fn text_without_dollar_stays(text in "[^$]*") {
        prop_assert_eq!(substitute(&text, lookup, Unset::Fail).unwrap(), text);
    }
}

fn cause(text: &str, value: &str, limits: Limits) -> Cause {
    substitute_within(text, |_| Some(value), Unset::Fail, limits).unwrap_err().cause
}

#[test]
fn nesting_is_bounded() {
    let deep = format!("{}x{}", "${A:-".repeat(100_000), "}".repeat(100_000));
    assert_eq!(cause(&deep, "", Limits::default()), Cause::TooDeep);
}

#[test]
fn results_are_bounded() {
    let big = "x".repeat(1 << 20);
    assert_eq!(cause("${A}".repeat(20).as_str(), &big, Limits::default()), Cause::TooLarge);
    assert_eq!(cause("${A//x/${A}}", &big, Limits::default()), Cause::TooLarge);
}

#[test]
fn patterns_are_bounded() {
    let value = "a".repeat(100_000);
    assert_eq!(cause("${A##*a*a*a*b}", &value, Limits::default()), Cause::TooExpensive);
}

#[test]
fn errors_tell_line_and_variable() {
    let error = substitute("a: 1\nb: ${A}\nc: ${X:-${MISSING}}\n", lookup, Unset::Fail).unwrap_err();
    assert_eq!(error.to_string(), r#"variable not set (strict mode): "MISSING" (line 3)"#);
    let error = substitute("a\n${A", lookup, Unset::Fail).unwrap_err();
    assert_eq!(error.to_string(), r#"missing closing brace: "A" (line 2)"#);
}

#[test]
fn names_are_those_flux_takes() {
    for good in ["a", "_", "_a1", "A_B"] {
        assert!(is_variable_name(good), "{good}");
    }
    for bad in ["", "1a", "a-b", "é", "a b"] {
        assert!(!is_variable_name(bad), "{bad}");
    }
}
