//! The rows of `docs/kubectl.md`: what becomes of a change made with kubectl.
use std::collections::BTreeSet;

use e2e::{World, deployment, eventually, yaml_list};
use serde_json::{Value, json};

/// What becomes of it.
enum Fate {
    /// It is as it was, and an event names this manager.
    Undone(&'static str),
    /// It stays.
    Kept,
    /// There is a new object.
    Back,
}

/// One row: the command as the page has it, the words behind `kubectl`, and whether an object shows the change.
struct Row {
    command: &'static str,
    name: &'static str,
    args: fn(&World) -> Vec<String>,
    shows: fn(&Value) -> bool,
    fate: Fate,
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

fn container(object: &Value) -> &Value {
    &object["spec"]["template"]["spec"]["containers"][0]
}

/// The Deployment as a file, with this image and one label that Git does not name.
fn file(world: &World, name: &str) -> String {
    let mut object = deployment(name, "web:9.9", 1);
    object["metadata"]["namespace"] = world.ns.name().into();
    object["metadata"]["labels"] = json!({ "extra": "1" });
    let path = world.repo.work().join(format!("../{name}-{}.json", world.ns.name()));
    std::fs::write(&path, object.to_string()).unwrap();
    path.display().to_string()
}

/// Whether fields of the main resource are this manager's.
fn is_held_by(object: &Value, manager: &str) -> bool {
    let entries = object["metadata"]["managedFields"].as_array();
    entries.into_iter().flatten().any(|entry| entry["manager"] == manager && entry["subresource"].is_null())
}

fn rows() -> Vec<Row> {
    let row = |command, name, args, shows, fate| Row { command, name, args, shows, fate };
    vec![
        row(
            "kubectl edit",
            "edit",
            |_| words("edit deployment edit"),
            |o| o["spec"]["replicas"] == 7,
            Fate::Undone("kubectl-edit"),
        ),
        row(
            "kubectl set image",
            "set-image",
            |_| words("set image deployment/set-image main=web:9.9"),
            |o| container(o)["image"] == "web:9.9",
            Fate::Undone("kubectl-set"),
        ),
        row(
            "kubectl set env",
            "set-env",
            |_| words("set env deployment/set-env EXTRA=1"),
            |o| container(o)["env"].is_array(),
            Fate::Undone("kubectl-set"),
        ),
        row(
            "kubectl scale",
            "scale",
            |_| words("scale deployment/scale --replicas=7"),
            |o| o["spec"]["replicas"] == 7,
            Fate::Undone("kubectl"),
        ),
        row(
            "kubectl patch",
            "patch",
            |_| words(r#"patch deployment/patch --type=merge -p {"spec":{"replicas":7}}"#),
            |o| o["spec"]["replicas"] == 7,
            Fate::Undone("kubectl-patch"),
        ),
        row(
            "kubectl label",
            "label",
            |_| words("label deployment/label extra=1"),
            |o| o["metadata"]["labels"]["extra"] == "1",
            Fate::Undone("kubectl-label"),
        ),
        row(
            "kubectl annotate",
            "annotate",
            |_| words("annotate deployment/annotate extra=1"),
            |o| o["metadata"]["annotations"]["extra"] == "1",
            Fate::Undone("kubectl-annotate"),
        ),
        row(
            "kubectl rollout restart",
            "restart",
            |_| words("rollout restart deployment/restart"),
            |o| {
                !o["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"]
                    .is_null()
            },
            Fate::Kept,
        ),
        row(
            "kubectl rollout pause",
            "pause",
            |_| words("rollout pause deployment/pause"),
            |o| o["spec"]["paused"] == true || is_held_by(o, "kubectl-rollout"),
            Fate::Undone("kubectl-rollout"),
        ),
        row(
            "kubectl rollout undo",
            "undo",
            |_| words("rollout undo deployment/undo"),
            |o| container(o)["image"] == "web:1.0" || is_held_by(o, "kubectl"),
            Fate::Undone("kubectl"),
        ),
        row(
            "kubectl apply",
            "apply",
            |world| words(&format!("apply -f {}", file(world, "apply"))),
            |o| container(o)["image"] == "web:9.9" || o["metadata"]["labels"]["extra"] == "1",
            Fate::Undone("kubectl-client-side-apply"),
        ),
        row(
            "kubectl replace",
            "replace",
            |world| words(&format!("replace -f {}", file(world, "replace"))),
            |o| container(o)["image"] == "web:9.9" || o["metadata"]["labels"]["extra"] == "1",
            Fate::Undone("kubectl-replace"),
        ),
        row("kubectl delete", "delete", |_| words("delete deployment/delete"), |_| false, Fate::Back),
    ]
}

/// `kubectl` in the namespace; `edit` gets an editor that writes another number of replicas.
fn kubectl(world: &World, args: &[String]) {
    let editor = "sed -i s/replicas:.1/replicas:\\ 7/";
    let done = std::process::Command::new(testkit::program("kubectl").unwrap())
        .args(["-n", world.ns.name()])
        .args(args)
        .env("KUBECONFIG", world.plane.kubeconfig())
        .env("KUBE_EDITOR", editor)
        .env("HOME", world.plane.dir())
        .output()
        .unwrap();
    assert!(done.status.success(), "kubectl {args:?}: {}", String::from_utf8_lossy(&done.stderr));
}

async fn judge(world: &World, row: &Row) {
    let before = world.get("Deployment", row.name).await.unwrap();
    kubectl(world, &(row.args)(world));
    match row.fate {
        Fate::Kept => {
            tokio::time::sleep(std::time::Duration::from_secs(3)).await;
            let after = world.get("Deployment", row.name).await.unwrap();
            assert!((row.shows)(&after), "{} was undone", row.command);
        }
        Fate::Back => {
            let uid = before["metadata"]["uid"].clone();
            world.until("Deployment", row.name, |o| o["metadata"]["uid"] != uid).await.unwrap();
        }
        Fate::Undone(manager) => {
            let generation = before["metadata"]["generation"].as_i64();
            let restored = |o: &Value| !(row.shows)(o) && o["metadata"]["generation"].as_i64() >= generation;
            world.until("Deployment", row.name, restored).await.unwrap();
            let claim = format!("an event on deployment/{} names {manager}", row.name);
            let told = || async {
                let events = world.events_of("Deployment", row.name).await?;
                Ok(events.iter().any(|event| event.contains(manager)))
            };
            eventually(&claim, told).await.unwrap();
        }
    }
}

/// The page has a row for each tested command, and no other.
fn compare_with_the_page() {
    let page = std::fs::read_to_string(testkit::workspace_root().join("docs/kubectl.md")).unwrap();
    let table = page.split("\n## ").next().unwrap();
    let named: BTreeSet<&str> =
        table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    assert_eq!(named, rows().iter().map(|row| row.command).collect());
}

#[tokio::test]
async fn every_command_of_the_page_has_the_fate_it_says() {
    compare_with_the_page();
    let world = World::start("kubectl").await.unwrap();
    let rows = rows();
    let objects = |image: &str| -> String {
        yaml_list(&rows.iter().map(|row| deployment(row.name, image, 1)).collect::<Vec<Value>>())
    };
    // Two revisions, so that there is something to roll back to.
    world.push(&[("app/app.yaml", &objects("web:1.0"))], "first").await.unwrap();
    world.apply_source().await.unwrap();
    world.apply_kustomization("app", "./app", json!({ "wait": true })).await.unwrap();
    world.applied("app", &world.repo.revision().unwrap()).await.unwrap();
    let second = world.push(&[("app/app.yaml", &objects("web:2.0"))], "second").await.unwrap();
    world.applied("app", &second).await.unwrap();
    for row in &rows {
        judge(&world, row).await;
    }
}
