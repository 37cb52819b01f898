use manifest::yaml::Node;
use regex::{Regex, RegexBuilder};
use serde::Deserialize;

use super::{Each, Transformer};
use crate::{
    config::FieldSpec,
    fields::{FieldError, Fields, kind_name, scalar_mut, set_text},
    kustomization::Image,
    target::BuildError,
};

/// Why an image cannot be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// The name is no regular expression.
    #[error("image name '{0}' is not a valid pattern")]
    Name(String),
}

/// Memory one compiled name may take, in bytes.
const REGEX_SIZE: usize = 1 << 20;

/// Changes name, tag or digest of an image.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct SetImage {
    pub(crate) image_tag: Image,
    pub(crate) field_specs: Vec<FieldSpec>,
}

impl Transformer for SetImage {
    fn each(&self) -> Result<Option<Each<'_>>, BuildError> {
        let pattern = self.pattern()?;
        let fields = Fields::new(&self.field_specs);
        Ok(Some(Box::new(move |resource| {
            if resource.gvk().kind != "CustomResourceDefinition" {
                self.set_everywhere(&mut resource.node, &pattern)?;
                fields.for_each(&mut resource.node, None, &mut |node| self.set(node, &pattern))?;
            }
            Ok(())
        })))
    }
}

impl SetImage {
    fn pattern(&self) -> Result<Regex, ImageError> {
        let name = &self.image_tag.name;
        let digest = "@[a-zA-Z0-9]+([.+_-][a-zA-Z0-9]+)*:[a-zA-Z0-9_.{}-]*";
        let pattern = format!("^{name}(:[a-zA-Z0-9_.{{}}-]*)?({digest})?$");
        RegexBuilder::new(&pattern).size_limit(REGEX_SIZE).build().map_err(|_| ImageError::Name(name.clone()))
    }

    /// Sets `image` in every list called `containers` or `initContainers`, wherever it stands.
    fn set_everywhere(&self, node: &mut Node, pattern: &Regex) -> Result<(), FieldError> {
        match node {
            Node::Scalar(_) => Ok(()),
            Node::Sequence(list) => {
                list.items.iter_mut().try_for_each(|item| self.set_everywhere(item, pattern))
            }
            Node::Mapping(mapping) => mapping.entries.iter_mut().try_for_each(|entry| {
                self.set_everywhere(&mut entry.value, pattern)?;
                match &mut entry.value {
                    Node::Sequence(list)
                        if matches!(entry.key.value.as_str(), "containers" | "initContainers") =>
                    {
                        list.items.iter_mut().try_for_each(|item| self.set_container(item, pattern))
                    }
                    _ => Ok(()),
                }
            }),
        }
    }

    fn set_container(&self, container: &mut Node, pattern: &Regex) -> Result<(), FieldError> {
        match container {
            Node::Mapping(mapping) => {
                mapping.get_mut("image").map_or(Ok(()), |image| self.set(image, pattern))
            }
            _ if container.is_null() => Ok(()),
            _ => Err(FieldError::Kind { expected: "MappingNode", found: kind_name(container) }),
        }
    }

    fn set(&self, node: &mut Node, pattern: &Regex) -> Result<(), FieldError> {
        let image = scalar_mut(node)?;
        if !pattern.is_match(&image.value) {
            return Ok(());
        }
        let changed = self.changed(&image.value);
        set_text(node, &changed)
    }

    fn changed(&self, image: &str) -> String {
        let (name, mut tag, mut digest) = split(image);
        let wanted = &self.image_tag;
        let suffixed = format!("{tag}{}", wanted.tag_suffix);
        match (wanted.new_tag.as_str(), wanted.digest.as_str()) {
            ("", "") if !wanted.tag_suffix.is_empty() => (tag, digest) = (&suffixed, ""),
            ("", "") => {}
            (new_tag, new_digest) => (tag, digest) = (new_tag, new_digest),
        }
        let mut changed = if wanted.new_name.is_empty() { name } else { &wanted.new_name }.to_owned();
        for (mark, part) in [(':', tag), ('@', digest)] {
            if !part.is_empty() {
                changed.push(mark);
                changed.push_str(part);
            }
        }
        changed
    }
}

/// Name, tag and digest. A colon before the first slash is a port.
fn split(image: &str) -> (&str, &str, &str) {
    let from = image.find('/').unwrap_or(0);
    let at = image[from..].find('@').map(|at| at + from);
    let colon = image[from..].find(':').map(|colon| colon + from);
    match (colon, at) {
        (None, None) => (image, "", ""),
        (Some(colon), Some(at)) if colon < at => (&image[..colon], &image[colon + 1..at], &image[at + 1..]),
        (_, Some(at)) => (&image[..at], "", &image[at + 1..]),
        (Some(colon), None) => (&image[..colon], &image[colon + 1..], ""),
    }
}

#[cfg(test)]
mod tests {
    use super::{SetImage, split};
    use crate::kustomization::Image;

    #[test]
    fn splits_ports_tags_and_digests() {
        for (image, expect) in [
            ("nginx", ("nginx", "", "")),
            ("nginx:1.0", ("nginx", "1.0", "")),
            ("host:5000/nginx", ("host:5000/nginx", "", "")),
            ("host:5000/a/b:1@sha256:c", ("host:5000/a/b", "1", "sha256:c")),
            ("nginx@sha256:c", ("nginx", "", "sha256:c")),
        ] {
            assert_eq!(split(image), expect, "{image}");
        }
    }

    fn check(wanted: Image, image: &str, expect: &str) {
        let set = SetImage { image_tag: wanted, field_specs: Vec::new() };
        assert_eq!(set.changed(image), expect);
    }

    #[test]
    fn a_new_tag_or_digest_replaces_both() {
        let image = "nginx:1@sha256:a";
        check(Image { new_tag: "2".into(), ..Image::default() }, image, "nginx:2");
        check(Image { digest: "sha256:b".into(), ..Image::default() }, image, "nginx@sha256:b");
        check(Image { new_name: "own".into(), ..Image::default() }, image, "own:1@sha256:a");
        check(Image { tag_suffix: "-x".into(), ..Image::default() }, image, "nginx:1-x");
    }
}
