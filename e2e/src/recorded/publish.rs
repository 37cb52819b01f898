//! Steps that put something into the registry or the Helm repository, and the digests by which recordings call it.
use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::Value;
use testkit::{ChartFiles, OciArtifact, Registry, archive};

use crate::recorded::{masks::Masks, play::Rig, scenario::Scenario};

/// Of another content than the recorder's, so that digests differ: they are masked.
pub(crate) struct Publisher<'a> {
    rig: &'a Rig,
    scenario: &'a Scenario,
    /// Recorded digests that have a counterpart of this run already.
    known: BTreeSet<String>,
}

impl<'a> Publisher<'a> {
    pub(crate) fn new(rig: &'a Rig, scenario: &'a Scenario) -> Self {
        Publisher { rig, scenario, known: BTreeSet::new() }
    }

    /// `push OCI artifact`; without files the one layer is text that is no archive.
    pub(crate) async fn artifact(&mut self, step: &Value, masks: &mut Masks) -> Result<()> {
        let text = |key: &str| step[key].as_str().map(|text| masks.fill(text)).unwrap_or_default();
        let files = step["files"].as_object().into_iter().flatten();
        let files: Vec<(&String, String)> =
            files.map(|(path, text)| (path, masks.fill(text.as_str().unwrap_or_default()))).collect();
        let layer = if step["files"].is_null() { b"no archive\n".to_vec() } else { archive(files)? };
        let annotations = step["annotations"].as_object().into_iter().flatten();
        let artifact = OciArtifact {
            config: (text("config_media_type"), b"{}".to_vec()),
            layers: vec![(text("layer_media_type"), layer)],
            annotations: annotations
                .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().into()))
                .collect(),
        };
        let (registry, repository) = self.place(&text("url"))?;
        let digest = registry.push(&repository, &text("tag"), &artifact).await?;
        self.call(masks, step["digest"].as_str().context("digest")?, &digest);
        Ok(())
    }

    /// `push chart as OCI artifact`.
    pub(crate) async fn chart(&mut self, number: usize, step: &Value, masks: &mut Masks) -> Result<()> {
        let tag = masks.fill(step["tag"].as_str().context("tag")?);
        let (registry, repository) = self.place(&masks.fill(step["url"].as_str().context("url")?))?;
        let artifact = OciArtifact::chart(&chart(&step["files"], masks))?;
        let digest = registry.push(&repository, &tag, &artifact).await?;
        self.learn(masks, number, &tag, &digest);
        Ok(())
    }

    /// `push image tags`; `1.0.0 (other digest)` is the tag with another content.
    pub(crate) async fn images(&mut self, number: usize, step: &Value, masks: &mut Masks) -> Result<()> {
        let image = masks.fill(step["image"].as_str().context("image")?);
        let (registry, repository) = self.place(&image)?;
        for pushed in step["tags"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let tag = pushed.split(' ').next().unwrap_or(pushed);
            let digest = registry.push(&repository, tag, &OciArtifact::image(pushed)?).await?;
            self.learn(masks, number, tag, &digest);
        }
        Ok(())
    }

    /// `publish Helm repository` and `publish Helm repository index`.
    pub(crate) fn repository(&mut self, number: usize, step: &Value, masks: &mut Masks) -> Result<()> {
        let url = masks.fill(step["url"].as_str().context("url")?);
        let folder = url.strip_prefix(&self.rig.charts.url()).context("not our Helm repository")?;
        let index = match step["index_raw"].as_str() {
            Some(raw) => {
                self.rig.charts.put(&format!("{folder}/index.yaml"), raw);
                raw.to_owned()
            }
            None => {
                let charts = step["charts"].as_array().into_iter().flatten();
                let charts: Vec<ChartFiles> = charts.map(|files| chart(files, masks)).collect();
                let missing = step["archives_missing"].as_array().into_iter().flatten();
                let missing = missing.filter_map(Value::as_str).map(str::to_owned).collect();
                self.rig.charts.publish_without(folder, &charts, &missing)?
            }
        };
        self.learn(masks, number, INDEX, &format!("sha256:{}", testkit::sha256(index.as_bytes())));
        Ok(())
    }

    fn place(&self, url: &str) -> Result<(&'a Registry, String)> {
        let registry = &self.rig.registry;
        let path = url.trim_start_matches("oci://").strip_prefix(registry.address());
        let path = path.with_context(|| format!("{url} is not of our registry"))?;
        Ok((registry, path.trim_matches('/').to_owned()))
    }

    /// The first digest that the recording shows for this name from the step on, and that nothing is called yet.
    fn learn(&mut self, masks: &mut Masks, number: usize, name: &str, digest: &str) {
        let shown = self.scenario.digests(number, name);
        if !masks.has(digest.trim_start_matches("sha256:"))
            && let Some(recorded) = shown.into_iter().find(|recorded| !self.known.contains(recorded))
        {
            self.call(masks, &recorded, digest);
        }
    }

    fn call(&mut self, masks: &mut Masks, recorded: &str, digest: &str) {
        let hex = |digest: &str| digest.trim_start_matches("sha256:").to_owned();
        masks.add(&hex(recorded), &hex(digest));
        // Versions of charts carry the beginning of the digest.
        masks.add(&hex(recorded)[..12], &hex(digest)[..12]);
        self.known.insert(recorded.to_owned());
    }
}

/// The name under which [`Scenario::digests`] gives those of Helm indexes.
pub(crate) const INDEX: &str = "index.yaml";

fn chart(files: &Value, masks: &Masks) -> ChartFiles {
    let files = files.as_object().into_iter().flatten();
    let files = files.map(|(path, text)| (path.clone(), masks.fill(text.as_str().unwrap_or_default())));
    files.collect::<BTreeMap<_, _>>()
}
