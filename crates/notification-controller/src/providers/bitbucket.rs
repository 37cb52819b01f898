//! Bitbucket Cloud: build statuses of commits.

use http::{Method, StatusCode};
use serde::Serialize;
use sha1::{Digest, Sha1};
use url::Url;

use super::outgoing::{Answer, Outgoing, send};
use super::{PostError, SendError, SetupError, Target, address, revision};
use crate::event::Event;
use crate::{go_json, hex};

const API: &str = "https://api.bitbucket.org/2.0/repositories";

#[derive(Serialize)]
struct Status<'a> {
    key: &'a str,
    url: &'a str,
    state: &'a str,
    name: &'a str,
    description: &'a str,
}

/// User and password are in the token: `user:password`.
fn login(token: &str) -> Result<(&str, &str), SetupError> {
    if token.is_empty() {
        return Err(SetupError("bitbucket token cannot be empty".to_owned()));
    }
    let pair = token.split_once(':').filter(|(_, password)| !password.contains(':'));
    pair.ok_or_else(|| SetupError("invalid token format, expected to be <user>:<password>".to_owned()))
}

/// Sets the build status of the commit, when it is not so already.
pub(super) async fn status(target: &Target<'_>, event: &Event) -> Result<(), PostError> {
    let login = login(target.token_or_password())?;
    let id = target.commit_status()?;
    let (_, repository) = address::repository(&target.address)?;
    let repository = address::owner_and_name(&repository, |id| format!("invalid repository id \"{id}\""))?;
    if event.is_progressing() {
        return Ok(());
    }
    let commit = revision::commit(event)?;
    let state = state(event, "can't convert to bitbucket state")?;
    let (name, description) = event.name_and_description();
    // The API takes 40 characters at most.
    let key = hex::encode(&Sha1::digest(id));
    let status =
        Status { key: &key, url: "https://bitbucket.org", state, name: &name, description: &description };
    let base = format!("{API}/{}/{}/commit/{commit}/statuses/build", repository.0, repository.1);
    let found = ask(target, login, Method::GET, &format!("{base}/{key}"), None).await?;
    if found.status != StatusCode::NOT_FOUND {
        let found = checked(found).map_err(|error| error.within("could not get commit status"))?.json()?;
        if found["state"] == state && found["description"] == description.as_str() {
            return Ok(());
        }
    }
    checked(ask(target, login, Method::POST, &base, Some(go_json::marshal(&status))).await?)?;
    Ok(())
}

/// The state of a build.
pub(super) fn state(event: &Event, error: &str) -> Result<&'static str, SendError> {
    match event.severity.as_str() {
        "info" => Ok("SUCCESSFUL"),
        "error" => Ok("FAILED"),
        _ => Err(SendError(error.to_owned())),
    }
}

fn checked(answer: Answer) -> Result<Answer, SendError> {
    if answer.status.is_success() { Ok(answer) } else { Err(SendError(answer.status.to_string())) }
}

async fn ask(
    target: &Target<'_>,
    (user, password): (&str, &str),
    method: Method,
    url: &str,
    body: Option<String>,
) -> Result<Answer, SendError> {
    let bad = |_| SendError("the address of the repository cannot be used".to_owned());
    let mut outgoing = Outgoing::new(method, Url::parse(url).map_err(bad)?).basic(user, password);
    if let Some(body) = body {
        outgoing = outgoing.header("content-type", "application/json").body(body);
    }
    send(&target.client, &outgoing).await
}
