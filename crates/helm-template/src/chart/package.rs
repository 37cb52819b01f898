//! Packing of a chart: order and layout of Helm's own writer.
use flate2::{Compression, GzBuilder};
use manifest::yaml::to_yaml;
use serde_json::Value;

use super::{Chart, MetadataError};

/// Why a chart cannot be packed.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// The metadata is not valid.
    #[error("chart validation: {0}")]
    Metadata(MetadataError),
    /// The schema is no JSON.
    #[error("invalid JSON in values.schema.json")]
    Schema,
    /// A path is too long for an archive.
    #[error("packing {path}: {cause}")]
    Path {
        /// The path.
        path: String,
        /// Why.
        cause: std::io::Error,
    },
    /// The compressor failed.
    #[error("packing the chart: {0}")]
    Write(#[from] std::io::Error),
}

/// Helm marks its archives with this extra field and a comment.
const EXTRA: &[u8] = b"rr\x28\x00aHR0cHM6Ly95b3V0dS5iZS96OVV6MWljandyTQo=";

type Writer = tar::Builder<flate2::write::GzEncoder<Vec<u8>>>;

pub(super) fn package(chart: &Chart, modified: u64) -> Result<Vec<u8>, PackageError> {
    chart.metadata.clone().validate().map_err(PackageError::Metadata)?;
    let gzip = GzBuilder::new().extra(EXTRA).comment("Helm").write(Vec::new(), Compression::default());
    let mut out = tar::Builder::new(gzip);
    write_chart(&mut out, chart, chart.name(), modified)?;
    Ok(out.into_inner()?.finish()?)
}

fn write_chart(out: &mut Writer, chart: &Chart, base: &str, modified: u64) -> Result<(), PackageError> {
    let mut file = |name: &str, data: &[u8]| write_file(out, &format!("{base}/{name}"), data, modified);
    file("Chart.yaml", to_yaml(&chart_file(chart)).as_bytes())?;
    if let Some(lock) = chart.lock.as_ref().filter(|_| chart.metadata.api_version == "v2") {
        file("Chart.lock", to_yaml(&lock.to_json()).as_bytes())?;
    }
    if let Some(values) = &chart.values_file {
        file(&values.name, &values.data)?;
    }
    if let Some(schema) = &chart.schema {
        serde_json::from_slice::<serde::de::IgnoredAny>(&schema.data).map_err(|_| PackageError::Schema)?;
        file(&schema.name, &schema.data)?;
    }
    for each in chart.templates.iter().chain(chart.files.iter()) {
        file(&each.name, &each.data)?;
    }
    for child in chart.dependencies.iter() {
        write_chart(out, child, &format!("{base}/charts/{}", child.name()), modified)?;
    }
    Ok(())
}

/// Charts of version v1 keep their dependencies in `requirements.yaml`.
fn chart_file(chart: &Chart) -> Value {
    let mut json = chart.metadata.to_json();
    if let Some(map) = json.as_object_mut().filter(|_| chart.metadata.api_version == "v1") {
        map.remove("dependencies");
    }
    json
}

fn write_file(out: &mut Writer, path: &str, data: &[u8], modified: u64) -> Result<(), PackageError> {
    let mut header = tar::Header::new_ustar();
    header.set_size(data.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(modified);
    out.append_data(&mut header, path, data)
        .map_err(|cause| PackageError::Path { path: path.to_owned(), cause })
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use crate::chart::{Chart, Limits};

    fn files(tgz: &[u8]) -> Vec<(String, String)> {
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(tgz));
        let read = |entry: std::io::Result<tar::Entry<'_, _>>| {
            let mut entry: tar::Entry<'_, flate2::read::GzDecoder<&[u8]>> = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            (entry.path().unwrap().display().to_string(), text)
        };
        archive.entries().unwrap().map(read).collect()
    }

    #[test]
    fn the_archive_is_laid_out_as_helms() {
        let parts = [
            ("README.md", "r"),
            ("templates/b.yaml", "b"),
            ("templates/a.yaml", "a"),
            ("values.schema.json", "{}"),
            ("values.yaml", "# kept\na: 1\n"),
            ("Chart.yaml", "version: 1.0.0\nname: c\napiVersion: v2\nunknown: gone\n"),
            ("Chart.lock", "digest: x\n"),
        ];
        let parts = parts.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
        let chart = Chart::from_files(parts.to_vec(), &Limits::default()).unwrap();
        let packed = files(&chart.package(1).unwrap());
        let names: Vec<&str> = packed.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "c/Chart.yaml",
                "c/Chart.lock",
                "c/values.yaml",
                "c/values.schema.json",
                "c/templates/b.yaml",
                "c/templates/a.yaml",
                "c/README.md"
            ]
        );
        assert_eq!(packed[0].1, "apiVersion: v2\nname: c\nversion: 1.0.0\n");
        assert_eq!(packed[2].1, "# kept\na: 1\n");
    }
}
