//! `get`: objects and their status.
mod output;
mod row;

use std::{collections::HashMap, time::Duration};

use clap::Args;
use futures::{StreamExt, future::join_all};
use serde_json::Value;

pub(crate) use self::output::print_value;
use self::{
    output::{Output, print_objects},
    row::{View, headers, row},
};
use crate::{
    CommandError, ErrorKind,
    cluster::{Cluster, Select},
    kinds::{Family, KINDS, Kind, Verb},
    run::Context,
    say,
    table::Table,
    target::{Nouns, Target, What},
    value,
};

/// Between two watches.
pub(super) const AGAIN: Duration = Duration::from_secs(1);

/// Show objects and their status
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  # Everything in a namespace
  sluice get all --namespace=flux-system

  # What is not ready, in all namespaces
  sluice get all --all-namespaces --status-selector ready=false

  # Git repositories
  sluice get sources git

  # Kustomizations with their sources
  sluice get kustomizations --show-source

  # One object, as it is stored
  sluice get kustomization apps -o yaml")]
pub(crate) struct GetArgs {
    #[command(subcommand)]
    target: Target<Getting>,
    /// Of all namespaces
    #[arg(long, short = 'A', global = true)]
    all_namespaces: bool,
    /// Without headings
    #[arg(long, global = true)]
    no_header: bool,
    /// Only those with this condition, e.g. ready=false or ready!=true
    #[arg(long, global = true, value_name = "TYPE=STATUS")]
    status_selector: Option<String>,
    /// Only those with these labels
    #[arg(long, short = 'l', global = true, value_name = "SELECTOR")]
    label_selector: Option<String>,
    /// Go on with what changes
    #[arg(long, short = 'w', global = true)]
    pub(crate) watch: bool,
    /// Show the source of Kustomizations and HelmReleases
    #[arg(long, global = true)]
    show_source: bool,
    /// Another form of output
    #[arg(long, short = 'o', global = true, value_enum, value_name = "FORM")]
    output: Option<Output>,
}

#[derive(Clone, Debug)]
struct Getting;

impl Nouns for Getting {
    const VERB: Verb = Verb::Get;
    const PLURAL: bool = true;
    const ABOUT: &'static str = "Show";
}

/// Runs it.
pub(crate) async fn run(context: &Context, args: GetArgs) -> Result<(), CommandError> {
    let status = args.status_selector.as_deref().map(StatusSelector::parse).transpose()?;
    let cluster = context.cluster().await?;
    match args.target.what {
        What::All(_) if args.watch => {
            Err(CommandError::usage("expected a single resource type, but found all"))
        }
        What::All(family) => get_all(&cluster, &args, status.as_ref(), family).await,
        What::One(kind) if args.watch => watch(&cluster, &args, status.as_ref(), kind).await,
        What::One(kind) => get_one(&cluster, &args, status.as_ref(), kind).await,
    }
}

impl GetArgs {
    fn select(&self) -> Select {
        let name = self.target.names.first().map(|name| Select::name(name)).unwrap_or_default();
        Select { labels: self.label_selector.clone().unwrap_or_default(), ..name }
    }

    fn namespace<'a>(&self, cluster: &'a Cluster) -> Option<&'a str> {
        (!self.all_namespaces).then_some(cluster.namespace.as_str())
    }

    fn view(&self, with_kind: bool) -> View {
        View {
            namespace: self.all_namespaces,
            kind: with_kind,
            source: self.show_source,
            wide: self.output == Some(Output::Wide),
        }
    }
}

async fn get_one(
    cluster: &Cluster,
    args: &GetArgs,
    status: Option<&StatusSelector>,
    kind: &'static Kind,
) -> Result<(), CommandError> {
    let found = cluster.list(&kind.resource, args.namespace(cluster), &args.select()).await?;
    if found.is_empty() {
        return Err(nothing(cluster, args, kind));
    }
    let found: Vec<Value> = found.into_iter().filter(|one| fits(status, kind, one)).collect();
    if let Some(form) = args.output.filter(|form| form.is_of_objects()) {
        return print_objects(form, &found, !args.target.names.is_empty());
    }
    say::data(&table(kind, &found, args.view(false)).render(!args.no_header))
}

fn nothing(cluster: &Cluster, args: &GetArgs, kind: &Kind) -> CommandError {
    let place = if args.all_namespaces { "any".into() } else { format!("\"{}\"", cluster.namespace) };
    match args.target.names.first() {
        Some(name) => {
            CommandError::not_found(format!("{} object '{name}' not found in {place} namespace", kind.kind))
        }
        None => CommandError::not_found(format!("no {} objects found in {place} namespace", kind.kind)),
    }
}

async fn get_all(
    cluster: &Cluster,
    args: &GetArgs,
    status: Option<&StatusSelector>,
    family: Option<Family>,
) -> Result<(), CommandError> {
    // As in Flux, generators are shown when asked for, not with all.
    let wanted =
        |kind: &&Kind| kind.family != Some(Family::Artifact) && family.is_none_or(|f| kind.family == Some(f));
    let kinds: Vec<&Kind> = KINDS.iter().filter(wanted).collect();
    let select = args.select();
    let namespace = args.namespace(cluster);
    let lists = join_all(kinds.iter().map(|kind| cluster.list(&kind.resource, namespace, &select))).await;
    let (mut text, mut objects, mut failed) = (String::new(), Vec::new(), None);
    for (kind, found) in kinds.into_iter().zip(lists) {
        match found {
            Ok(found) => {
                let found: Vec<Value> = found.into_iter().filter(|one| fits(status, kind, one)).collect();
                let table = table(kind, &found, args.view(true));
                if !table.is_empty() {
                    text += &table.render(!args.no_header);
                    text.push('\n');
                }
                objects.extend(found);
            }
            // A kind that is not installed is not there to be shown.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    if let Some(form) = args.output.filter(|form| form.is_of_objects()) {
        print_objects(form, &objects, false)?;
    } else {
        say::data(&text)?;
    }
    failed.map_or(Ok(()), Err)
}

/// What is there, then what changes; a server that ends the watch is asked again, and what it repeats is not shown.
async fn watch(
    cluster: &Cluster,
    args: &GetArgs,
    status: Option<&StatusSelector>,
    kind: &'static Kind,
) -> Result<(), CommandError> {
    let mut headers = !args.no_header;
    let mut seen = HashMap::new();
    loop {
        let mut events =
            Box::pin(cluster.watch(&kind.resource, args.namespace(cluster), &args.select()).await?);
        while let Some(event) = events.next().await {
            let (there, object) = event?;
            if !is_news(&mut seen, there, &object) || !fits(status, kind, &object) {
                continue;
            }
            match args.output.filter(|form| form.is_of_objects()) {
                Some(form) => print_objects(form, &[object], true)?,
                None => {
                    say::data(&table(kind, &[object], args.view(false)).render(headers))?;
                    headers = false;
                }
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// False for the version of an object that was shown before.
pub(super) fn is_news(seen: &mut HashMap<String, String>, there: bool, object: &Value) -> bool {
    let uid = value::text(object, &["metadata", "uid"]).to_owned();
    if !there {
        seen.remove(&uid);
        return true;
    }
    let version = value::text(object, &["metadata", "resourceVersion"]).to_owned();
    seen.insert(uid, version.clone()) != Some(version)
}

fn table(kind: &'static Kind, objects: &[Value], view: View) -> Table {
    let mut table = Table::new(headers(kind, view));
    objects.iter().for_each(|object| table.push(row(kind, object, view)));
    table
}

fn fits(status: Option<&StatusSelector>, kind: &Kind, object: &Value) -> bool {
    status.is_none_or(|status| status.fits(kind, object))
}

/// `ready=false`, `ready!=true`
struct StatusSelector {
    kind: String,
    status: String,
    equal: bool,
}

impl StatusSelector {
    fn parse(text: &str) -> Result<Self, CommandError> {
        let (parts, equal) = match text.split_once("!=") {
            Some(parts) => (Some(parts), false),
            None => (text.split_once('='), true),
        };
        let Some((kind, status)) = parts else {
            return Err(CommandError::usage(format!(
                "expected status selector in type=status or type!=status format, but found: {text}"
            )));
        };
        Ok(Self { kind: kind.into(), status: status.into(), equal })
    }

    fn fits(&self, kind: &Kind, object: &Value) -> bool {
        let has = if kind.always_ready.is_some() {
            self.kind.eq_ignore_ascii_case("Ready") && self.status.eq_ignore_ascii_case("True")
        } else {
            let condition = value::condition(object, &self.kind);
            condition.is_some_and(|one| value::text(one, &["status"]).eq_ignore_ascii_case(&self.status))
        };
        has == self.equal
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use std::collections::HashMap;

    use super::{StatusSelector, is_news};
    use crate::kinds::Kind;

    #[test]
    fn a_version_is_shown_once() {
        let mut seen = HashMap::new();
        let object = |version: &str| json!({ "metadata": { "uid": "u", "resourceVersion": version } });
        assert!(is_news(&mut seen, true, &object("1")));
        assert!(!is_news(&mut seen, true, &object("1")));
        assert!(is_news(&mut seen, true, &object("2")));
        assert!(is_news(&mut seen, false, &object("3")) && seen.is_empty());
    }

    #[test]
    fn an_object_without_the_condition_is_not_equal_to_anything() {
        let kind = Kind::named("Kustomization").unwrap();
        let fits = |text: &str, object| StatusSelector::parse(text).unwrap().fits(kind, &object);
        let ready = json!({ "status": { "conditions": [{ "type": "Ready", "status": "True" }] } });
        assert!(fits("ready=true", ready.clone()) && !fits("ready!=true", ready));
        assert!(!fits("ready=false", json!({})) && fits("ready!=true", json!({})));
        assert!(StatusSelector::parse("ready").is_err());
    }
}
