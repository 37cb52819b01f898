use serde_json::{Value, json};

use crate::rig::{Rig, config_map};

/// What one took over and dropped again while the other, which still lists it, cannot be built, is not deleted; it counts
/// for no guard, and costs commits that change nothing here no look.
#[tokio::test]
async fn what_another_claims_for_good_costs_nothing() {
    let rig = Rig::with_args("claims", &["--prune-guard=10"]).await.unwrap();
    let kept: Vec<(String, String)> =
        (0..4).map(|n| (format!("a/{n}.yaml"), config_map(&format!("kept-{n}"), "1"))).collect();
    let (moves, own) = (config_map("moves", "1"), config_map("own", "1"));
    let publish = async |number: u32, more: &[(&str, &str)]| {
        let kept = kept.iter().map(|(path, text)| (path.as_str(), text.as_str()));
        rig.publish(number, &kept.chain(more.iter().copied()).collect::<Vec<_>>()).await.unwrap()
    };
    let first = publish(1, &[("b/moves.yaml", &moves), ("b/own.yaml", &own)]).await;
    for name in ["a", "b"] {
        rig.apply(name, json!({ "retryInterval": "10m" })).await.unwrap();
        rig.applied(name, &first).await.unwrap();
    }
    let broken = ("b/own.yaml", "kind: [");
    let second = publish(2, &[("a/moves.yaml", &moves), broken]).await;
    rig.applied("a", &second).await.unwrap();
    let third = publish(3, &[broken]).await;
    let object = rig.applied("a", &third).await.unwrap();
    assert!(lists(&object), "b claims it: {object:#}");
    rig.when("b", |object| object["status"]["lastAttemptedRevision"] == third.as_str()).await.unwrap();

    let before = rig.requests().unwrap().len();
    let fourth = publish(4, &[broken, ("README", "more")]).await;
    let object = rig.applied("a", &fourth).await.unwrap();
    let asked = rig.requests().unwrap().split_off(before);
    let asked: Vec<_> = asked.iter().filter(|request| request.contains("/configmaps/")).collect();
    assert!(asked.is_empty() && lists(&object), "{asked:#?}");
    rig.get("ConfigMap", "moves").await.unwrap();
}

fn lists(object: &Value) -> bool {
    object["status"]["inventory"]["entries"].to_string().contains("_moves_")
}
