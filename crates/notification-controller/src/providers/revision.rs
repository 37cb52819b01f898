//! The commit that a revision names.

use super::SendError;
use crate::event::Event;

/// The commit of an event's revision: what stands after the last `:`, else after the last `/`; 40 hexadecimal digits
/// (a digest of an OCI artifact is no commit).
pub(super) fn commit(event: &Event) -> Result<String, SendError> {
    let revision = event.revision().ok_or_else(|| SendError("missing revision metadata".to_owned()))?;
    let hash = match revision.rsplit_once(':') {
        Some((_, hash)) => hash,
        None => revision.rsplit_once('/').map_or(revision, |(_, hash)| hash),
    };
    if hash.len() != 40 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(SendError(format!("failed to extract commit hash from '{revision}' revision")));
    }
    Ok(hash.to_owned())
}

/// The number of the change request in the metadata; `parser` is what Flux's error names.
pub(super) fn change_request(event: &Event, parser: &str) -> Result<i64, SendError> {
    let missing = || SendError("missing \"change_request\" metadata key".to_owned());
    let text = event.metadata.get("change_request").ok_or_else(missing)?;
    text.parse().map_err(|_| {
        SendError(format!(
            "invalid \"change_request\" metadata value \"{text}\": {parser}: parsing \"{text}\": invalid syntax"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::commit;
    use crate::event::Event;

    fn of(revision: &str) -> Result<String, String> {
        let metadata = [("revision".to_owned(), revision.to_owned())].into();
        commit(&Event { metadata, ..Event::default() }).map_err(|error| error.to_string())
    }

    #[test]
    fn commits_are_found_in_all_forms_of_revisions() {
        let hash = "4f2a8e0c9b1d3f5a7c6e8d0b2a4c6e8f01234567";
        for revision in
            [hash.to_owned(), format!("main@sha1:{hash}"), format!("sha1:{hash}"), format!("a/b/{hash}")]
        {
            assert_eq!(of(&revision).unwrap(), hash, "{revision}");
        }
        let error = of("6.5.4").unwrap_err();
        assert_eq!(error, "failed to extract commit hash from '6.5.4' revision");
    }
}
