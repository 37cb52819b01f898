//! The first release.

use api::helm::v2::ReleaseAction;
use helm_release::{Info, Release, Status};
use manifest::Object;

use crate::act::{Act, ActError};
use crate::actions::report::{Ended, Report};
use crate::chart::Loaded;
use crate::plan::{Phase, Plan};
use crate::spec::Kind;
use crate::work::{Stop, Work};
use crate::{crds, made, perform, render, resources, resume, snapshot};

/// Installs, and tells of it.
///
/// # Errors
/// When the run must end at once.
pub(crate) async fn install(work: &Work<'_>, chart: &Loaded) -> Result<Ended, Stop> {
    let report = begin(work, chart);
    let mut act = match prepare(work, chart).await {
        Ok(act) => act,
        Err(error) => return report.nothing(error),
    };
    let result = go_on(&mut act).await;
    report.finish(act.written, result)
}

/// Goes on with an installation that a former process began.
///
/// # Errors
/// When the run must end at once.
pub(crate) async fn go_on_with(
    work: &Work<'_>,
    release: Release,
    plan: Plan,
    chart: &Loaded,
) -> Result<Ended, Stop> {
    let report = begin(work, chart);
    let mut act = Act::resume(work, Kind::Install, release, plan);
    let result = go_on(&mut act).await;
    report.finish(act.written, result)
}

/// Nothing of the earlier history holds for a fresh release.
fn begin<'a>(work: &'a Work<'a>, chart: &'a Loaded) -> Report<'a> {
    work.ledger.change(|status| status.history.clear());
    Report::begin(work, chart, ReleaseAction::Install)
}

async fn prepare<'a>(work: &'a Work<'a>, chart: &Loaded) -> Result<Act<'a>, ActError> {
    let spec = work.spec();
    let server_side = spec.install_server_side();
    crds::apply(work, chart, Kind::Install, server_side).await?;
    let version = free_version(work).await?;
    let options = helm_template::ReleaseOptions {
        name: spec.name(),
        namespace: spec.namespace().to_owned(),
        revision: 1,
        is_install: true,
        is_upgrade: false,
    };
    let skip_schema = spec.install().disable_schema_validation;
    let rendered = render::render(work, &chart.resolved, &chart.values, &options, skip_schema)
        .await
        .map_err(|error| ActError::Helm(error.0))?;
    let now = made::now_text();
    let info = Info {
        first_deployed: Some(now.clone()),
        last_deployed: Some(now),
        status: Some(Status::PendingInstall),
        description: "Initial install underway".into(),
        notes: rendered.notes,
        ..Info::default()
    };
    let release = Release {
        name: spec.name(),
        namespace: spec.namespace().to_owned(),
        version,
        info,
        chart: chart.resolved.to_release_json(),
        config: chart.values.as_map().clone(),
        manifest: rendered.manifest,
        hooks: rendered.hooks,
        apply_method: made::apply_method(server_side),
        ..Release::default()
    };
    let mut act = Act::new(work, Kind::Install, release, 0);
    let objects = act.target().await.map_err(|error| {
        ActError::Helm(format!("unable to build kubernetes objects from release manifest: {error}"))
    })?;
    adoptable(&act, &objects, !spec.install().disable_take_ownership)
        .await
        .map_err(|error| ActError::Helm(format!("unable to continue with install: {error}")))?;
    namespace(&act).await?;
    if !(act.hooks && made::has_hook(&act.release, "pre-install")) {
        act.plan.phase = Phase::Apply;
    }
    act.store(0).await?;
    inventory(work, &objects, chart);
    Ok(act)
}

/// What Helm takes for the name of a release.
const RELEASE_NAME: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";

/// The longest name of a release, in bytes.
const MAX_NAME: usize = 53;

/// Whether [`RELEASE_NAME`] matches: words of lower case letters, digits and inner dashes between dots.
fn is_release_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_word = |word: &str| {
        let bytes = word.as_bytes();
        bytes.first().is_some_and(|byte| is_plain(*byte))
            && bytes.last().is_some_and(|byte| is_plain(*byte))
            && bytes.iter().all(|byte| is_plain(*byte) || *byte == b'-')
    };
    name.len() <= MAX_NAME && name.split('.').all(is_word)
}

/// The version of the new release; a name in use, or one that is none, is refused.
async fn free_version(work: &Work<'_>) -> Result<i64, ActError> {
    let name = work.spec().name();
    if !is_release_name(&name) {
        let text = format!(
            "release name check failed: release name \"{name}\": invalid release name, must match regex \
             {RELEASE_NAME} and the length must not be longer than {MAX_NAME}"
        );
        return Err(ActError::Helm(text));
    }
    let rows = work.storage().rows().await?;
    let Some(last) = rows.first() else { return Ok(1) };
    let replaceable = matches!(last.status.as_str(), "uninstalled" | "failed");
    if !(work.spec().install().replace && replaceable) {
        let text = "release name check failed: cannot reuse a name that is still in use";
        return Err(ActError::Helm(text.into()));
    }
    if last.status != "failed"
        && let Some(mut stored) = work.storage().get(last.version).await?
    {
        stored.release.set_status(Status::Superseded, "superseded by new release");
        work.storage().update(&stored.release, None).await?;
    }
    Ok(last.version + 1)
}

/// Objects that exist must be the release's already, unless it may take them over. Whoever may not read them fails
/// before anything is stored, as with Helm; the controller itself is not asked.
pub(crate) async fn adoptable(act: &Act<'_>, objects: &[Object], takes_over: bool) -> Result<(), String> {
    let release = &act.release;
    if takes_over && !act.work.is_impersonated() {
        return Ok(());
    }
    for object in objects {
        let live = act.work.session.get(&object.gvk(), object.namespace(), object.name()).await;
        let live = live.map_err(|error| {
            format!("could not get information about the resource {}: {error}", resources::named(object))
        })?;
        let live = live.filter(|_| !takes_over);
        let foreign = live.and_then(|live| resources::foreign(&live, &release.name, &release.namespace));
        if let Some(why) = foreign {
            let named = resources::named(object);
            return Err(format!("{named} exists and cannot be imported into the current release: {why}"));
        }
    }
    Ok(())
}

/// Creates the target namespace where that is asked for.
async fn namespace(act: &Act<'_>) -> Result<(), ActError> {
    let work = act.work;
    let target = work.run.object.spec.target_namespace.as_deref().filter(|text| !text.is_empty());
    let Some(name) = target.filter(|_| work.spec().install().create_namespace) else { return Ok(()) };
    let namespace = crate::storage::object(serde_json::json!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"name": name}}, "spec": {}
    }));
    let live = work.session.get(&namespace.gvk(), None, name).await;
    if matches!(live, Ok(Some(_))) {
        return Ok(());
    }
    let write = ssa::Write { manager: crate::storage::MANAGER, force: false, dry_run: false, strict: true };
    work.session.apply_one(&namespace, &write).await.map(drop).map_err(|error| {
        ActError::Helm(format!(
            "server-side apply failed for object {}: {error}",
            resources::typed(&namespace)
        ))
    })
}

/// What the release consists of, as the status shows it.
pub(crate) fn inventory(work: &Work<'_>, objects: &[Object], chart: &Loaded) {
    let crds = crds::objects(chart).unwrap_or_default();
    let inventory = snapshot::inventory(objects.iter().chain(&crds));
    work.ledger.change(|status| status.inventory = Some(inventory));
}

async fn go_on(act: &mut Act<'_>) -> Result<(), ActError> {
    if let Some(ended) = resume::ended(act) {
        resume::tell(act);
        return ended.map_err(ActError::Helm);
    }
    let mut created = Vec::new();
    let done = perform::perform(act, None, &mut created).await;
    match done {
        Ok(()) => perform::deployed(act, "Install complete").await,
        Err(error) => {
            perform::failed(act, &error, &created).await;
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_release_name;

    #[test]
    fn a_release_name_is_what_helm_takes_for_one() {
        for name in ["a", "a.b", "a-b.c1", &"a".repeat(53)] {
            assert!(is_release_name(name), "{name}");
        }
        for name in ["", "Bad", "a_b", "-a", "a-", "a..b", ".a", &"a".repeat(54)] {
            assert!(!is_release_name(name), "{name}");
        }
    }
}
