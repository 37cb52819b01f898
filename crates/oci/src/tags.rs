use std::collections::HashSet;

use http::{HeaderMap, Method, StatusCode, header::LINK};
use net::Response;
use serde::Deserialize;

use crate::{
    OciError, Session,
    host::{go_place, refusal},
};

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    tags: Option<Vec<String>>,
}

impl Session {
    /// All tags, in the registry's order; pages are followed by `Link`.
    ///
    /// # Errors
    /// [`OciError::TooManyTags`] beyond the limit, see [`OciError`] else.
    pub async fn tags(&self) -> Result<Vec<String>, OciError> {
        let path = format!("tags/list?n={}", self.limits.page);
        let mut answer = self.read(Method::GET, &path, HeaderMap::new(), None).await?;
        let mut tags = Vec::new();
        let mut seen = HashSet::new();
        // Each page holds a tag at least, or the last one was reached: no registry can keep us busy for ever.
        for _ in 0..=self.limits.tags {
            let next = next(&answer);
            let page = page(answer).await.map_err(|error| self.with_query(error))?;
            let is_empty = page.is_empty();
            tags.extend(page);
            if tags.len() > self.limits.tags {
                break;
            }
            match next.filter(|_| !is_empty) {
                None => return Ok(tags),
                Some(url) if !seen.insert(url.clone()) => {
                    let place = self.repository().to_string();
                    return Err(OciError::Malformed {
                        place,
                        cause: "the pages of its tags go round".into(),
                    });
                }
                Some(url) => answer = self.follow(url).await?,
            }
        }
        Err(OciError::TooManyTags { repository: self.repository().to_string(), limit: self.limits.tags })
    }
}

impl Session {
    /// The one query whose value may be shown: it is ours.
    fn with_query(&self, error: OciError) -> OciError {
        match error {
            OciError::Answer { place, status, text } => {
                let place = place.replace("?n=...", &format!("?n={}", self.limits.page));
                OciError::Answer { place, status, text }
            }
            other => other,
        }
    }
}

async fn page(answer: Response) -> Result<Vec<String>, OciError> {
    if answer.status() != StatusCode::OK {
        return Err(refusal(answer).await);
    }
    let place = go_place(answer.place());
    let bytes = answer.bytes().await.map_err(OciError::Request)?;
    let page: Page = serde_json::from_slice(&bytes)
        .map_err(|error| OciError::Malformed { place, cause: format!("not a list of tags: {error}") })?;
    Ok(page.tags.unwrap_or_default())
}

/// The address of the next page, relative to this one's.
fn next(answer: &Response) -> Option<String> {
    let links = answer.headers().get_all(LINK).iter().filter_map(|value| value.to_str().ok());
    let target = links.flat_map(|header| header.split(',')).find_map(next_of)?;
    answer.url().join(&target).ok().map(String::from)
}

/// RFC 8288: `</v2/a/tags/list?n=2&last=b>; rel="next"`.
fn next_of(link: &str) -> Option<String> {
    let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
    let is_next = parameters.split(';').any(|parameter| {
        let parameter = parameter.trim().replace('"', "");
        parameter.eq_ignore_ascii_case("rel=next")
    });
    is_next.then(|| target.to_owned())
}

#[cfg(test)]
mod tests {
    use super::next_of;

    #[test]
    fn only_the_link_to_the_next_page_is_followed() {
        assert_eq!(
            next_of("</v2/a/tags/list?last=b&n=2>; rel=\"next\"").as_deref(),
            Some("/v2/a/tags/list?last=b&n=2")
        );
        assert_eq!(next_of("<x>; rel=prev"), None);
        assert_eq!(next_of("nonsense"), None);
    }
}
