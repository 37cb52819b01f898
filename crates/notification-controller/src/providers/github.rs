//! GitHub: commit statuses, repository dispatches and comments on pull requests.

mod app;

use http::Method;
use serde::Serialize;
use serde_json::{Value, json};
use url::Url;

use super::outgoing::{Answer, Outgoing, send};
use super::{PostError, SendError, SetupError, Target, address, comment, revision};
use crate::event::Event;
use crate::go_json;

const ACCEPT: &str = "application/vnd.github.v3+json";
/// What the list of comments is asked for with.
const ACCEPT_REACTIONS: &str = "application/vnd.github.squirrel-girl-preview";
const API_VERSION: &str = "2022-11-28";

/// A repository's API.
struct Repository<'t> {
    target: &'t Target<'t>,
    api: Url,
    token: String,
    /// How an App's comments are signed.
    slug: Option<String>,
    owner: String,
    name: String,
}

impl<'t> Repository<'t> {
    /// With the token, or with one of the App that the Secret describes.
    async fn open(target: &'t Target<'t>, with_slug: bool) -> Result<Self, PostError> {
        let mut token = target.token_or_password().to_owned();
        let mut slug = None;
        if token.is_empty() {
            (token, slug) = app::log_in(target, with_slug).await?;
        }
        let (host, id) = address::repository(&target.address)?;
        let (owner, name) = address::owner_and_name(&id, |id| format!("invalid repository id: '{id}'"))?;
        Ok(Self { target, api: api(&host)?, token, slug, owner, name })
    }

    fn url(&self, path: &str) -> Result<Url, SendError> {
        let full = format!("{}repos/{}/{}/{path}", self.api, self.owner, self.name);
        Url::parse(&full).map_err(|_| SendError("the address of the repository cannot be used".to_owned()))
    }

    async fn ask(&self, method: Method, url: Url, body: Option<String>) -> Result<Answer, SendError> {
        let accept = if url.path().ends_with("/comments") && method == Method::GET {
            ACCEPT_REACTIONS
        } else {
            ACCEPT
        };
        call(self.target, &self.token, method, url, accept, body).await
    }
}

/// `https://api.github.com/`, or that of an own server.
fn api(host: &str) -> Result<Url, SetupError> {
    let bad = |_| SetupError("failed to create enterprise GitHub client".to_owned());
    if host.ends_with("//github.com") {
        return Url::parse("https://api.github.com/").map_err(bad);
    }
    let name = host.split_once("//").map_or(host, |(_, name)| name);
    let path = if name.starts_with("api.") || name.contains(".api.") { "/" } else { "/api/v3/" };
    Url::parse(&format!("{host}{path}")).map_err(bad)
}

async fn call(
    target: &Target<'_>,
    token: &str,
    method: Method,
    url: Url,
    accept: &str,
    body: Option<String>,
) -> Result<Answer, SendError> {
    let shown = format!("{method} {}", net::shown(&url));
    let mut outgoing = Outgoing::new(method, url)
        .bearer(token)
        .header("accept", accept)
        .header("x-github-api-version", API_VERSION);
    if let Some(body) = body {
        outgoing = outgoing.header("content-type", "application/json").body(format!("{body}\n"));
    }
    let answer = send(&target.client, &outgoing).await?;
    if answer.status.is_success() {
        return Ok(answer);
    }
    let message = answer.json().ok().and_then(|body| body["message"].as_str().map(str::to_owned));
    Err(SendError(format!("{shown}: {} {} []", answer.status.as_u16(), message.unwrap_or_default())))
}

#[derive(Serialize)]
struct Status<'a> {
    state: &'a str,
    description: &'a str,
    context: &'a str,
}

/// Sets the commit's status, when it is not so already.
pub(super) async fn status(target: &Target<'_>, event: &Event) -> Result<(), PostError> {
    let context = target.commit_status()?;
    let repository = Repository::open(target, false).await?;
    if event.is_progressing() {
        return Ok(());
    }
    let commit = revision::commit(event)?;
    let state = state(event, "github")?;
    let (_, description) = event.name_and_description();
    let status = Status { state, description: &description, context };
    let url = repository.url(&format!("commits/{commit}/statuses?per_page=50"))?;
    let listed = repository.ask(Method::GET, url, None).await;
    let listed = listed.map_err(|error| error.within("could not list commit statuses"))?;
    if is_set(&listed.json()?, &status) {
        return Ok(());
    }
    let url = repository.url(&format!("statuses/{commit}"))?;
    let created = repository.ask(Method::POST, url, Some(go_json::marshal_unescaped(&status))).await;
    created.map_err(|error| error.within("could not create commit status"))?;
    Ok(())
}

fn state(event: &Event, host: &str) -> Result<&'static str, SendError> {
    match event.severity.as_str() {
        "info" => Ok("success"),
        "error" => Ok("failure"),
        _ => Err(SendError(format!("can't convert to {host} state"))),
    }
}

/// Whether the newest status of this context is the same.
fn is_set(listed: &Value, status: &Status<'_>) -> bool {
    let complete =
        |entry: &&Value| ["context", "state", "description"].iter().all(|key| entry[*key].is_string());
    let mut entries = listed.as_array().into_iter().flatten().filter(complete);
    entries
        .find(|entry| entry["context"] == status.context)
        .is_some_and(|entry| entry["state"] == status.state && entry["description"] == status.description)
}

/// Starts workflows by a repository dispatch.
pub(super) async fn dispatch(target: &Target<'_>, event: &Event) -> Result<(), PostError> {
    let repository = Repository::open(target, false).await?;
    let object = &event.involved_object;
    let kind = format!("{}/{}.{}", object.kind, object.name, object.namespace);
    // The event keeps its own escapes.
    let (kind, payload) = (go_json::marshal_unescaped(&kind), go_json::marshal(event));
    let body = Some(format!("{{\"event_type\":{kind},\"client_payload\":{payload}}}"));
    let sent = repository.ask(Method::POST, repository.url("dispatches")?, body).await;
    sent.map_err(|error| error.within("could not send github repository dispatch webhook"))?;
    Ok(())
}

/// Writes the object's comment on the pull request, or changes the one that is there.
pub(super) async fn comment(target: &Target<'_>, event: &Event) -> Result<(), PostError> {
    let comment = comment::of(target, event, "flux-pr-comment-key")?;
    let repository = Repository::open(target, true).await?;
    let login = login(&repository).await?;
    let number = revision::change_request(event, "strconv.Atoi")?;
    let query = "direction=asc&per_page=100&sort=created";
    let listed =
        repository.ask(Method::GET, repository.url(&format!("issues/{number}/comments?{query}"))?, None);
    let listed =
        listed.await.map_err(|error| error.within("failed to list pull request comments"))?.json()?;
    let body = Some(go_json::marshal_unescaped(&json!({ "body": comment.body })));
    let ours = |entry: &&Value| {
        entry["user"]["login"] == login.as_str()
            && entry["body"].as_str().is_some_and(|body| body.contains(&comment.mark))
    };
    let found = listed.as_array().into_iter().flatten().find(ours);
    if let Some(id) = found.and_then(|entry| entry["id"].as_i64()) {
        let sent =
            repository.ask(Method::PATCH, repository.url(&format!("issues/comments/{id}"))?, body).await;
        sent.map_err(|error| error.within("failed to update pull request comment"))?;
    } else {
        let sent =
            repository.ask(Method::POST, repository.url(&format!("issues/{number}/comments"))?, body).await;
        sent.map_err(|error| error.within("failed to create pull request comment"))?;
    }
    Ok(())
}

/// Who writes our comments.
async fn login(repository: &Repository<'_>) -> Result<String, PostError> {
    if let Some(slug) = &repository.slug {
        return Ok(format!("{slug}[bot]"));
    }
    let failed = |error: SendError| SetupError(format!("failed to get authenticated user info: {error}"));
    let url = repository.api.join("user").map_err(|_| SetupError("the address cannot be used".to_owned()))?;
    let user = repository.ask(Method::GET, url, None).await.map_err(failed)?.json().map_err(failed)?;
    Ok(user["login"].as_str().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Status, api, is_set};
    use serde_json::json;

    #[test]
    fn own_servers_have_their_api_below_a_path() {
        assert_eq!(api("https://github.com").unwrap().as_str(), "https://api.github.com/");
        assert_eq!(api("https://git.example").unwrap().as_str(), "https://git.example/api/v3/");
        assert_eq!(api("https://api.git.example").unwrap().as_str(), "https://api.git.example/");
    }

    #[test]
    fn only_the_newest_status_of_the_context_counts() {
        let status = Status { state: "success", description: "d", context: "c" };
        let entry =
            |state: &str, context: &str| json!({"state": state, "description": "d", "context": context});
        assert!(is_set(&json!([entry("failure", "other"), entry("success", "c")]), &status));
        assert!(!is_set(&json!([entry("failure", "c"), entry("success", "c")]), &status));
        assert!(!is_set(&json!([]), &status));
    }
}
