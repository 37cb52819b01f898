//! GitLab: commit statuses and comments on merge requests.

use http::Method;
use serde::Serialize;
use serde_json::{Value, json};
use url::Url;

use super::outgoing::{Answer, Outgoing, send};
use super::{PostError, SendError, SetupError, Target, address, comment, revision};
use crate::event::Event;
use crate::go_json;

/// A project's API.
struct Project<'t> {
    target: &'t Target<'t>,
    api: String,
    /// Its path in one escaped segment.
    id: String,
}

impl<'t> Project<'t> {
    fn open(target: &'t Target<'t>) -> Result<Self, SetupError> {
        if target.token_or_password().is_empty() {
            return Err(SetupError("gitlab token cannot be empty".to_owned()));
        }
        let (host, id) = address::repository(&target.address)?;
        Ok(Self { target, api: format!("{host}/api/v4"), id: address::segment(&id).replace('.', "%2E") })
    }

    async fn ask(&self, method: Method, path: &str, body: Option<String>) -> Result<Answer, SendError> {
        let bad = |_| SendError("the address of the project cannot be used".to_owned());
        let url = Url::parse(&format!("{}/{path}", self.api)).map_err(bad)?;
        let shown = format!("{method} {}", net::shown(&url));
        let mut outgoing = Outgoing::new(method, url)
            .header("private-token", self.target.token_or_password())
            .header("accept", "application/json");
        if let Some(body) = body {
            outgoing = outgoing.header("content-type", "application/json").body(body);
        }
        let answer = send(&self.target.client, &outgoing).await?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        Err(SendError(format!("{shown}: {} {}", answer.status.as_u16(), answer.text())))
    }
}

#[derive(Serialize)]
struct Status<'a> {
    state: &'a str,
    name: &'a str,
    description: &'a str,
}

/// Sets the commit's status, when it is not so already.
pub(super) async fn status(target: &Target<'_>, event: &Event) -> Result<(), PostError> {
    let project = Project::open(target)?;
    let name = target.commit_status()?;
    if event.is_progressing() {
        return Ok(());
    }
    let commit = revision::commit(event)?;
    let state = match event.severity.as_str() {
        "info" => "success",
        "error" => "failed",
        _ => return Err(SendError("can't convert to gitlab state".to_owned()).into()),
    };
    let (_, description) = event.name_and_description();
    let path = format!("projects/{}/repository/commits/{commit}/statuses", project.id);
    let listed = project.ask(Method::GET, &format!("{path}?name={}", address::form_value(name)), None).await;
    let listed = listed.map_err(|error| error.within("unable to list commit status"))?.json()?;
    let same = |entry: &Value| {
        entry["sha"] == commit.as_str()
            && entry["status"] == state
            && entry["description"] == description.as_str()
            && entry["name"] == name
    };
    if listed.as_array().into_iter().flatten().any(same) {
        return Ok(());
    }
    let status = Status { state, name, description: &description };
    let path = format!("projects/{}/statuses/{commit}", project.id);
    project.ask(Method::POST, &path, Some(go_json::marshal(&status))).await?;
    Ok(())
}

/// Writes the object's comment on the merge request, or changes the one that is there.
pub(super) async fn comment(target: &Target<'_>, event: &Event) -> Result<(), PostError> {
    let comment = comment::of(target, event, "flux-mr-comment-key")?;
    let project = Project::open(target)?;
    let user = project.ask(Method::GET, "user", None).await;
    let unknown = |error: SendError| SetupError(format!("failed to get authenticated user info: {error}"));
    let user = user.map_err(unknown)?.json().map_err(unknown)?;
    let number = revision::change_request(event, "strconv.ParseInt")?;
    let notes = format!("projects/{}/merge_requests/{number}/notes", project.id);
    let query = "order_by=created_at&per_page=100&sort=asc";
    let listed = project.ask(Method::GET, &format!("{notes}?{query}"), None).await;
    let listed = listed.map_err(|error| error.within("failed to list merge request notes"))?.json()?;
    let ours = |entry: &&Value| {
        entry["author"]["username"] == user["username"]
            && entry["body"].as_str().is_some_and(|body| body.contains(&comment.mark))
    };
    let found = listed.as_array().into_iter().flatten().find(ours);
    let body = Some(go_json::marshal(&json!({ "body": comment.body })));
    if let Some(id) = found.and_then(|entry| entry["id"].as_i64()) {
        let sent = project.ask(Method::PUT, &format!("{notes}/{id}"), body).await;
        sent.map_err(|error| error.within("failed to update merge request note"))?;
    } else {
        let sent = project.ask(Method::POST, &notes, body).await;
        sent.map_err(|error| error.within("failed to create merge request note"))?;
    }
    Ok(())
}
