//! Helm's own storage: one Secret per release version, read and written as the HelmRelease's identity.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use helm_release::{DecodeError, EncodeError, Release};
use manifest::{Gvk, Object};
use serde_json::{Map, Value, json};
use ssa::{ApiError, GetError, PatchFormat, Session, Write};

use crate::plan::{ANNOTATION, Plan};

/// Field manager of everything a release writes, as Flux's.
pub(crate) const MANAGER: &str = "helm-controller";

/// Why a release cannot be read or written, in Helm's words; the API server's own name the Secret, none its content.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StorageError {
    /// The versions cannot be listed.
    #[error("query: failed to query with labels: {0}")]
    Query(Box<GetError>),
    /// One version cannot be read.
    #[error("get: failed to get \"{name}\": {cause}")]
    Get {
        /// Name of the Secret.
        name: String,
        /// Why.
        cause: Box<GetError>,
    },
    /// A version cannot be stored.
    #[error("create: failed to create: {0}")]
    Create(Box<GetError>),
    /// A version cannot be overwritten.
    #[error("update: failed to update: {0}")]
    Update(Box<GetError>),
    /// A version cannot be deleted.
    #[error("{0}")]
    Delete(Box<GetError>),
    /// The Secret holds no release.
    #[error("get: failed to decode data \"{name}\": {cause}")]
    Decode {
        /// Name of the Secret.
        name: String,
        /// Why.
        cause: DecodeError,
    },
    /// The release cannot be written down.
    #[error("create: failed to encode release \"{name}\": {cause}")]
    Encode {
        /// Name of the Secret.
        name: String,
        /// Why.
        cause: EncodeError,
    },
    /// The release version is there already: somebody else acts on the release too.
    #[error("release: already exists")]
    Exists,
}

impl StorageError {
    /// Whether the release is certainly not stored.
    pub(crate) fn is_refusal(&self) -> bool {
        match self {
            Self::Create(cause) => match &**cause {
                GetError::Api(error) => error.failure().is_some_and(|failure| failure.code < 500),
                _ => true,
            },
            _ => true,
        }
    }

    /// Whether a read would end in the same way once more: the identity has no right to it, or it is no release.
    pub(crate) fn stays(&self) -> bool {
        match self {
            Self::Query(cause) | Self::Get { cause, .. } => {
                matches!(&**cause, GetError::Api(error) if error.is_forbidden())
            }
            Self::Decode { .. } => true,
            _ => false,
        }
    }
}

/// A release as it is stored.
#[derive(Clone)]
pub(crate) struct Stored {
    /// The release.
    pub release: Release,
    /// What is being done with it, by us.
    pub plan: Option<Plan>,
}

/// One release version, by its labels alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Version.
    pub version: i64,
    /// Status, in Helm's words.
    pub status: String,
}

/// The storage of one release.
#[derive(Clone)]
pub(crate) struct Storage {
    session: Session,
    namespace: String,
    name: String,
}

fn secrets() -> Gvk {
    Gvk::new("v1", "Secret")
}

impl Storage {
    /// Of a release name in a namespace.
    pub(crate) fn new(session: &Session, namespace: &str, name: &str) -> Self {
        Self { session: session.clone(), namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// All versions, newest first.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub(crate) async fn rows(&self) -> Result<Vec<Row>, StorageError> {
        let selector = format!("name={},owner=helm", self.name);
        let found = self.session.list_metadata(&secrets(), &self.namespace, &selector).await;
        let found = found.map_err(|cause| StorageError::Query(Box::new(cause)))?;
        let mut rows: Vec<Row> = found.iter().filter_map(row).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.version));
        Ok(rows)
    }

    /// One version.
    ///
    /// # Errors
    /// When it cannot be read; an absent one is `None`.
    pub(crate) async fn get(&self, version: i64) -> Result<Option<Stored>, StorageError> {
        let name = helm_release::secret_name(&self.name, version);
        let found = self.session.get(&secrets(), Some(&self.namespace), &name).await;
        let Some(secret) = found.map_err(|cause| unread(&name, cause))? else { return Ok(None) };
        let text = secret.value().pointer("/data/release").and_then(Value::as_str).unwrap_or_default();
        let bytes = STANDARD.decode(text).unwrap_or_default();
        let labels = labels(&secret);
        let release =
            helm_release::decode(&bytes, &labels).map_err(|cause| StorageError::Decode { name, cause })?;
        let plan = secret.annotation(ANNOTATION).and_then(Plan::parse);
        Ok(Some(Stored { release, plan }))
    }

    /// The newest version.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) async fn last(&self) -> Result<Option<Stored>, StorageError> {
        match self.rows().await?.first() {
            Some(row) => self.get(row.version).await,
            None => Ok(None),
        }
    }

    /// Stores a new version, after making room for it. The version that the plan goes on from stays until the next one
    /// is stored, beyond `max_history` too: whoever resumes the action must know which objects it has to delete.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) async fn create(
        &self,
        release: &Release,
        plan: Option<&Plan>,
        max_history: i64,
    ) -> Result<(), StorageError> {
        if max_history > 0 {
            let original = plan.map(|plan| plan.original);
            for version in surplus(&self.rows().await?, max_history - 1, original) {
                self.delete(version).await?;
            }
        }
        let secret = self.secret(release, plan, "createdAt")?;
        match self.session.create_one(&secret, &write()).await {
            Ok(_) => Ok(()),
            Err(GetError::Api(error)) if is_conflict(&error) => Err(StorageError::Exists),
            Err(cause) => Err(StorageError::Create(Box::new(cause))),
        }
    }

    /// Overwrites a version.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) async fn update(&self, release: &Release, plan: Option<&Plan>) -> Result<(), StorageError> {
        let secret = self.secret(release, plan, "modifiedAt")?;
        let done = self.session.replace_one(&secret, &write()).await;
        done.map(drop).map_err(|cause| StorageError::Update(Box::new(cause)))
    }

    /// Writes the plan alone.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) async fn mark(&self, version: i64, plan: &Plan) -> Result<(), StorageError> {
        let name = helm_release::secret_name(&self.name, version);
        let patch = json!({"metadata": {"annotations": {ANNOTATION: plan.text()}}});
        let secret = self.named(&name);
        let done = self.session.patch_one(&secret, PatchFormat::Merge, &patch, &write()).await;
        done.map(drop).map_err(|cause| StorageError::Update(Box::new(cause)))
    }

    /// Deletes a version; one that is gone is no error.
    ///
    /// # Errors
    /// When it cannot be deleted.
    pub(crate) async fn delete(&self, version: i64) -> Result<(), StorageError> {
        let name = helm_release::secret_name(&self.name, version);
        let done = self.session.delete_one(&self.named(&name), "Background", None).await;
        done.map(drop).map_err(|cause| StorageError::Delete(Box::new(cause)))
    }

    fn named(&self, name: &str) -> Object {
        object(
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": self.namespace}}),
        )
    }

    fn secret(&self, release: &Release, plan: Option<&Plan>, stamp: &str) -> Result<Object, StorageError> {
        let name = helm_release::secret_name(&release.name, release.version);
        let data = helm_release::encode(release)
            .map_err(|cause| StorageError::Encode { name: name.clone(), cause })?;
        let mut labels: Map<String, Value> = helm_release::secret_labels(release)
            .into_iter()
            .map(|(key, value)| (key, value.into()))
            .collect();
        let now = k8s_openapi::jiff::Timestamp::now().as_second();
        labels.insert(stamp.to_owned(), now.to_string().into());
        let mut secret = self.named(&name);
        secret.metadata_mut().insert("labels".into(), labels.into());
        if let Some(plan) = plan {
            secret.set_annotation(ANNOTATION, &plan.text());
        }
        let map = secret.value_mut();
        map["type"] = helm_release::SECRET_TYPE.into();
        map["data"] = json!({"release": STANDARD.encode(data)});
        Ok(secret)
    }
}

/// The oldest versions go until so many are left; the last deployed one stays, and `original`. Rows are newest first.
fn surplus(rows: &[Row], keep: i64, original: Option<i64>) -> Vec<i64> {
    let excess = rows.len().saturating_sub(usize::try_from(keep).unwrap_or(0));
    let deployed = rows.iter().find(|row| row.status == "deployed").map(|row| row.version);
    let versions = rows.iter().rev().map(|row| row.version);
    let may_go = versions.filter(|version| ![deployed, original].contains(&Some(*version)));
    may_go.take(excess).collect()
}

fn unread(name: &str, cause: GetError) -> StorageError {
    StorageError::Get { name: name.to_owned(), cause: Box::new(cause) }
}

fn write() -> Write<'static> {
    Write { manager: MANAGER, force: false, dry_run: false, strict: false }
}

fn labels(secret: &Object) -> BTreeMap<String, String> {
    let labels = secret.value().pointer("/metadata/labels").and_then(Value::as_object);
    let text = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
    labels.into_iter().flatten().filter_map(text).collect()
}

fn is_conflict(error: &ApiError) -> bool {
    error.is_conflict()
}

fn row(secret: &Value) -> Option<Row> {
    let labels = secret.get("metadata")?.get("labels")?;
    Some(Row {
        version: labels.get("version")?.as_str()?.parse().ok()?,
        status: labels.get("status").and_then(Value::as_str).unwrap_or_default().to_owned(),
    })
}

/// An object of a literal that is one.
pub(crate) fn object(value: Value) -> Object {
    match Object::from_value(value) {
        Ok(object) => object,
        Err(error) => unreachable!("a literal object: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_in_helms_words() {
        let cause = || Box::new(GetError::NoMatch(secrets()));
        let why = "no matches for kind \"Secret\" in version \"v1\"";
        let told = [
            (StorageError::Query(cause()), "query: failed to query with labels: "),
            (unread("s.v1", *cause()), "get: failed to get \"s.v1\": "),
            (StorageError::Create(cause()), "create: failed to create: "),
            (StorageError::Update(cause()), "update: failed to update: "),
            (StorageError::Delete(cause()), ""),
        ];
        for (error, words) in told {
            assert_eq!(error.to_string(), format!("{words}{why}"));
        }
    }

    #[test]
    fn room_is_made_of_the_oldest_but_for_what_is_deployed_and_what_is_gone_on_from() {
        let row = |(version, status): (i64, &str)| Row { version, status: status.into() };
        let rows = [(4, "failed"), (3, "failed"), (2, "deployed"), (1, "superseded")].map(row);
        assert_eq!(surplus(&rows, 4, None), Vec::<i64>::new());
        assert_eq!(surplus(&rows, 2, Some(4)), [1, 3]);
        assert_eq!(surplus(&rows, 0, None), [1, 3, 4]);
        assert_eq!(surplus(&rows, 0, Some(4)), [1, 3], "a rollback with maxHistory 1 is resumed from 4");
    }

    #[test]
    fn rows_are_read_from_labels_and_foreign_secrets_are_left_out() {
        let secret = |labels: Value| json!({"metadata": {"labels": labels}});
        assert_eq!(
            row(&secret(json!({"version": "3", "status": "failed"}))),
            Some(Row { version: 3, status: "failed".into() })
        );
        for labels in [json!({}), json!({"version": "x"}), json!(null)] {
            assert_eq!(row(&secret(labels)), None);
        }
    }
}
