use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
};

use http::{HeaderMap, Method, StatusCode, header::LINK};
use net::Response;

use crate::{
    OciError, Session,
    host::{go_place, refusal},
    tag_page::{LONGEST_TAG, Page},
};

/// Bytes of one page at most, whatever the number of tags: there are registries that give all of them at once.
const LARGEST_PAGE: u64 = 32 << 20;
/// Bytes around a tag in JSON: quotes, comma, line break.
const AROUND: usize = 4;
/// Pages without a tag that are passed over before a list is given up.
const EMPTY_PAGES: usize = 20;

impl Session {
    /// All tags, in the registry's order; pages are followed by `Link`. What is too long for a tag is left out.
    ///
    /// # Errors
    /// [`OciError::TooManyTags`] beyond the limit, see [`OciError`] else.
    pub async fn tags(&self) -> Result<Vec<String>, OciError> {
        let path = format!("tags/list?n={}", self.limits.page);
        let mut answer = self.read(Method::GET, &path, HeaderMap::new(), Some(self.largest_page())).await?;
        let (mut tags, mut left) = (Vec::new(), self.limits.tags);
        let mut pages = Pages::default();
        // Each page holds a text at least, but for a few: no registry can keep us busy for ever.
        loop {
            let next = next(&answer);
            let page = page(answer, left).await.map_err(|error| self.with_query(error))?;
            let too_many = || OciError::TooManyTags {
                repository: self.repository().to_string(),
                limit: self.limits.tags,
            };
            left = left.checked_sub(page.count).ok_or_else(too_many)?;
            tags.extend(page.tags);
            let Some(url) = next else { return Ok(tags) };
            pages.go_on(&url, page.count == 0).map_err(|cause| {
                let place = self.repository().to_string();
                OciError::Malformed { place, cause: cause.into() }
            })?;
            answer = self.follow(url, Some(self.largest_page())).await?;
        }
    }

    fn largest_page(&self) -> u64 {
        let all = self.limits.tags.saturating_mul(LONGEST_TAG + AROUND) as u64;
        all.min(LARGEST_PAGE).max(self.limits.manifest)
    }
}

/// The pages that were read. Of their addresses, which the registry makes as long as it likes, a hash is kept.
#[derive(Default)]
struct Pages {
    seen: HashSet<u64>,
    empty: usize,
}

impl Pages {
    /// Whether the next page is to be read.
    fn go_on(&mut self, next: &str, was_empty: bool) -> Result<(), &'static str> {
        let mut hasher = DefaultHasher::new();
        next.hash(&mut hasher);
        self.empty += usize::from(was_empty);
        match self.seen.insert(hasher.finish()) {
            false => Err("the pages of its tags go round"),
            true if self.empty > EMPTY_PAGES => Err("too many pages of its tags are empty"),
            true => Ok(()),
        }
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

async fn page(answer: Response, most: usize) -> Result<Page, OciError> {
    if answer.status() != StatusCode::OK {
        return Err(refusal(answer).await);
    }
    let place = go_place(answer.place());
    let bytes = answer.bytes().await.map_err(OciError::Request)?;
    Page::read(&bytes, most)
        .map_err(|error| OciError::Malformed { place, cause: format!("not a list of tags: {error}") })
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
