use futures::{Stream, StreamExt};
use http::Request;
use kube::{Client, core::WatchEvent};
use serde_json::{Value, json};

use crate::{
    CommandError, ErrorKind,
    resource::{Resource, escaped},
    value::text,
};

/// Objects asked for with one request of a list.
const PAGE: usize = 500;
/// Pages of one list.
const PAGES: usize = 2_000;
/// The name under which this command owns fields.
pub(crate) const FIELD_MANAGER: &str = "flux";
/// The name under which kustomize-controller does.
const APPLIER: &str = "kustomize-controller";

/// One cluster, and the namespace that was asked for.
pub(crate) struct Cluster {
    client: Client,
    /// The namespace that was asked for.
    pub(crate) namespace: String,
}

/// Which objects of a list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Select {
    /// A label selector; all when empty.
    pub(crate) labels: String,
    /// A field selector; all when empty.
    pub(crate) fields: String,
}

impl Select {
    /// The one of this name.
    pub(crate) fn name(name: &str) -> Self {
        Self { fields: format!("metadata.name={name}"), ..Self::default() }
    }

    /// Those with these labels.
    pub(crate) fn labels(labels: impl Into<String>) -> Self {
        Self { labels: labels.into(), ..Self::default() }
    }

    fn query(&self) -> String {
        let part = |key, text: &str| {
            if text.is_empty() { String::new() } else { format!("&{key}={}", escaped(text)) }
        };
        format!("{}{}", part("labelSelector", &self.labels), part("fieldSelector", &self.fields))
    }
}

/// How an object is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dry {
    /// Really.
    Run,
    /// Only asked what would become of it.
    Only,
}

/// What the API server says of an apply that is not made.
pub(crate) enum Foretold {
    /// What the object would be.
    Would(Value),
    /// It would be refused, as fields cannot be changed: an object that is made anew would not.
    Refused(CommandError),
}

impl Cluster {
    /// Of a client.
    pub(crate) fn new(client: Client, namespace: String) -> Self {
        Self { client, namespace }
    }

    /// The client, for what needs kube's.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The answer to a plain GET.
    pub(crate) async fn read(&self, path: &str) -> Result<Value, CommandError> {
        Ok(self.client.request(get(path)?).await?)
    }

    /// The object, when there is one.
    pub(crate) async fn find(
        &self,
        of: &Resource,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Value>, CommandError> {
        match self.need(of, namespace, name).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            other => other.map(Some),
        }
    }

    /// The object; its absence is an error.
    pub(crate) async fn need(
        &self,
        of: &Resource,
        namespace: &str,
        name: &str,
    ) -> Result<Value, CommandError> {
        if name.is_empty() {
            return Err(CommandError::usage(format!("{} name is required", of.kind)));
        }
        let answer = self.read(&of.object(namespace, name)).await;
        answer.map_err(|error| not_served(error, of))
    }

    /// All objects of a namespace, or of all; page by page.
    pub(crate) async fn list(
        &self,
        of: &Resource,
        namespace: Option<&str>,
        select: &Select,
    ) -> Result<Vec<Value>, CommandError> {
        let path = format!("{}?limit={PAGE}{}", of.path(namespace), select.query());
        let mut found = Vec::new();
        let mut next = String::new();
        for _ in 0..PAGES {
            let page = self.read(&format!("{path}{next}")).await;
            let mut page = page.map_err(|error| not_served(error, of))?;
            if let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) {
                found.extend(items.into_iter().map(|item| with_type(item, of)));
            }
            match text(&page, &["metadata", "continue"]) {
                "" => return Ok(found),
                token => next = format!("&continue={}", escaped(token)),
            }
        }
        Err(CommandError::failed(format!("more than {} {} in one list", PAGE * PAGES, of.full_name())))
    }

    /// Creates an object.
    pub(crate) async fn create(&self, of: &Resource, object: &Value) -> Result<Value, CommandError> {
        let namespace = text(object, &["metadata", "namespace"]);
        let path = format!("{}?fieldManager={FIELD_MANAGER}", of.path(Some(namespace)));
        self.write("POST", &path, "application/json", object).await.map_err(|error| not_served(error, of))
    }

    /// Puts an object in the place of what is there.
    pub(crate) async fn replace(&self, of: &Resource, object: &Value) -> Result<Value, CommandError> {
        let [namespace, name] = ["namespace", "name"].map(|key| text(object, &["metadata", key]));
        let path = format!("{}?fieldManager={FIELD_MANAGER}", of.object(namespace, name));
        self.write("PUT", &path, "application/json", object).await
    }

    /// Changes some fields of an object.
    pub(crate) async fn merge(
        &self,
        of: &Resource,
        (namespace, name): (&str, &str),
        patch: &Value,
    ) -> Result<Value, CommandError> {
        let path = format!("{}?fieldManager={FIELD_MANAGER}", of.object(namespace, name));
        self.write("PATCH", &path, "application/merge-patch+json", patch).await
    }

    /// Server-side apply, taking fields over.
    pub(crate) async fn apply(&self, of: &Resource, object: &Value) -> Result<Value, CommandError> {
        let [namespace, name] = ["namespace", "name"].map(|key| text(object, &["metadata", key]));
        let path = format!("{}?fieldManager={FIELD_MANAGER}&force=true", of.object(namespace, name));
        self.write("PATCH", &path, "application/apply-patch+yaml", object).await
    }

    /// What an object would be after kustomize-controller applied it. Asked in its name: a field that it owns and no
    /// longer sends goes with its apply, and would stay with that of anybody else.
    pub(crate) async fn foretell(&self, of: &Resource, object: &Value) -> Result<Foretold, CommandError> {
        let [namespace, name] = ["namespace", "name"].map(|key| text(object, &["metadata", key]));
        let path = format!("{}?fieldManager={APPLIER}&force=true&dryRun=All", of.object(namespace, name));
        match self.ask("PATCH", &path, "application/apply-patch+yaml", object).await {
            Ok(would) => Ok(Foretold::Would(would)),
            Err(kube::Error::Api(status)) if ssa::asks_for_recreation(status.code, &status.message) => {
                Ok(Foretold::Refused(kube::Error::Api(status).into()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Asks for the deletion of an object; its absence is no error.
    pub(crate) async fn delete(
        &self,
        of: &Resource,
        namespace: &str,
        name: &str,
        dry: Dry,
    ) -> Result<(), CommandError> {
        let mut options = json!({ "propagationPolicy": "Background" });
        if dry == Dry::Only {
            options["dryRun"] = json!(["All"]);
        }
        match self.write("DELETE", &of.object(namespace, name), "application/json", &options).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other.map(drop),
        }
    }

    /// Deletes an object without waiting for what runs in it; its absence is no error.
    pub(crate) async fn delete_now(
        &self,
        of: &Resource,
        namespace: &str,
        name: &str,
    ) -> Result<(), CommandError> {
        let options = json!({ "gracePeriodSeconds": 0 });
        match self.write("DELETE", &of.object(namespace, name), "application/json", &options).await {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other.map(drop),
        }
    }

    /// What becomes of the objects of a list from now on: (`ADDED`, object) and so on. Ends when the server ends it.
    pub(crate) async fn watch(
        &self,
        of: &Resource,
        namespace: Option<&str>,
        select: &Select,
    ) -> Result<impl Stream<Item = Result<(bool, Value), CommandError>> + use<>, CommandError> {
        let path = format!("{}?watch=1{}", of.path(namespace), select.query());
        let events = self.client.request_events::<Value>(get(&path)?).await?;
        Ok(events.filter_map(async |event| match event {
            Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) => Some(Ok((true, object))),
            Ok(WatchEvent::Deleted(object)) => Some(Ok((false, object))),
            Ok(WatchEvent::Bookmark(_)) => None,
            Ok(WatchEvent::Error(status)) => Some(Err(kube::Error::Api(status).into())),
            Err(error) => Some(Err(CommandError::from(error))),
        }))
    }

    async fn write(&self, verb: &str, path: &str, form: &str, body: &Value) -> Result<Value, CommandError> {
        Ok(self.ask(verb, path, form, body).await?)
    }

    async fn ask(&self, verb: &str, path: &str, form: &str, body: &Value) -> Result<Value, kube::Error> {
        let request = Request::builder().method(verb).uri(path).header("Content-Type", form);
        let body = serde_json::to_vec(body).map_err(kube::Error::SerdeError)?;
        self.client.request(request.body(body).map_err(kube::Error::HttpError)?).await
    }
}

/// A GET without a body.
pub(crate) fn get(path: &str) -> Result<Request<Vec<u8>>, CommandError> {
    Ok(Request::get(path).body(Vec::new()).map_err(kube::Error::HttpError)?)
}

/// Items of a list do not say their type.
fn with_type(mut item: Value, of: &Resource) -> Value {
    item["apiVersion"] = of.api_version().into();
    item["kind"] = of.kind.as_ref().into();
    item
}

/// A 404 without an object is a kind that is not served.
fn not_served(error: CommandError, of: &Resource) -> CommandError {
    if error.kind() != ErrorKind::NotFound || error.to_string().contains(" not found") {
        return error;
    }
    CommandError::new(
        ErrorKind::NotFound,
        format!("no matches for kind \"{}\" in version \"{}\"", of.kind, of.api_version()),
    )
    .hint("its CustomResourceDefinition is not installed; sluice check tells what is")
}
