//! Variables in built objects.

use flux_build::{Build, BuildError, Spec, Substitute, build};
use kustomize::MemoryTree;
use serde_json::json;

fn run(manifest: &str, vars: &[(&str, &str)], strict: bool, always: bool) -> Result<Build, BuildError> {
    let tree: MemoryTree = [("cm.yaml", manifest)].into_iter().collect();
    let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    build(&tree, &Spec { substitute: Some(Substitute { vars, strict, always }), ..Spec::default() })
}

fn cm(data: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cfg\ndata:\n  {data}\n")
}

fn value(data: &str, vars: &[(&str, &str)]) -> serde_json::Value {
    run(&cm(data), vars, true, false).unwrap().objects[0].value()["data"]["a"].clone()
}

#[track_caller]
fn fails(data: &str, vars: &[(&str, &str)], message: &str) {
    let error = run(&cm(data), vars, true, false).unwrap_err().to_string();
    assert_eq!(error, format!("post build failed for 'ConfigMap.v1.[noGrp]/cfg': {message}"));
}

#[test]
fn a_value_can_change_its_type_because_quotes_are_lost() {
    assert_eq!(value("a: '${A}'", &[("A", "x")]), json!("x"));
    assert_eq!(value("a: '${A}'", &[("A", "1")]), json!(1));
    assert_eq!(value("a: '${A}'", &[("A", "true")]), json!(true));
    assert_eq!(value("a: '${A}'", &[("A", "007")]), json!(7));
    assert_eq!(value("a: '${A}'", &[("A", "\"1\"")]), json!("1"));
}

#[test]
fn values_in_lists_and_keys_are_found() {
    let built =
        |data: &str| run(&cm(data), &[("A", "x")], true, false).unwrap().objects[0].value()["data"].clone();
    assert_eq!(built("a: [{b: ['${A}']}]"), json!({"a": [{"b": ["x"]}]}));
    assert_eq!(built("'${A}': '1'"), json!({"x": "1"}));
}

#[test]
fn line_breaks_in_values_are_stripped() {
    assert_eq!(value("a: '${A}'", &[("A", "x\ny\n")]), json!("xy"));
}

#[test]
fn escapes_and_plain_dollars_stay() {
    assert_eq!(value("a: '$${A} $B'", &[("A", "x")]), json!("${A} $B"));
}

#[test]
fn nothing_is_substituted_without_variables_unless_always() {
    let manifest = cm("a: '${A:=d}'");
    assert_eq!(run(&manifest, &[], true, false).unwrap().objects[0].value()["data"]["a"], "${A:=d}");
    assert_eq!(run(&manifest, &[], true, true).unwrap().objects[0].value()["data"]["a"], "d");
}

#[test]
fn unset_variables_are_empty_when_not_strict() {
    let built = run(&cm("a: 'x${MISSING}y'"), &[("A", "1")], false, false).unwrap();
    assert_eq!(built.objects[0].value()["data"]["a"], "xy");
}

#[test]
fn exempt_objects_are_left_alone() {
    for place in ["labels", "annotations"] {
        let manifest = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cfg\n  {place}: {{kustomize.toolkit.fluxcd.io/substitute: disabled}}\ndata: {{a: '${{A'}}\n"
        );
        assert_eq!(
            run(&manifest, &[("A", "1")], true, false).unwrap().objects[0].value()["data"]["a"],
            "${A"
        );
    }
}

#[test]
fn errors_name_the_object_and_the_variable() {
    fails(
        "a: '${B}'",
        &[("A", "1")],
        r#"envsubst error: variable substitution failed: variable not set (strict mode): "B" (line 3)"#,
    );
    fails(
        "a: '${A'",
        &[("A", "1")],
        r#"envsubst error: variable substitution failed: missing closing brace: "A" (line 3)"#,
    );
    fails(
        "a: x",
        &[("bad-name", "1")],
        "envsubst error: 'bad-name' var name is invalid, must match '^[_[:alpha:]][_[:alpha:][:digit:]]*$'",
    );
    fails(
        "a: '${A}'",
        &[("A", "b: c")],
        "envsubst error: YAMLToJSON: yaml: line 3: mapping values are not allowed in this context (variables there: A)",
    );
}

#[test]
fn errors_never_hold_the_value() {
    for value in [
        "*hunter2",
        "&hunter2 *hunter2",
        "!!int hunter2",
        "!hunter2 [",
        "b: hunter2: c",
        "{hunter2",
        "\"hunter2",
        "%hunter2",
        "@hunter2",
        "`hunter2",
        "!!float hunter2",
        "!!binary hunter2-",
        "? {hunter2: 1} : 2",
    ] {
        if let Err(error) = run(&cm("a: ${A}"), &[("A", value)], true, false) {
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{value}: {error:?}");
        }
    }
}

#[test]
fn variables_do_not_show_in_debug_output() {
    let vars = [("A".to_owned(), "hunter2".to_owned())].into();
    let spec = Spec { substitute: Some(Substitute { vars, strict: true, always: false }), ..Spec::default() };
    assert!(!format!("{spec:?}").contains("hunter2"));
}

#[test]
fn objects_that_become_the_same_are_refused() {
    let two = cm("a: x").replace("name: cfg", "name: '${A}'") + "---\n" + &cm("a: y");
    let error = run(&two, &[("A", "cfg")], true, false).unwrap_err().to_string();
    assert!(error.contains("another resource has the same id ConfigMap/cfg"), "{error}");
}

#[test]
fn a_text_that_is_no_object_any_more_is_refused() {
    let error =
        run(&cm("a: x").replace("kind: ConfigMap", "kind: Config${A}"), &[("A", "Map\"}")], true, false);
    assert!(error.is_err() || error.is_ok_and(|built| built.objects[0].kind() == "ConfigMap\"}"));
    let manifest = cm("a: x").replace("v1", "${A}");
    let error = run(&manifest, &[("A", "7")], true, false).unwrap_err().to_string();
    assert!(error.contains("UnmarshalJSON"), "{error}");
}
