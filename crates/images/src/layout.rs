//! An image as an OCI image layout: a folder that `crane`, `skopeo` and registries understand.
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::{
    layer::{Layer, digest},
    rootfs::{USER, entrypoint},
};

/// What an image says of itself.
pub(crate) struct About<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    pub(crate) revision: &'a str,
    /// RFC 3339.
    pub(crate) created: &'a str,
    /// `amd64` or `arm64`.
    pub(crate) architecture: &'static str,
}

/// Writes the layout in place of what was there, and returns the digest of the image.
pub(crate) fn write(dir: &Path, layers: &[Layer], about: &About<'_>) -> Result<String> {
    let _ = std::fs::remove_dir_all(dir);
    let blobs = dir.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).with_context(|| format!("making {}", blobs.display()))?;
    let mut described = Vec::new();
    for layer in layers {
        described.push(blob(&blobs, "application/vnd.oci.image.layer.v1.tar+gzip", &layer.blob)?);
    }
    let config = blob(&blobs, "application/vnd.oci.image.config.v1+json", &bytes(&config(layers, about)))?;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": config,
        "layers": described,
        "annotations": annotations(about),
    });
    let mut manifest = blob(&blobs, "application/vnd.oci.image.manifest.v1+json", &bytes(&manifest))?;
    let digest = manifest["digest"].as_str().unwrap_or_default().to_owned();
    manifest["platform"] = json!({ "architecture": about.architecture, "os": "linux" });
    let index = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [manifest],
    });
    std::fs::write(dir.join("index.json"), bytes(&index))?;
    std::fs::write(dir.join("oci-layout"), bytes(&json!({ "imageLayoutVersion": "1.0.0" })))?;
    Ok(digest)
}

/// Writes a blob under its digest and describes it.
fn blob(blobs: &Path, media_type: &str, content: &[u8]) -> Result<Value> {
    let digest = digest(content);
    std::fs::write(blobs.join(digest.trim_start_matches("sha256:")), content)?;
    Ok(json!({ "mediaType": media_type, "digest": digest, "size": content.len() }))
}

fn config(layers: &[Layer], about: &About<'_>) -> Value {
    json!({
        "created": about.created,
        "architecture": about.architecture,
        "os": "linux",
        "config": {
            "User": format!("{USER}:{USER}"),
            "Env": ["PATH=/usr/local/bin", "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"],
            "Entrypoint": [entrypoint(about.name)],
            "WorkingDir": "/",
            "Labels": annotations(about),
        },
        "rootfs": { "type": "layers", "diff_ids": layers.iter().map(|layer| &layer.diff_id).collect::<Vec<_>>() },
        "history": layers.iter().map(|_| json!({ "created": about.created, "created_by": "cargo xtask images" })).collect::<Vec<_>>(),
    })
}

fn annotations(about: &About<'_>) -> Map<String, Value> {
    let pairs = [
        ("title", about.name),
        ("version", about.version),
        ("revision", about.revision),
        ("created", about.created),
        ("licenses", "Apache-2.0"),
    ];
    let pairs = pairs.into_iter().filter(|(_, value)| !value.is_empty());
    pairs.map(|(key, value)| (format!("org.opencontainers.image.{key}"), value.into())).collect()
}

fn bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}
