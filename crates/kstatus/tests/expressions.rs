//! Health expressions in place of the rules, and the cause of a Pod's failure.

use kstatus::{ExprSpec, ExprsError, HealthExprs, Status, pod_cause};
use manifest::Object;
use serde_json::{Value, json};

fn object(value: Value) -> Object {
    Object::from_value(value).unwrap()
}

fn thing(status: Value) -> Object {
    object(json!({"apiVersion": "example.com/v1", "kind": "Thing",
        "metadata": {"name": "x", "namespace": "ns", "generation": 2}, "status": status}))
}

fn spec<'a>() -> ExprSpec<'a> {
    ExprSpec {
        api_version: "example.com/v1beta1",
        kind: "Thing",
        current: "status.phase == 'Up'",
        in_progress: "status.phase == 'Starting'",
        failed: "status.phase in ['Down', 'Starting']",
    }
}

fn status_of(exprs: &HealthExprs, status: Value) -> Status {
    exprs.health(&thing(status), 0).unwrap().status
}

#[test]
fn expressions_are_asked_in_the_order_of_the_rfc() {
    let exprs = HealthExprs::compile(&[spec()]).unwrap();
    assert_eq!(status_of(&exprs, json!({"phase": "Up"})), Status::Current);
    assert_eq!(status_of(&exprs, json!({"phase": "Down"})), Status::Failed);
    assert_eq!(status_of(&exprs, json!({"phase": "Starting"})), Status::InProgress);
    assert_eq!(status_of(&exprs, json!({"phase": "Other"})), Status::InProgress);
}

#[test]
fn a_generation_not_observed_is_in_progress_unless_it_is_no_number() {
    let exprs = HealthExprs::compile(&[spec()]).unwrap();
    assert_eq!(status_of(&exprs, json!({"phase": "Up", "observedGeneration": 1})), Status::InProgress);
    assert_eq!(status_of(&exprs, json!({"phase": "Up", "observedGeneration": 2})), Status::Current);
    assert_eq!(status_of(&exprs, json!({"phase": "Up", "observedGeneration": "1"})), Status::Current);
}

#[test]
fn a_missing_field_is_an_error() {
    let exprs = HealthExprs::compile(&[spec()]).unwrap();
    let error = exprs.health(&thing(json!({})), 0).unwrap_err().to_string();
    assert!(error.starts_with("Thing/ns/x: failed to evaluate the CEL expression"), "{error}");
    assert!(error.contains("no such key: phase"), "{error}");
}

#[test]
fn an_expression_for_the_kind_wins_over_one_for_the_group() {
    let group = ExprSpec { kind: "", current: "false", in_progress: "", failed: "true", ..spec() };
    let exprs = HealthExprs::compile(&[group, spec()]).unwrap();
    assert_eq!(status_of(&exprs, json!({"phase": "Up"})), Status::Current);
    let other = object(json!({"apiVersion": "example.com/v2", "kind": "Other", "metadata": {"name": "y"}}));
    assert_eq!(exprs.health(&other, 0).unwrap().status, Status::Failed);
    assert!(exprs.covers(&other.gvk()));
}

#[test]
fn kinds_without_expression_are_judged_by_the_rules() {
    let exprs = HealthExprs::compile(&[spec()]).unwrap();
    let secret = object(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}}));
    assert_eq!(exprs.health(&secret, 0).unwrap().message, "Resource is always ready");
}

#[test]
fn bad_specs_are_refused_with_their_position() {
    let refused = |specs: &[ExprSpec<'_>]| HealthExprs::compile(specs).unwrap_err();
    assert_eq!(refused(&[ExprSpec { current: "", ..spec() }]), ExprsError::NoCurrent { index: 0 });
    let twice = refused(&[spec(), spec()]).to_string();
    assert_eq!(twice, "duplicate custom health check for GroupKind Thing.example.com at healthchecks[1]");
    let broken = refused(&[ExprSpec { failed: "status.", ..spec() }]).to_string();
    assert!(broken.contains("healthchecks[0]: failed to parse the expression Failed"), "{broken}");
}

fn pod(status: Value) -> Object {
    object(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-abc"}, "status": status}))
}

#[track_caller]
fn cause(status: Value, expected: Option<&str>) {
    assert_eq!(pod_cause(&pod(status)).map(|cause| cause.to_string()).as_deref(), expected);
}

#[test]
fn names_the_container_that_cannot_start() {
    let waiting = |reason: &str| {
        json!({"containerStatuses": [
            {"name": "ok", "state": {"running": {}}},
            {"name": "app", "state": {"waiting": {"reason": reason, "message": "Back-off pulling image \"x\""}},
             "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}},
        ]})
    };
    let image = "container app: ImagePullBackOff: Back-off pulling image \"x\"";
    cause(waiting("ImagePullBackOff"), Some(image));
    cause(
        waiting("CrashLoopBackOff"),
        Some("container app: CrashLoopBackOff: last exit: OOMKilled, code 137"),
    );
    cause(waiting("ContainerCreating"), None);
}

#[test]
fn names_failures_of_the_pod_as_a_whole() {
    let unscheduled = json!({"conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes are available"}]});
    cause(unscheduled, Some("Unschedulable: 0/3 nodes are available"));
    cause(
        json!({"phase": "Failed", "reason": "Evicted", "message": "low on memory"}),
        Some("Evicted: low on memory"),
    );
    cause(json!({"phase": "Running"}), None);
    cause(json!({"phase": "Succeeded"}), None);
}

#[test]
fn tells_an_init_container_that_failed_before_the_others() {
    let status = json!({
        "initContainerStatuses": [{"name": "migrate", "state": {"terminated": {"exitCode": 2, "reason": "Error", "message": "no database\n"}}}],
        "containerStatuses": [{"name": "app", "state": {"waiting": {"reason": "PodInitializing"}}}],
    });
    cause(status, Some("container migrate: Error: Error, code 2: no database"));
}

#[test]
fn long_messages_are_cut_at_a_character() {
    let status = json!({"containerStatuses": [{"name": "a", "state": {"waiting": {"reason": "R", "message": "é".repeat(400)}}}]});
    let message = pod_cause(&pod(status)).unwrap().message;
    assert!(message.len() <= 300 && message.chars().all(|c| c == 'é'), "{message}");
}

#[test]
fn expressions_do_not_see_what_a_secret_holds() {
    let asked = |current| {
        let spec = ExprSpec { api_version: "v1", kind: "Secret", current, ..ExprSpec::default() };
        let secret = object(json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"},
            "type": "Opaque", "data": {"password": "aHVudGVyMg=="}}));
        HealthExprs::compile(&[spec]).unwrap().health(&secret, 0).map(|health| health.status)
    };
    assert_eq!(asked("type == 'Opaque'"), Ok(Status::Current));
    assert!(asked("data.password == 'aHVudGVyMg=='").is_err());
}
