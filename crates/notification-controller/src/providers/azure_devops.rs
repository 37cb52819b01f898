//! Azure DevOps: commit statuses.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use http::Method;
use serde::Serialize;
use serde_json::{Value, json};
use url::Url;

use super::outgoing::{Outgoing, send};
use super::{PostError, SendError, SetupError, Target, address, revision};
use crate::event::Event;
use crate::go_json;

/// The resource "statuses of a commit" in the list of an organization's resources.
const STATUSES: &str = "428dd4fb-fda5-4722-af02-9313b80305da";
/// The version of the API that is spoken.
const VERSION: &str = "6.0";
/// Most organizations whose resources are remembered.
const MAX_KEPT: usize = 100;

/// A repository of a project of an organization.
struct Repository<'t> {
    target: &'t Target<'t>,
    organization: String,
    project: String,
    name: String,
}

impl<'t> Repository<'t> {
    fn open(target: &'t Target<'t>) -> Result<Self, SetupError> {
        if target.token_or_password().is_empty() {
            let text = "failed to acquire azure devops token: managed identities are not supported, the secret needs a token";
            return Err(SetupError(text.to_owned()));
        }
        let (host, id) = address::repository(&target.address)?;
        let [organization, project, _, name] = id.split('/').collect::<Vec<_>>()[..] else {
            return Err(SetupError(format!("invalid repository id \"{id}\"")));
        };
        let organization = format!("{host}/{organization}");
        Ok(Self { target, organization, project: project.to_owned(), name: name.to_owned() })
    }

    async fn ask(
        &self,
        method: Method,
        url: &str,
        accept: &str,
        body: Option<String>,
    ) -> Result<Value, SendError> {
        let bad = |_| SendError("the address of the repository cannot be used".to_owned());
        let mut outgoing = Outgoing::new(method, Url::parse(url).map_err(bad)?)
            .basic("", self.target.token_or_password())
            .header("accept", accept)
            .header("x-tfs-fedauthredirect", "Suppress")
            .header("x-tfs-session", session());
        if let Some(body) = body {
            outgoing = outgoing.header("content-type", "application/json;charset=utf-8").body(body);
        }
        let answer = send(&self.target.client, &outgoing).await?;
        if answer.status.is_success() {
            return answer.json();
        }
        let message = answer.json().ok().and_then(|body| body["message"].as_str().map(str::to_owned));
        Err(SendError(message.unwrap_or_else(|| answer.status.to_string())))
    }

    /// The path of the statuses and the version to ask for, as the organization says; asked for once.
    async fn place(&self) -> Result<(String, String), SendError> {
        static KEPT: OnceLock<Mutex<HashMap<String, (String, String)>>> = OnceLock::new();
        let kept = KEPT.get_or_init(Mutex::default);
        let found = kept.lock().unwrap_or_else(PoisonError::into_inner).get(&self.organization).cloned();
        if let Some(found) = found {
            return Ok(found);
        }
        let url = format!("{}/_apis", self.organization);
        let resources = self.ask(Method::OPTIONS, &url, "application/json", None).await?;
        let mut all = resources["value"].as_array().into_iter().flatten();
        let found = all.find(|resource| resource["id"] == STATUSES);
        let found =
            found.ok_or_else(|| SendError(format!("API resource location {STATUSES} is not registered")))?;
        let place = (found["routeTemplate"].as_str().unwrap_or_default().to_owned(), accept(found));
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(self.organization.clone(), place.clone());
        Ok(place)
    }

    fn url(&self, template: &str, commit: &str) -> String {
        let values = [
            ("{project}", self.project.as_str()),
            ("{area}", "git"),
            ("{repositoryId}", &self.name),
            ("{commitId}", commit),
            ("{resource}", "statuses"),
        ];
        let path = values.iter().fold(template.to_owned(), |path, (name, value)| path.replace(name, value));
        format!("{}/{path}", self.organization)
    }
}

/// The version spoken, or the newest the server has; a version that is not released yet is a preview.
fn accept(resource: &Value) -> String {
    let number = |key: &str| resource[key].as_str().and_then(version).unwrap_or_default();
    let (newest, released, wanted) =
        (number("maxVersion"), number("releasedVersion"), version(VERSION).unwrap_or_default());
    let preview = format!("preview.{}", resource["resourceVersion"].as_i64().unwrap_or(1));
    let version = if wanted > newest {
        format!("{}-{preview}", resource["maxVersion"].as_str().unwrap_or(VERSION))
    } else if wanted > released {
        format!("{VERSION}-{preview}")
    } else {
        VERSION.to_owned()
    };
    format!("application/json;api-version={version}")
}

fn version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Names this process to the server.
fn session() -> String {
    static SESSION: OnceLock<String> = OnceLock::new();
    SESSION.get_or_init(crate::random::uuid).clone()
}

#[derive(Serialize)]
struct Status<'a> {
    context: Value,
    description: &'a str,
    state: &'a str,
}

/// Sets the commit's status, when it is not so already.
pub(super) async fn status(target: &Target<'_>, event: &Event) -> Result<(), PostError> {
    let repository = Repository::open(target)?;
    let name = target.commit_status()?;
    if event.is_progressing() {
        return Ok(());
    }
    let commit = revision::commit(event)?;
    let state = match event.severity.as_str() {
        "info" => "succeeded",
        "error" => "error",
        _ => return Err(SendError("can't convert to azure devops state".to_owned()).into()),
    };
    let genre = match event.metadata.get("summary") {
        Some(summary) => format!("fluxcd:{summary}"),
        None => "fluxcd".to_owned(),
    };
    let (_, description) = event.name_and_description();
    let status =
        Status { context: json!({ "genre": genre, "name": name }), description: &description, state };
    let list = |error: SendError| error.within("could not list commit statuses");
    let (template, accept) = repository.place().await.map_err(list)?;
    let url = repository.url(&template, &commit);
    let listed = repository.ask(Method::GET, &url, &accept, None).await.map_err(list)?;
    if is_set(&listed["value"], &status) {
        return Ok(());
    }
    let created = repository.ask(Method::POST, &url, &accept, Some(go_json::marshal(&status))).await;
    created.map_err(|error| error.within("could not create commit status"))?;
    Ok(())
}

/// Whether the newest status of this context is the same.
fn is_set(listed: &Value, status: &Status<'_>) -> bool {
    let mut entries = listed.as_array().into_iter().flatten();
    let found = entries.find(|entry| {
        entry["context"]["name"] == status.context["name"]
            && entry["context"]["genre"] == status.context["genre"]
    });
    found.is_some_and(|entry| entry["state"] == status.state && entry["description"] == status.description)
}

#[cfg(test)]
mod tests {
    use super::accept;
    use serde_json::json;

    #[test]
    fn the_version_asked_for_is_one_the_server_has() {
        let of = |max: &str, released: &str| {
            accept(&json!({"maxVersion": max, "releasedVersion": released, "resourceVersion": 1}))
        };
        assert_eq!(of("7.2", "7.1"), "application/json;api-version=6.0");
        assert_eq!(of("6.0", "5.1"), "application/json;api-version=6.0-preview.1");
        assert_eq!(of("5.1", "5.1"), "application/json;api-version=5.1-preview.1");
    }
}
