//! What tests put into a registry, by requests of their own: nothing of ours is trusted here.
use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::Registry;
use crate::{
    ChartFiles, chart_archive,
    charts::{archive, chart_field},
};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A manifest with its configuration and layers, as it is pushed.
#[derive(Clone, Default)]
pub struct OciArtifact {
    /// Media type and bytes of the configuration.
    pub config: (String, Vec<u8>),
    /// Media types and bytes of the layers, in order.
    pub layers: Vec<(String, Vec<u8>)>,
    /// Annotations of the manifest.
    pub annotations: BTreeMap<String, String>,
}

impl OciArtifact {
    /// What `flux push artifact` makes of these files.
    pub fn flux(files: &[(&str, &str)]) -> Result<OciArtifact> {
        let layer = archive(files.iter().copied())?;
        Ok(OciArtifact {
            config: ("application/vnd.cncf.flux.config.v1+json".into(), b"{}".to_vec()),
            layers: vec![("application/vnd.cncf.flux.content.v1.tar+gzip".into(), layer)],
            annotations: BTreeMap::new(),
        })
    }

    /// What `helm push` makes of a chart.
    pub fn chart(files: &ChartFiles) -> Result<OciArtifact> {
        let field = |key: &str| chart_field(files, key).ok();
        let config =
            json!({ "name": field("name"), "version": field("version"), "apiVersion": field("apiVersion") });
        let layer = chart_archive(files)?;
        Ok(OciArtifact {
            config: ("application/vnd.cncf.helm.config.v1+json".into(), config.to_string().into_bytes()),
            layers: vec![("application/vnd.cncf.helm.chart.content.v1.tar+gzip".into(), layer)],
            annotations: BTreeMap::new(),
        })
    }

    /// A container image with one layer; other `text`, other digest.
    pub fn image(text: &str) -> Result<OciArtifact> {
        let layer = archive([("etc/text", text)])?;
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": { "Labels": { "text": text } },
            "rootfs": { "type": "layers", "diff_ids": [digest(text.as_bytes())] },
        });
        Ok(OciArtifact {
            config: ("application/vnd.oci.image.config.v1+json".into(), config.to_string().into_bytes()),
            layers: vec![("application/vnd.oci.image.layer.v1.tar+gzip".into(), layer)],
            annotations: BTreeMap::new(),
        })
    }

    /// With one annotation more.
    #[must_use]
    pub fn annotated(mut self, key: &str, value: &str) -> Self {
        self.annotations.insert(key.into(), value.into());
        self
    }
}

impl Registry {
    /// Pushes an artifact under a tag and returns `sha256:…` of its manifest. A `+` of a tag becomes `_`, as in Helm.
    pub async fn push(&self, repository: &str, tag: &str, artifact: &OciArtifact) -> Result<String> {
        let config = self.push_blob(repository, &artifact.config).await?;
        let mut layers = Vec::new();
        for layer in &artifact.layers {
            layers.push(self.push_blob(repository, layer).await?);
        }
        let mut manifest =
            json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers });
        if !artifact.annotations.is_empty() {
            manifest["annotations"] = json!(artifact.annotations);
        }
        self.push_manifest(repository, &tag.replace('+', "_"), MANIFEST, manifest.to_string().into_bytes())
            .await
    }

    /// Pushes any bytes as a manifest under a tag or digest and returns their `sha256:…`.
    pub async fn push_manifest(
        &self,
        repository: &str,
        reference: &str,
        media_type: &str,
        bytes: Vec<u8>,
    ) -> Result<String> {
        let digest = digest(&bytes);
        let url = self.api(&format!("{repository}/manifests/{reference}"));
        let request = self.request(Method::PUT, &url).header("content-type", media_type).body(bytes);
        expect(request.send().await?, StatusCode::CREATED).await?;
        Ok(digest)
    }

    /// Pushes an image under each of these tags and returns the digests in their order.
    pub async fn push_images(&self, repository: &str, tags: &[&str]) -> Result<Vec<String>> {
        let mut digests = Vec::new();
        for tag in tags {
            digests.push(self.push(repository, tag, &OciArtifact::image(tag)?).await?);
        }
        Ok(digests)
    }

    /// Deletes a manifest by its digest, and with it the tags that name it.
    pub async fn delete(&self, repository: &str, digest: &str) -> Result<()> {
        let url = self.api(&format!("{repository}/manifests/{digest}"));
        expect(self.request(Method::DELETE, &url).send().await?, StatusCode::ACCEPTED).await.map(drop)
    }

    /// The tags of a repository, sorted; none when there is no such repository.
    pub async fn tags(&self, repository: &str) -> Result<Vec<String>> {
        let answer = self.get(&format!("/v2/{repository}/tags/list")).send().await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(Vec::new());
        }
        let list: Value = serde_json::from_slice(&answer.bytes().await?)?;
        let tags = list["tags"].as_array().into_iter().flatten();
        Ok(tags.filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// The manifest that a tag or digest names, with its digest.
    pub async fn manifest(&self, repository: &str, reference: &str) -> Result<(String, Value)> {
        let request = self.get(&format!("/v2/{repository}/manifests/{reference}")).header("accept", MANIFEST);
        let bytes = expect(request.send().await?, StatusCode::OK).await?.bytes().await?;
        Ok((digest(&bytes), serde_json::from_slice(&bytes)?))
    }

    async fn push_blob(&self, repository: &str, (media_type, bytes): &(String, Vec<u8>)) -> Result<Value> {
        let digest = digest(bytes);
        let begun = self.request(Method::POST, &self.api(&format!("{repository}/blobs/uploads/")));
        let begun = expect(begun.send().await?, StatusCode::ACCEPTED).await?;
        let place = begun.headers().get("location").and_then(|value| value.to_str().ok());
        let place = place.context("the registry gave no place for an upload")?;
        let join = if place.contains('?') { '&' } else { '?' };
        let url = format!("{place}{join}digest={digest}");
        let done = self.request(Method::PUT, &url).body(bytes.clone()).send().await?;
        expect(done, StatusCode::CREATED).await?;
        Ok(json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() }))
    }

    fn api(&self, path: &str) -> String {
        format!("{}://{}/v2/{path}", self.scheme, self.address)
    }
}

async fn expect(answer: reqwest::Response, status: StatusCode) -> Result<reqwest::Response> {
    let (seen, url) = (answer.status(), answer.url().clone());
    if seen == status {
        return Ok(answer);
    }
    let text = answer.text().await.unwrap_or_default();
    ensure!(false, "{url}: {seen}: {text}");
    unreachable!("ensured")
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", crate::sha256(bytes))
}
