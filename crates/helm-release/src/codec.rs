//! The Secret of a release: name, labels, and the packed JSON in it.
use std::{
    collections::BTreeMap,
    io::{Read, Write},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};

use helm_template::Values;

use crate::{
    gojson::{sorted, to_go_json},
    release::Release,
};

/// The type of the Secret.
pub const SECRET_TYPE: &str = "helm.sh/release.v1";
/// A release as JSON is at most this many bytes; Kubernetes stores at most 1 MiB of it, packed.
const UNPACKED: u64 = 256 << 20;
/// Labels that Helm sets itself.
const OWN_LABELS: [&str; 6] = ["name", "owner", "status", "version", "createdAt", "modifiedAt"];

/// A release that cannot be packed.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// A value has no JSON form.
    #[error("encoding the release: {0}")]
    Json(#[from] serde_json::Error),
    /// The compressor failed.
    #[error("packing the release: {0}")]
    Gzip(#[from] std::io::Error),
}

/// A Secret that holds no release.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Not base64.
    #[error("the release is not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    /// Damaged.
    #[error("unpacking the release: {0}")]
    Gzip(#[from] std::io::Error),
    /// Larger than any release may be.
    #[error("the release is larger than {UNPACKED} bytes")]
    Size,
    /// No release.
    #[error("reading the release: {0}")]
    Json(#[from] serde_json::Error),
}

/// The name of the Secret: `sh.helm.release.v1.<release>.v<revision>`.
#[must_use]
pub fn secret_name(release: &str, version: i64) -> String {
    format!("sh.helm.release.v1.{release}.v{version}")
}

/// The labels of the Secret. The caller adds `createdAt` (when it creates it) or `modifiedAt` (when it updates it)
/// in Unix seconds.
#[must_use]
pub fn secret_labels(release: &Release) -> BTreeMap<String, String> {
    let mut labels = release.labels.clone();
    labels.insert("name".to_owned(), release.name.clone());
    labels.insert("owner".to_owned(), "helm".to_owned());
    labels.insert("status".to_owned(), release.status().to_string());
    labels.insert("version".to_owned(), release.version.to_string());
    labels
}

/// What stands under the key `release` of the Secret, before Kubernetes' own base64.
///
/// # Errors
/// When the release has no JSON form.
pub fn encode(release: &Release) -> Result<Vec<u8>, EncodeError> {
    let mut release = release.clone();
    release.config = sorted(&release.config);
    if let Some(values) = release.chart.get_mut("values").and_then(serde_json::Value::as_object_mut) {
        *values = sorted(values);
    }
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&to_go_json(&release)?)?;
    Ok(STANDARD.encode(gzip.finish()?).into_bytes())
}

/// Reads what stands under the key `release` of the Secret, and the labels of the Secret that are not Helm's.
///
/// # Errors
/// When it is no release of Helm 3 or 4.
pub fn decode(data: &[u8], labels: &BTreeMap<String, String>) -> Result<Release, DecodeError> {
    let packed = STANDARD.decode(data)?;
    let json = if packed.starts_with(&[0x1f, 0x8b, 0x08]) { unpack(&packed)? } else { packed };
    let mut release: Release = serde_json::from_slice(&json)?;
    release.config = Values::from_json(std::mem::take(&mut release.config)).into_map();
    let own = labels.iter().filter(|(key, _)| !OWN_LABELS.contains(&key.as_str()));
    release.labels = own.map(|(key, value)| (key.clone(), value.clone())).collect();
    Ok(release)
}

fn unpack(packed: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut json = Vec::new();
    GzDecoder::new(packed).take(UNPACKED + 1).read_to_end(&mut json)?;
    if json.len() as u64 > UNPACKED { Err(DecodeError::Size) } else { Ok(json) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use base64::{Engine, engine::general_purpose::STANDARD};
    use serde_json::json;

    use super::{decode, encode, secret_labels, secret_name, unpack};
    use crate::release::{Info, LastRun, Release, ReleaseHook, Status};

    fn release() -> Release {
        Release {
            name: "web".into(),
            info: Info {
                first_deployed: Some("2026-01-02T03:04:05.678Z".into()),
                last_deployed: Some("2026-01-02T03:04:05.678Z".into()),
                description: "Install complete".into(),
                status: Some(Status::Deployed),
                ..Info::default()
            },
            chart: json!({"metadata": {"name": "c", "version": "1.0.0"}, "values": {"b": 1.0, "a": null}}),
            config: json!({"z": 8080.0, "a": "<x>"}).as_object().unwrap().clone(),
            manifest: "---\n".into(),
            hooks: vec![ReleaseHook {
                name: "h".into(),
                events: vec!["test".into()],
                last_run: LastRun { phase: "Succeeded".into(), ..LastRun::default() },
                weight: -1,
                ..ReleaseHook::default()
            }],
            version: 3,
            namespace: "apps".into(),
            apply_method: "ssa".into(),
            labels: BTreeMap::from([("team".into(), "a".into())]),
            ..Release::default()
        }
    }

    fn json_of(release: &Release) -> String {
        let packed = STANDARD.decode(encode(release).unwrap()).unwrap();
        String::from_utf8(unpack(&packed).unwrap()).unwrap()
    }

    #[test]
    fn the_json_is_gos() {
        assert_eq!(
            json_of(&release()),
            concat!(
                r#"{"name":"web","info":{"first_deployed":"2026-01-02T03:04:05.678Z","last_deployed":"2026-01-02T03:04:05.678Z","description":"Install complete","status":"deployed"},"#,
                r#""chart":{"metadata":{"name":"c","version":"1.0.0"},"values":{"a":null,"b":1}},"#,
                r#""config":{"a":"\u003cx\u003e","z":8080},"manifest":"---\n","#,
                r#""hooks":[{"name":"h","events":["test"],"last_run":{"phase":"Succeeded"},"weight":-1}],"#,
                r#""version":3,"namespace":"apps","apply_method":"ssa"}"#
            )
        );
    }

    #[test]
    fn what_is_packed_is_read_again() {
        let labels = secret_labels(&release());
        assert_eq!(labels["status"], "deployed");
        let again = decode(&encode(&release()).unwrap(), &labels).unwrap();
        assert_eq!(json_of(&again), json_of(&release()));
        assert_eq!(again.labels, release().labels);
        assert_eq!(secret_name("web", 3), "sh.helm.release.v1.web.v3");
    }

    #[test]
    fn a_release_of_helm_3_is_read_and_what_is_unknown_kept() {
        let old = r#"{"name":"old","info":{"first_deployed":"2020-01-01T00:00:00+02:00","last_deployed":"","deleted":"","status":"pending-upgrade","new":{"x":1}},"chart":null,"config":null,"hooks":[{"name":"h","events":null,"last_run":{"started_at":"","completed_at":"","phase":""}}],"version":1,"future":[1]}"#;
        let release = decode(STANDARD.encode(old).as_bytes(), &BTreeMap::new()).unwrap();
        assert_eq!(release.info.first_deployed.as_deref(), Some("2020-01-01T00:00:00+02:00"));
        assert_eq!((release.info.deleted.as_deref(), release.status()), (None, Status::PendingUpgrade));
        assert!(release.status().is_pending());
        let again = json_of(&release);
        assert!(again.contains(r#""new":{"x":1}"#) && again.contains(r#""future":[1]"#), "{again}");
    }

    #[test]
    fn what_is_no_release_is_an_error() {
        for data in ["%", "", "aGk=", "H4sIAAAA"] {
            assert!(decode(data.as_bytes(), &BTreeMap::new()).is_err(), "{data}");
        }
    }
}
