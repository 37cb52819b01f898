//! Bitbucket Server and Data Center: build statuses of commits.

use http::{Method, StatusCode};
use serde::Serialize;
use sha1::{Digest, Sha1};
use url::Url;

use super::outgoing::{Answer, Outgoing, send};
use super::{PostError, SendError, SetupError, Target, bitbucket, revision};
use crate::event::Event;
use crate::{go_json, hex};

#[derive(Serialize)]
struct Build<'a> {
    description: &'a str,
    key: &'a str,
    name: &'a str,
    state: &'a str,
    url: &'a str,
}

/// Sets the build status of the commit, when it is not so already.
pub(super) async fn status(target: &Target<'_>, event: &Event) -> Result<(), PostError> {
    let commits = commits(&target.address)?;
    let id = target.commit_status()?;
    if target.token.is_empty() && (target.username.is_empty() || target.password.is_empty()) {
        let text = "invalid credentials, expected to be one of username/password or API Token";
        return Err(SetupError(text.to_owned()).into());
    }
    if event.is_progressing() {
        return Ok(());
    }
    let commit = revision::commit(event).map_err(|error| match error.0.as_str() {
        "missing revision metadata" => error,
        _ => error.within("could not parse revision"),
    })?;
    let cause = "couldn't convert to bitbucket server state: bitbucket server state generated on info or error events only";
    let state = bitbucket::state(event, cause)?;
    let (name, description) = event.name_and_description();
    let name = format!("{name} [{description}]");
    let key = hex::encode(&Sha1::digest(id));
    let build = Build { description: &description, key: &key, name: &name, state, url: &target.address };
    let mut builds = commits;
    builds.set_path(&format!("{}/{commit}/builds", builds.path()));
    let found = is_set(target, &builds, &build).await;
    if found.map_err(|error| error.within("could not get existing commit status"))? {
        return Ok(());
    }
    let body = format!("{}\n", go_json::marshal(&build));
    let answer = ask(target, Method::POST, builds, Some(body)).await;
    let answer = answer
        .map_err(|error| error.within("could not post build status: could not post build commit status"))?;
    checked(answer, "could not post build status: could not post build commit status")?;
    Ok(())
}

/// The API's address of the commits, from a clone URL: `<context>/scm/<project>/<repository>`.
fn commits(address: &str) -> Result<Url, SetupError> {
    let failed = |cause: &str| SetupError(format!("could not parse git address: {cause}"));
    let mut url = Url::parse(address).map_err(|_| failed("not a URL"))?;
    if !matches!(url.scheme(), "http" | "https") {
        let scheme = url.scheme();
        return Err(failed(&format!("unsupported scheme type in address: {scheme}. Must be http or https")));
    }
    let path = url.path().strip_suffix(".git").unwrap_or(url.path()).to_owned();
    let split = path.rsplit_once("/scm/");
    let (context, id) =
        split.ok_or_else(|| failed("supplied provider address is not http(s) git clone url"))?;
    let [project, repository] = id.split('/').collect::<Vec<_>>()[..] else {
        return Err(failed(&format!("invalid repository id \"{id}\"")));
    };
    url.set_path(&format!("{context}/rest/api/latest/projects/{project}/repos/{repository}/commits"));
    Ok(url)
}

async fn is_set(target: &Target<'_>, builds: &Url, build: &Build<'_>) -> Result<bool, SendError> {
    let what = "failed api call to check duplicate commit status";
    let mut url = builds.clone();
    url.set_query(Some(&format!("key={}", build.key)));
    let answer = ask(target, Method::GET, url, None).await.map_err(|error| error.within(what))?;
    if answer.status != StatusCode::NOT_FOUND {
        let answer = checked(answer, what)?;
        if answer.status == StatusCode::OK {
            let found = answer.json()?;
            return Ok(found["key"] == build.key
                && found["state"] == build.state
                && found["description"] == build.description
                && found["name"] == build.name);
        }
    }
    Ok(false)
}

fn checked(answer: Answer, what: &str) -> Result<Answer, SendError> {
    if answer.status.as_u16() < 400 {
        return Ok(answer);
    }
    let (code, text) = (answer.status.as_u16(), answer.status.canonical_reason().unwrap_or_default());
    Err(SendError(format!("{what}: {code} - {text}")))
}

async fn ask(
    target: &Target<'_>,
    method: Method,
    url: Url,
    body: Option<String>,
) -> Result<Answer, SendError> {
    let outgoing = Outgoing::new(method, url);
    let mut outgoing = match target.token.is_empty() {
        true => outgoing.basic(&target.username, &target.password),
        false => outgoing.bearer(&target.token),
    };
    outgoing = outgoing.header("x-atlassian-token", "no-check").header("x-requested-with", "XMLHttpRequest");
    if let Some(body) = body {
        outgoing = outgoing.header("content-type", "application/json").body(body);
    }
    send(&target.client, &outgoing).await
}

#[cfg(test)]
mod tests {
    use super::commits;

    #[test]
    fn the_api_is_beside_the_clone_url() {
        let url = commits("https://h/ctx/scm/proj/repo.git").unwrap();
        assert_eq!(url.as_str(), "https://h/ctx/rest/api/latest/projects/proj/repos/repo/commits");
        assert!(commits("https://h/proj/repo").is_err());
        assert!(commits("ssh://h/scm/proj/repo").is_err());
        assert!(commits("https://h/scm/a/b/c").is_err());
    }
}
