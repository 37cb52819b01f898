//! What the next apply of a build would do, object by object.
use manifest::{Object, ObjectId};
use serde_json::Value;
use ssa::{IgnoreRules, Marks, Owner};

use super::{differences::differences, spec::ignore_rules};
use crate::{
    CommandError, ErrorKind,
    cluster::{Cluster, Foretold},
    commands::install::subject,
    discovery::{Discovery, Found},
    resource::Resource,
    say, sops,
    value::{flag, list, name, namespace, text},
};

/// Prefix of the marks by which users steer an apply.
const GROUP: &str = "kustomize.toolkit.fluxcd.io";

/// A Kustomization and the cluster that it is compared with.
struct Diff<'a> {
    cluster: &'a Cluster,
    kustomization: &'a Value,
    discovery: Discovery,
    marks: Marks,
    ignore: IgnoreRules,
}

/// What becomes of one object.
enum Fate {
    /// Nothing.
    Same,
    /// Nothing, because somebody asked for it.
    Skipped,
    Created,
    /// Deleted and made anew, as a field cannot be changed.
    Recreated,
    Deleted,
    /// Changed: one text for each field.
    Drifted(Vec<String>),
}

impl Fate {
    fn is_change(&self) -> bool {
        !matches!(self, Self::Same | Self::Skipped)
    }

    fn told(&self, subject: &str) -> String {
        match self {
            Self::Same => String::new(),
            Self::Skipped => format!("► {subject} skipped\n"),
            Self::Created => format!("► {subject} created\n"),
            Self::Recreated => format!("► {subject} recreated\n"),
            Self::Deleted => format!("► {subject} deleted\n"),
            Self::Drifted(fields) => format!("► {subject} drifted\n\n{}\n", fields.join("\n")),
        }
    }
}

/// Tells what would become of each object; true when anything would.
///
/// # Errors
/// When the cluster does not answer, and, after all others are told, when objects could not be compared.
pub(super) async fn differ(
    cluster: &Cluster,
    kustomization: &Value,
    objects: Vec<Value>,
) -> Result<bool, CommandError> {
    let diff = Diff {
        cluster,
        kustomization,
        discovery: Discovery::ask(cluster).await?,
        marks: Marks::new(GROUP),
        ignore: ignore_rules(kustomization)?,
    };
    let objects: Vec<Object> = objects.into_iter().filter_map(|object| diff.placed(object)).collect();
    let mut failed = Vec::new();
    let mut found = false;
    for object in &objects {
        let subject = subject(object.value());
        match diff.applied(object).await {
            Ok(fate) => {
                found |= fate.is_change();
                say::data(&fate.told(&subject))?;
            }
            Err(error) if error.kind() == ErrorKind::Failed => {
                say::failure(&format!("{subject}: {error}"));
                failed.push(subject);
            }
            Err(error) => return Err(error.context(&subject)),
        }
    }
    for (id, version) in diff.left(&objects) {
        let fate = diff.pruned(&id, &version).await?;
        found |= fate.is_change();
        say::data(&fate.told(&id.subject()))?;
    }
    if failed.is_empty() {
        return Ok(found);
    }
    Err(CommandError::failed(format!("not compared: {}", failed.join(", "))))
}

impl Diff<'_> {
    /// As the controller sends it: objects of kinds without namespaces have none.
    fn placed(&self, mut object: Value) -> Option<Object> {
        if let Found::Served(resource) = self.discovery.of(&object)
            && !resource.namespaced
            && let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut)
        {
            metadata.remove("namespace");
        }
        Object::from_value(object).ok()
    }

    async fn applied(&self, object: &Object) -> Result<Fate, CommandError> {
        let wanted = object.value();
        if self.marks.excluded(wanted) {
            return Ok(Fate::Skipped);
        }
        let resource = match self.discovery.of(wanted) {
            Found::Served(resource) => resource,
            Found::Unknown => return Ok(Fate::Created),
            Found::Otherwise(versions) => {
                let version = text(wanted, &["apiVersion"]);
                return Err(CommandError::failed(format!(
                    "not served in version '{version}': '{}' is",
                    versions.join("', '")
                )));
            }
        };
        let live = self.cluster.find(resource, namespace(wanted), name(wanted)).await?;
        let Some(live) = live else { return Ok(Fate::Created) };
        if self.marks.excluded(&live) || self.marks.only_if_absent(wanted) {
            return Ok(Fate::Skipped);
        }
        self.compared(resource, object, &live).await
    }

    async fn compared(
        &self,
        resource: &Resource,
        object: &Object,
        live: &Value,
    ) -> Result<Fate, CommandError> {
        // What is encrypted is not known here: it counts as being what is there.
        let mut wanted = object.value().clone();
        sops::adopt(&mut wanted, live);
        let wanted = &wanted;
        let forced = flag(self.kustomization, &["spec", "force"])
            || self.marks.forced(wanted)
            || self.marks.forced(live);
        let would = match self.cluster.foretell(resource, wanted).await? {
            Foretold::Would(would) => would,
            Foretold::Refused(_) if forced => return Ok(Fate::Recreated),
            Foretold::Refused(error) => return Err(error),
        };
        let [live, would] = [live, &would].map(|one| self.ignore.strip(object, one));
        let fields = differences(&live, &would, text(wanted, &["kind"]) == "Secret");
        Ok(if fields.is_empty() { Fate::Same } else { Fate::Drifted(fields) })
    }

    /// What the Kustomization has applied and the files no longer hold, with the version it was applied in; nothing
    /// where it does not prune.
    fn left(&self, objects: &[Object]) -> Vec<(ObjectId, String)> {
        if !flag(self.kustomization, &["spec", "prune"]) {
            return Vec::new();
        }
        let built: Vec<ObjectId> = objects.iter().map(Object::id).collect();
        let entries = list(self.kustomization, &["status", "inventory", "entries"]).iter();
        let parsed = entries.filter_map(|entry| {
            Some((ObjectId::parse(text(entry, &["id"])).ok()?, text(entry, &["v"]).to_owned()))
        });
        parsed.filter(|(id, _)| !built.contains(id)).collect()
    }

    /// What becomes of an object that left the build.
    async fn pruned(&self, id: &ObjectId, version: &str) -> Result<Fate, CommandError> {
        let found = self.discovery.version(&id.group, version, &id.kind);
        let Some(resource) = found.or_else(|| self.discovery.kind(&id.group, &id.kind)) else {
            return Ok(Fate::Same);
        };
        let Some(live) = self.cluster.find(resource, &id.namespace, &id.name).await? else {
            return Ok(Fate::Same);
        };
        let owner = Owner {
            namespace: namespace(self.kustomization).to_owned(),
            name: name(self.kustomization).to_owned(),
        };
        let kept = self.marks.kept(&live) || !self.marks.owned_by(&live, &owner);
        Ok(if kept { Fate::Skipped } else { Fate::Deleted })
    }
}
