use oci::Repository;

/// A name in `spec.image` that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ImageNameError {
    #[error("image '{image}' should not include URL scheme; remove '{scheme}://'")]
    Scheme { image: String, scheme: String },
    #[error("image '{image}' should not include a tag; remove ':{tag}'")]
    Tag { image: String, tag: String },
    #[error("could not parse reference: {0}")]
    Name(String),
}

/// Reads `spec.image`: a name without scheme and tag.
pub(crate) fn parse(image: &str) -> Result<Repository, ImageNameError> {
    if let Some((scheme, _)) = image.split_once("://") {
        return Err(ImageNameError::Scheme { image: image.to_owned(), scheme: scheme.to_owned() });
    }
    let path = image.rsplit_once('/').map_or(image, |(_, last)| last);
    if let Some((_, tag)) = path.split_once(':') {
        return Err(ImageNameError::Tag { image: image.to_owned(), tag: tag.to_owned() });
    }
    // What go-containerregistry says when neither a tag nor a digest can be read.
    Repository::parse(image).map_err(|_| ImageNameError::Name(image.to_owned()))
}

/// Whether a text could be a tag (the distribution specification).
pub(crate) fn is_tag(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.len() <= 128 && text.starts_with(word) && text.chars().all(|c| word(c) || matches!(c, '.' | '-'))
}

#[cfg(test)]
mod tests {
    use super::{is_tag, parse};

    fn refused(image: &str) -> String {
        parse(image).unwrap_err().to_string()
    }

    #[test]
    fn names_have_neither_scheme_nor_tag() {
        assert_eq!(parse("alpine").unwrap().to_string(), "index.docker.io/library/alpine");
        assert_eq!(parse("localhost:5000/a/b").unwrap().to_string(), "localhost:5000/a/b");
        let scheme = "image 'https://ghcr.io/a' should not include URL scheme; remove 'https://'";
        assert_eq!(refused("https://ghcr.io/a"), scheme);
        let tag = "image 'ghcr.io/a/b:1.0' should not include a tag; remove ':1.0'";
        assert_eq!(refused("ghcr.io/a/b:1.0"), tag);
        assert_eq!(refused("ghcr.io/UPPER"), "could not parse reference: ghcr.io/UPPER");
    }

    #[test]
    fn a_hostile_registry_cannot_name_a_tag_that_is_more_than_a_word() {
        for bad in ["", "-x", ".x", "a b", "a\nb: c", "a#b", "é", &"x".repeat(129)] {
            assert!(!is_tag(bad), "{bad:?}");
        }
        assert!(is_tag("v1.0.0-rc.1_x") && is_tag("_"));
    }
}
