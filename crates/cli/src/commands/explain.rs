//! `explain`: from a commit to an object to the pod that fails, and what to do next.
mod git;
mod pods;

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use self::{
    git::{Clone as LocalClone, CommitInfo, Tree, commit_of, fetched},
    pods::{failing, pods_of},
};
use crate::{
    CommandError,
    cluster::{Cluster, Select},
    commands::{
        events::{EVENTS, last_time},
        install::subject,
        reconcile::noun,
        trace::{Owner, applied, named, sources},
    },
    discovery::Discovery,
    documents::Document,
    kinds::Kind,
    run::Context,
    say,
    value::{condition, list, name, namespace, or, text},
};

/// Say what an object is, where it comes from, why it is not ready, and what to do next
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # A Kustomization
  sluice explain kustomization/apps

  # Something that it applied: with the commit, and the file and line in Git
  sluice explain deployment/web

  # Without a word to the Git server
  sluice explain deployment/web --no-git")]
pub(crate) struct ExplainArgs {
    /// KIND/NAME
    object: String,
    /// A clone of the source on this machine: tells the commit that changed the line last
    #[arg(long, value_name = "PATH", conflicts_with = "no_git")]
    repo: Option<PathBuf>,
    /// Read nothing of Git
    #[arg(long)]
    no_git: bool,
}

/// Runs it.
pub(crate) async fn run(context: &Context, args: ExplainArgs) -> Result<(), CommandError> {
    let cluster = context.cluster().await?;
    let discovery = Discovery::ask(&cluster).await?;
    let wanted = named(&discovery, std::slice::from_ref(&args.object))?;
    let Some((resource, wanted)) = wanted.first() else {
        return Err(CommandError::usage("an object is required"));
    };
    let object = cluster.need(resource, &cluster.namespace, wanted).await?;
    let explainer = Explainer { cluster: &cluster, discovery: &discovery, args: &args };
    say::shown(&explainer.told(&object).await?)
}

struct Explainer<'a> {
    cluster: &'a Cluster,
    discovery: &'a Discovery,
    args: &'a ExplainArgs,
}

/// Where the files of the applied commit are read.
enum Repository {
    Fetched(Tree),
    Cloned(LocalClone, String),
}

impl Repository {
    /// The document that defines an object, and who changed that line last, where that is known.
    fn document(&self, object: &Value) -> Result<Option<Document>, CommandError> {
        match self {
            Self::Fetched(tree) => Ok(tree.document(object)),
            Self::Cloned(clone, commit) => Ok(clone.tree(commit, name(object))?.document(object)),
        }
    }

    fn changed(&self, file: &str, line: u32) -> Option<CommitInfo> {
        match self {
            Self::Fetched(_) => None,
            Self::Cloned(clone, commit) => clone.blame(commit, file, line),
        }
    }
}

/// What was found, from the source down.
#[derive(Default)]
struct Story {
    lines: Vec<String>,
    next: Option<String>,
}

impl Story {
    fn line(&mut self, label: &str, value: &str) {
        if !value.is_empty() {
            self.lines.push(format!("{label:<12}{value}"));
        }
    }

    /// The first advice is that for the earliest step.
    fn advise(&mut self, advice: impl Into<String>) {
        self.next.get_or_insert(advice.into());
    }

    fn text(mut self) -> String {
        let next = self.next.take().unwrap_or_else(|| "nothing: all is as it should be".into());
        self.line("Next:", &next);
        self.lines.join("\n") + "\n"
    }
}

impl Explainer<'_> {
    async fn told(&self, object: &Value) -> Result<String, CommandError> {
        let mut story = Story::default();
        // A pod was applied by nobody; what owns it was.
        let applied = applied(self.cluster, self.discovery, object).await?;
        let applier = self.applier(object, applied.as_ref().map(|(_, owner)| owner)).await?;
        if let Some(applier) = &applier {
            for source in sources(self.cluster, applier).await? {
                source_told(&mut story, &source);
            }
            applier_told(&mut story, applier);
        }
        let is_applier = applier.as_ref().is_some_and(|applier| subject(applier) == subject(object));
        if !is_applier {
            story.line("Object:", &subject(object));
            if applier.is_none() {
                story.line("", "applied by nobody that is known here");
            }
            own_condition(&mut story, object);
        }
        let (defined, from) = self.origin_in_git(applied.map(|(object, _)| object), applier.as_ref()).await?;
        let repository = match &from {
            Some(from) => self.repository(&mut story, from).await?,
            None => None,
        };
        if let (Some(repository), Some(defined)) = (&repository, &defined) {
            defined_told(&mut story, repository, defined)?;
        }
        for culprit in self.culprits(object, applier.as_ref().filter(|_| is_applier)).await? {
            // Of a pod it is what owns it that stands in Git.
            let stands = defined.as_ref().filter(|_| !is_applier).unwrap_or(&culprit);
            self.pods_told(&mut story, &culprit, stands, repository.as_ref()).await?;
        }
        self.event_told(&mut story, object).await?;
        Ok(story.text())
    }

    /// The Kustomization or HelmRelease: the object itself, or who applied it.
    async fn applier(&self, object: &Value, owner: Option<&Owner>) -> Result<Option<Value>, CommandError> {
        if matches!(text(object, &["kind"]), "Kustomization" | "HelmRelease")
            && Kind::named(text(object, &["kind"])).is_some()
        {
            return Ok(Some(object.clone()));
        }
        match owner {
            Some(Owner { kind, namespace, name }) => self.cluster.find(&kind.resource, namespace, name).await,
            None => Ok(None),
        }
    }

    /// The object that stands in Git, and the Kustomization that took it from there. What a HelmRelease has made
    /// stands nowhere; the HelmRelease does.
    async fn origin_in_git(
        &self,
        applied_object: Option<Value>,
        applier: Option<&Value>,
    ) -> Result<(Option<Value>, Option<Value>), CommandError> {
        match applier {
            Some(release) if text(release, &["kind"]) == "HelmRelease" => {
                let Some((release, owner)) = applied(self.cluster, self.discovery, release).await? else {
                    return Ok((None, None));
                };
                let found = self.cluster.find(&owner.kind.resource, &owner.namespace, &owner.name).await?;
                Ok((Some(release), found))
            }
            other => Ok((applied_object, other.cloned())),
        }
    }

    /// The commit behind what is applied, told; and its files.
    async fn repository(
        &self,
        story: &mut Story,
        applier: &Value,
    ) -> Result<Option<Repository>, CommandError> {
        if self.args.no_git {
            return Ok(None);
        }
        let found = sources(self.cluster, applier).await?;
        let Some(source) = found.last() else { return Ok(None) };
        let revision = applied_revision(applier, source);
        if let Some(path) = &self.args.repo {
            let Some(commit) = commit_of(revision) else {
                story.line("Commit:", &format!("unknown: '{revision}' names none"));
                return Ok(None);
            };
            let clone = LocalClone::at(path);
            // No file holds this, so that only the commit is read.
            commit_told(story, "Commit:", &clone.tree(commit, "\n")?.commit);
            return Ok(Some(Repository::Cloned(clone, commit.to_owned())));
        }
        if text(source, &["kind"]) != "GitRepository" {
            return Ok(None);
        }
        match fetched(self.cluster, source).await {
            Ok(tree) => {
                commit_told(story, "Commit:", &tree.commit);
                Ok(Some(Repository::Fetched(tree)))
            }
            Err(cause) => {
                story.line("Commit:", &format!("not read: {cause}"));
                story.line("", "from a clone on this machine: --repo PATH");
                Ok(None)
            }
        }
    }

    /// The workloads whose pods are looked at: the object, or what a Kustomization has applied.
    async fn culprits(&self, object: &Value, applier: Option<&Value>) -> Result<Vec<Value>, CommandError> {
        let Some(applier) = applier else { return Ok(vec![object.clone()]) };
        let mut found = Vec::new();
        for entry in list(applier, &["status", "inventory", "entries"]) {
            let Ok(id) = manifest::ObjectId::parse(text(entry, &["id"])) else { continue };
            let is_workload = matches!(id.kind.as_str(), "Deployment" | "StatefulSet" | "DaemonSet" | "Job");
            let Some(resource) = self.discovery.kind(&id.group, &id.kind).filter(|_| is_workload) else {
                continue;
            };
            found.extend(self.cluster.find(resource, &id.namespace, &id.name).await?);
        }
        Ok(found)
    }

    async fn pods_told(
        &self,
        story: &mut Story,
        workload: &Value,
        stands: &Value,
        repository: Option<&Repository>,
    ) -> Result<(), CommandError> {
        for pod in pods_of(self.cluster, workload).await? {
            if let Some(cause) = failing(&pod) {
                story.line("Pod:", &format!("{}/{}", namespace(&pod), name(&pod)));
                story.line("", &cause.to_string());
                story.advise(advice(&cause.reason, &pod, stands));
                if let Some(repository) = repository {
                    image_told(story, repository, stands, &pod, cause.container.as_deref())?;
                }
            }
        }
        Ok(())
    }

    /// The last warning about the object.
    async fn event_told(&self, story: &mut Story, object: &Value) -> Result<(), CommandError> {
        let fields =
            format!("involvedObject.kind={},involvedObject.name={}", text(object, &["kind"]), name(object));
        let select = Select { fields, ..Select::default() };
        let found = self.cluster.list(&EVENTS, Some(namespace(object)), &select).await?;
        let warnings = found.iter().filter(|event| text(event, &["type"]) == "Warning");
        if let Some(last) = warnings.max_by_key(|event| last_time(event).to_owned()) {
            let told = format!("{}: {}", text(last, &["reason"]), text(last, &["message"]));
            story.line("Warning:", &format!("{told} ({})", last_time(last)));
        }
        Ok(())
    }
}

fn commit_told(story: &mut Story, label: &str, commit: &CommitInfo) {
    story.line(label, &format!("{} {}", commit.id, commit.subject));
    story.line("", &format!("by {} at {}", commit.author, commit.time));
}

/// File and line of an object, and who changed that line last.
fn defined_told(story: &mut Story, repository: &Repository, object: &Value) -> Result<(), CommandError> {
    let Some(document) = repository.document(object)? else { return Ok(()) };
    story.line("File:", &format!("{}:{}", document.file, document.line));
    if let Some(commit) = repository.changed(&document.file, document.line) {
        commit_told(story, "Changed by:", &commit);
    }
    Ok(())
}

/// The line that names the image of the container that does not run.
fn image_told(
    story: &mut Story,
    repository: &Repository,
    workload: &Value,
    pod: &Value,
    container: Option<&str>,
) -> Result<(), CommandError> {
    let containers = list(pod, &["spec", "containers"]).iter().chain(list(pod, &["spec", "initContainers"]));
    let mut failing = containers.filter(|one| container.is_none_or(|wanted| text(one, &["name"]) == wanted));
    let Some(image) = failing.next().map(|one| text(one, &["image"])) else { return Ok(()) };
    let Some(document) = repository.document(workload)? else { return Ok(()) };
    let Some(line) = document.line_of(image) else { return Ok(()) };
    story.line("Image:", &format!("{image} at {}:{line}", document.file));
    if let Some(commit) = repository.changed(&document.file, line) {
        commit_told(story, "Changed by:", &commit);
    }
    Ok(())
}

/// What was applied last, else what was tried; the origin of an artifact that was not fetched from Git.
fn applied_revision<'a>(applier: &'a Value, source: &'a Value) -> &'a str {
    let origin = text(source, &["status", "artifact", "metadata", "org.opencontainers.image.revision"]);
    let applied = text(applier, &["status", "lastAttemptedRevision"]);
    let revision = or(applied, text(source, &["status", "artifact", "revision"]));
    if commit_of(revision).is_some() { revision } else { or(origin, revision) }
}

fn source_told(story: &mut Story, source: &Value) {
    story.line("Source:", &subject(source));
    story.line("", text(source, &["spec", "url"]));
    story.line("Revision:", text(source, &["status", "artifact", "revision"]));
    for key in ["source", "revision"] {
        let origin =
            text(source, &["status", "artifact", "metadata", &format!("org.opencontainers.image.{key}")]);
        story.line("Origin:", origin);
    }
    own_condition(story, source);
}

fn applier_told(story: &mut Story, applier: &Value) {
    story.line("Applied by:", &subject(applier));
    let applied = text(applier, &["status", "lastAppliedRevision"]);
    let attempted = text(applier, &["status", "lastAttemptedRevision"]);
    story.line("Path:", text(applier, &["spec", "path"]));
    story.line("Revision:", crate::value::or(applied, attempted));
    if !applied.is_empty() && applied != attempted && !attempted.is_empty() {
        story.line("Attempted:", attempted);
    }
    own_condition(story, applier);
}

/// What Ready says, and what to do when it does not say yes.
fn own_condition(story: &mut Story, object: &Value) {
    let Some(kind) = Kind::named(text(object, &["kind"])) else { return };
    if kind.suspended(object) {
        story.line("State:", "suspended");
        story.advise(format!("sluice resume {} {} -n {}", noun(kind), name(object), namespace(object)));
        return;
    }
    let Some(ready) = condition(object, "Ready") else { return };
    let status = text(ready, &["status"]);
    story.line("Ready:", &format!("{status}: {}", text(ready, &["message"])));
    if status != "True" {
        story.lines.push(format!("{:<12}since {}", "", text(ready, &["lastTransitionTime"])));
    }
    match (status, text(ready, &["reason"])) {
        ("True", _) => {}
        (_, "AuthenticationFailed") => {
            story.advise("put working credentials into the Secret of spec.secretRef")
        }
        (_, "DependencyNotReady") => story.advise("explain the dependency that the message names"),
        // A pod may tell more than this.
        (_, "HealthCheckFailed" | "Progressing") => {}
        (_, "BuildFailed") => story.advise("correct the file that the message names, commit and push"),
        _ => story.advise(format!(
            "sluice events --for {}/{} -n {}",
            kind.kind,
            name(object),
            namespace(object)
        )),
    }
}

fn advice(reason: &str, pod: &Value, workload: &Value) -> String {
    let (place, pod, workload) = (namespace(pod), name(pod), subject(workload));
    match reason {
        "ImagePullBackOff" | "ErrImagePull" | "InvalidImageName" => {
            format!(
                "the image of {workload} cannot be pulled: correct its name or tag in Git, or the pull secret"
            )
        }
        "CrashLoopBackOff" | "Error" => format!("kubectl logs {pod} -n {place} --previous"),
        "OOMKilled" => format!("raise the memory limit of {workload} in Git"),
        "Unschedulable" => format!("no node takes {pod}: lower its requests or add nodes"),
        _ => format!("kubectl describe pod {pod} -n {place}"),
    }
}
