use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Media types of manifests, and of indices of them, in OCI's and Docker's words.
pub(crate) const MANIFESTS: [&str; 2] =
    ["application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"];
pub(crate) const INDICES: [&str; 2] =
    ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];

/// What a manifest points to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// Media type of the content.
    #[serde(default)]
    pub media_type: String,
    /// `sha256:…` of the content.
    pub digest: String,
    /// Bytes of the content.
    pub size: u64,
    /// Notes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
}

/// An image manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Always 2.
    pub schema_version: u32,
    /// Media type of the manifest itself; older ones have none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub media_type: String,
    /// What the layers are.
    pub config: Descriptor,
    /// The content.
    #[serde(default, deserialize_with = "null_as_default")]
    pub layers: Vec<Descriptor>,
    /// Notes, among them `org.opencontainers.image.{source,revision,created}`.
    #[serde(default, deserialize_with = "null_as_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// An index: manifests by platform.
#[derive(Deserialize)]
pub(crate) struct Index {
    #[serde(default)]
    pub(crate) manifests: Vec<Child>,
}

#[derive(Deserialize)]
pub(crate) struct Child {
    pub(crate) digest: String,
    #[serde(default, rename = "mediaType")]
    pub(crate) media_type: String,
    pub(crate) platform: Option<Platform>,
}

#[derive(Deserialize)]
pub(crate) struct Platform {
    #[serde(default)]
    pub(crate) os: String,
    #[serde(default)]
    pub(crate) architecture: String,
}

impl Index {
    /// The child for linux/amd64, which is what go-containerregistry takes when nothing is said; a child without a
    /// platform counts as one.
    pub(crate) fn child(&self) -> Option<&Child> {
        let fits = |platform: &Platform| platform.os == "linux" && platform.architecture == "amd64";
        let is_image =
            |child: &&Child| child.media_type.is_empty() || MANIFESTS.contains(&&*child.media_type);
        let mut images = self.manifests.iter().filter(is_image);
        images.find(|child| child.platform.as_ref().is_none_or(fits))
    }
}

fn null_as_default<'de, D: serde::Deserializer<'de>, T: Default + Deserialize<'de>>(
    from: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_gives_its_linux_image() {
        let index: Index = serde_json::from_str(
            r#"{"manifests":[{"digest":"a","platform":{"os":"linux","architecture":"arm64"}},
                {"digest":"b","platform":{"os":"linux","architecture":"amd64"}}]}"#,
        )
        .unwrap();
        assert_eq!(index.child().unwrap().digest, "b");
    }

    #[test]
    fn nulls_of_other_tools_are_empty() {
        let text = r#"{"schemaVersion":2,"config":{"digest":"x","size":1},"layers":null,"annotations":null}"#;
        let manifest: Manifest = serde_json::from_str(text).unwrap();
        assert!(manifest.layers.is_empty() && manifest.annotations.is_empty());
    }
}
