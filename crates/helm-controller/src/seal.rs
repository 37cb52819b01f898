//! What an action is going to do, as a digest. It stands in the status of the HelmRelease before the release is stored:
//! a Secret alone, which others may be allowed to write, makes the controller go on with nothing. Pure.

use helm_release::{Release, ReleaseHook};
use serde::Serialize;
use serde_json::Value;

use crate::digest::sha256_hex;
use crate::made;
use crate::plan::{Doing, Plan};

/// What stays the same from the first write of an action to its last.
#[derive(Serialize)]
struct Sealed<'a> {
    doing: Doing,
    owner: &'a str,
    generation: i64,
    original: i64,
    installs: bool,
    name: &'a str,
    namespace: &'a str,
    version: i64,
    apply_method: &'a str,
    chart: Value,
    values: String,
    manifest: &'a str,
    hooks: Vec<ReleaseHook>,
}

/// `ns/name.v1 sha256:…`: the release and what is done with it.
pub(crate) fn of(release: &Release, plan: &Plan) -> String {
    let mut hooks = made::fresh(&release.hooks);
    hooks.iter_mut().for_each(made::default_policy);
    let sealed = Sealed {
        doing: plan.doing,
        owner: &plan.owner,
        generation: plan.generation,
        original: plan.original,
        installs: plan.installs,
        name: &release.name,
        namespace: &release.namespace,
        version: release.version,
        apply_method: &release.apply_method,
        chart: release.chart_metadata().to_json(),
        values: helm_release::digest_values(&release.values()),
        manifest: &release.manifest,
        hooks,
    };
    // Texts and numbers alone: they have a JSON form.
    let json = serde_json::to_vec(&sealed).unwrap_or_default();
    format!("{}/{}.v{} sha256:{}", release.namespace, release.name, release.version, sha256_hex(&json))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Phase;
    use helm_release::{LastRun, Status};
    use serde_json::json;

    fn plan() -> Plan {
        Plan {
            doing: Doing::Upgrade,
            phase: Phase::Before,
            hook: 0,
            deadline: 1,
            owner: "uid".into(),
            holder: "pod".into(),
            generation: 3,
            original: 1,
            installs: false,
        }
    }

    fn release() -> Release {
        let hook = |name: &str| ReleaseHook {
            name: name.into(),
            manifest: format!("kind: {name}"),
            events: vec!["test".into()],
            ..ReleaseHook::default()
        };
        Release {
            name: "app".into(),
            namespace: "ns".into(),
            version: 2,
            chart: json!({"metadata": {"name": "c", "version": "1.0.0"}, "values": {"a": 1.0}}),
            config: json!({"port": 8080.0, "a": {"b": null}}).as_object().unwrap().clone(),
            manifest: "kind: ConfigMap\n".into(),
            hooks: vec![hook("a"), hook("b")],
            ..Release::default()
        }
    }

    #[test]
    fn a_seal_holds_from_the_first_write_of_an_action_to_its_last() {
        let first = of(&release(), &plan());
        assert!(first.starts_with("ns/app.v2 sha256:"), "{first}");
        let mut later = release();
        later.set_status(Status::Failed, "failed");
        later.hooks[0].last_run = LastRun { phase: "Running".into(), ..LastRun::default() };
        made::default_policy(&mut later.hooks[0]);
        let stored = helm_release::decode(&helm_release::encode(&later).unwrap(), &later.labels).unwrap();
        let moved = Plan { phase: Phase::Done, hook: 1, deadline: 9, holder: "next".into(), ..plan() };
        assert_eq!(of(&stored, &moved), first);
    }

    #[test]
    fn whatever_would_do_something_else_breaks_the_seal() {
        let changes: [fn(&mut Release, &mut Plan); 13] = [
            |release, _| release.manifest.push_str("---\nkind: ClusterRoleBinding\n"),
            |release, _| release.hooks[1].manifest = "kind: ClusterRoleBinding".into(),
            |release, _| release.hooks[1].events = vec!["pre-upgrade".into()],
            |release, _| drop(release.hooks.pop()),
            |release, _| release.version = 3,
            |release, _| release.namespace = "other".into(),
            |release, _| release.apply_method = "ssa".into(),
            |release, _| release.chart = json!({"metadata": {"name": "c", "version": "2.0.0"}}),
            |release, _| drop(release.config.insert("a".into(), json!(1))),
            |_, plan| plan.doing = Doing::Rollback,
            |_, plan| plan.owner = "other".into(),
            |_, plan| plan.generation = 4,
            |_, plan| plan.original = 0,
        ];
        for (at, change) in changes.into_iter().enumerate() {
            let (mut release, mut plan) = (release(), plan());
            let before = of(&release, &plan);
            change(&mut release, &mut plan);
            assert_ne!(of(&release, &plan), before, "change {at}");
        }
    }
}
