//! Gitea and Forgejo: commit statuses and comments on pull requests.

use http::Method;
use serde::Serialize;
use serde_json::{Value, json};
use url::Url;

use super::outgoing::{Answer, Outgoing, send};
use super::{PostError, SendError, SetupError, Target, address, comment, revision};
use crate::event::Event;
use crate::go_json;

/// Whether a request says that it is JSON; the API's own client says so for some requests without a body too.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Json {
    Said,
    Unsaid,
}

/// A repository's API.
struct Repository<'t> {
    target: &'t Target<'t>,
    api: String,
    path: String,
}

impl<'t> Repository<'t> {
    /// Asks for the server's version first, as the API's own client does: whether it is such a server at all.
    async fn open(target: &'t Target<'t>) -> Result<Self, PostError> {
        if target.token_or_password().is_empty() {
            return Err(SetupError("gitea token cannot be empty".to_owned()).into());
        }
        let (host, id) = address::repository(&target.address)?;
        let (owner, name) = address::owner_and_name(&id, |id| format!("invalid repository id \"{id}\""))?;
        let path = format!("repos/{}/{}", address::segment(&owner), address::segment(&name));
        let repository = Self { target, api: format!("{host}/api/v1"), path };
        let version = repository.ask(Method::GET, "version", Json::Unsaid, None).await;
        version.map_err(|error| SetupError(format!("failed creating Gitea client: {error}")))?;
        Ok(repository)
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        json: Json,
        body: Option<String>,
    ) -> Result<Answer, SendError> {
        let bad = |_| SendError("the address of the repository cannot be used".to_owned());
        let url = Url::parse(&format!("{}/{path}", self.api)).map_err(bad)?;
        let mut outgoing = Outgoing::new(method, url)
            .header("authorization", format!("token {}", self.target.token_or_password()));
        if json == Json::Said {
            outgoing = outgoing.header("content-type", "application/json");
        }
        let answer = send(&self.target.client, &outgoing.body(body.unwrap_or_default())).await?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        let message = answer.json().ok().and_then(|body| body["message"].as_str().map(str::to_owned));
        Err(SendError(message.unwrap_or_else(|| format!("unknown API error: {}", answer.status.as_u16()))))
    }
}

#[derive(Serialize)]
struct Status<'a> {
    state: &'a str,
    target_url: &'a str,
    description: &'a str,
    context: &'a str,
}

fn state(event: &Event) -> Result<&'static str, SendError> {
    match event.severity.as_str() {
        _ if event.is_progressing() => Ok("pending"),
        "info" => Ok("success"),
        "error" => Ok("failure"),
        _ => Err(SendError("can't convert to gitea state".to_owned())),
    }
}

/// Sets the commit's status, when it is not so already.
pub(super) async fn status(target: &Target<'_>, event: &Event) -> Result<(), PostError> {
    let context = target.commit_status()?;
    let repository = Repository::open(target).await?;
    let commit = revision::commit(event)?;
    let (state, (_, description)) = (state(event)?, event.name_and_description());
    let status = Status { state, target_url: "", description: &description, context };
    let path = format!("{}/commits/{commit}/statuses?limit=50&page=1", repository.path);
    let listed = repository.ask(Method::GET, &path, Json::Said, None).await;
    let listed = listed.map_err(|error| error.within("could not list commit statuses"))?.json()?;
    if is_set(&listed, &status) {
        return Ok(());
    }
    let path = format!("{}/statuses/{commit}", repository.path);
    repository.ask(Method::POST, &path, Json::Said, Some(go_json::marshal(&status))).await?;
    Ok(())
}

/// Whether the newest status of this context is the same. The API calls the state `status`.
fn is_set(listed: &Value, status: &Status<'_>) -> bool {
    let complete = |entry: &&Value| {
        ["context", "status", "description"]
            .iter()
            .all(|key| entry[*key].as_str().is_some_and(|text| !text.is_empty()))
    };
    let mut entries = listed.as_array().into_iter().flatten().filter(complete);
    entries
        .find(|entry| entry["context"] == status.context)
        .is_some_and(|entry| entry["status"] == status.state && entry["description"] == status.description)
}

/// Writes the object's comment on the pull request, or changes the one that is there.
pub(super) async fn comment(target: &Target<'_>, event: &Event) -> Result<(), PostError> {
    let comment = comment::of(target, event, "flux-pr-comment-key")?;
    let repository = Repository::open(target).await?;
    let failed = |error: SendError| SetupError(format!("failed to get authenticated user info: {error}"));
    let user = repository.ask(Method::GET, "user", Json::Unsaid, None).await.map_err(failed)?;
    let user = user.json().map_err(failed)?;
    let number = revision::change_request(event, "strconv.Atoi")?;
    let comments = format!("{}/issues/{number}/comments", repository.path);
    let listed =
        repository.ask(Method::GET, &format!("{comments}?limit=100&page=1"), Json::Unsaid, None).await;
    let listed = listed.map_err(|error| error.within("failed to list pull request comments"))?.json()?;
    let ours = |entry: &&Value| {
        entry["user"]["login"] == user["login"]
            && entry["body"].as_str().is_some_and(|body| body.contains(&comment.mark))
    };
    let found = listed.as_array().into_iter().flatten().find(ours);
    let body = Some(go_json::marshal(&json!({ "body": comment.body })));
    if let Some(id) = found.and_then(|entry| entry["id"].as_i64()) {
        let path = format!("{}/issues/comments/{id}", repository.path);
        let sent = repository.ask(Method::PATCH, &path, Json::Said, body).await;
        sent.map_err(|error| error.within("failed to update pull request comment"))?;
    } else {
        let sent = repository.ask(Method::POST, &comments, Json::Said, body).await;
        sent.map_err(|error| error.within("failed to create pull request comment"))?;
    }
    Ok(())
}
