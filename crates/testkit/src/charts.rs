//! Chart archives for tests, made of files as text.
use std::collections::BTreeMap;

use anyhow::{Context, Result};
use flate2::{Compression, write::GzEncoder};

/// A chart: paths below its folder and their text; `Chart.yaml` in block style.
pub type ChartFiles = BTreeMap<String, String>;

/// The `.tgz` of a chart: one folder named as the chart, no times, so that equal files are equal bytes.
///
/// # Errors
/// Without a `Chart.yaml` that has a name.
pub fn chart_archive(files: &ChartFiles) -> Result<Vec<u8>> {
    let name = chart_field(files, "name")?;
    archive(files.iter().map(|(path, text)| (format!("{name}/{path}"), text.as_bytes())))
}

/// A gzip-compressed tar archive of regular files without times.
pub fn archive<P: AsRef<str>, T: AsRef<[u8]>>(files: impl IntoIterator<Item = (P, T)>) -> Result<Vec<u8>> {
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for (path, bytes) in files {
        let bytes = bytes.as_ref();
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, path.as_ref(), bytes)?;
    }
    Ok(tar.into_inner()?.finish()?)
}

/// A top-level scalar of `Chart.yaml`.
pub(crate) fn chart_field(files: &ChartFiles, key: &str) -> Result<String> {
    let text = files.get("Chart.yaml").context("no Chart.yaml")?;
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    let found = lines.into_iter().find(|(name, _)| *name == key);
    let value = found.map(|(_, value)| value.trim().trim_matches(['"', '\'']).to_owned());
    value.with_context(|| format!("no {key} in Chart.yaml"))
}
