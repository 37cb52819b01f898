//! `index.yaml` of a Helm repository, read as Helm 4 reads it.

use std::collections::BTreeMap;

use helm_template::Metadata;
use k8s_openapi::jiff::Timestamp;
use manifest::yaml::{DuplicateKeys, Limits, parse_value};
use semver_range::Version;
use serde_json::{Map, Value};

use crate::helm::json;

/// What an index says of one version of a chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChartVersion {
    pub(crate) version: String,
    /// Where the archive is; absolute, or relative to the repository.
    pub(crate) url: Option<String>,
    pub(crate) created: Option<Timestamp>,
    /// SHA-256 of the archive in hex, where the index has one.
    pub(crate) digest: Option<String>,
}

/// The versions of each chart, the highest first.
#[derive(Debug, Default)]
pub(crate) struct Index {
    entries: BTreeMap<String, Vec<ChartVersion>>,
}

/// Why a text is no index. Wording is Helm's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum IndexError {
    #[error("empty index.yaml file")]
    Empty,
    #[error("no API version specified")]
    ApiVersion,
    #[error("{0}")]
    Yaml(String),
    #[error("error unmarshaling JSON: while decoding JSON: json: {0}")]
    Shape(String),
}

/// Fields of an index, of an entry beyond the chart's metadata, and of that metadata.
const INDEX_FIELDS: [&str; 6] =
    ["serverInfo", "apiVersion", "generated", "entries", "publicKeys", "annotations"];
const ENTRY_FIELDS: [&str; 25] = [
    "urls",
    "created",
    "removed",
    "digest",
    "checksum",
    "engine",
    "tillerVersion",
    "url",
    "name",
    "home",
    "sources",
    "version",
    "description",
    "keywords",
    "maintainers",
    "icon",
    "apiVersion",
    "condition",
    "tags",
    "appVersion",
    "deprecated",
    "annotations",
    "kubeVersion",
    "dependencies",
    "type",
];

/// Values of an index, each of which takes up to a hundred bytes in memory. The largest public repositories, of 20 MB, have
/// a million.
const MOST_VALUES: usize = 3_000_000;

impl Index {
    /// Reads an index, and gives it once more as the JSON that Flux stores.
    ///
    /// # Errors
    /// See [`IndexError`]. Entries that are no charts are left out, as Helm does.
    pub(crate) fn parse(bytes: &[u8], max_bytes: usize) -> Result<(Self, Vec<u8>), IndexError> {
        if bytes.is_empty() {
            return Err(IndexError::Empty);
        }
        let root = root(bytes, max_bytes)?;
        if text(&root, "apiVersion").is_empty() {
            return Err(IndexError::ApiVersion);
        }
        let mut index = Self::default();
        let mut written: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        for (name, entries) in object(root.get("entries"), "repo.ChartVersions")?.into_iter().flatten() {
            let mut versions = versions(entries)?;
            versions.sort_by(|a, b| b.0.cmp(&a.0));
            let (kept, shown) = versions.into_iter().map(|(_, version, value)| (version, value)).unzip();
            written.insert(name, shown);
            index.entries.insert(name.clone(), kept);
        }
        let stored =
            json::index(&root, root.get("entries").is_some_and(Value::is_object).then_some(&written));
        Ok((index, stored))
    }

    /// The versions of a chart, the highest first.
    pub(crate) fn versions(&self, chart: &str) -> Option<&[ChartVersion]> {
        self.entries.get(chart).map(Vec::as_slice)
    }

    /// About how many bytes it takes in memory.
    pub(crate) fn weight(&self) -> usize {
        let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let one = |version: &ChartVersion| {
            std::mem::size_of::<ChartVersion>()
                + version.version.len()
                + text(&version.url)
                + text(&version.digest)
        };
        self.entries.values().flatten().map(one).sum()
    }
}

fn root(bytes: &[u8], max_bytes: usize) -> Result<Map<String, Value>, IndexError> {
    if bytes.trim_ascii_start().starts_with(b"{") && json_values(bytes) > MOST_VALUES {
        return Err(IndexError::Yaml(format!("the index holds more than {MOST_VALUES} values")));
    }
    let json: Option<Value> = serde_json::from_slice(bytes).ok();
    let is_json = json.is_some();
    let value = match json {
        Some(value) => value,
        None => yaml(bytes, max_bytes)?,
    };
    match value {
        Value::Object(map) if is_json => Ok(map),
        Value::Object(map) => known(&map, &INDEX_FIELDS).map(|()| map),
        Value::Null => Ok(Map::new()),
        other => Err(wrong(&other, "repo.IndexFile")),
    }
}

/// How many values a JSON text holds: one that is made of numbers alone takes forty times its size in memory.
fn json_values(text: &[u8]) -> usize {
    let (mut values, mut in_string, mut escaped) = (1, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b',' | b'[' | b'{' if !in_string => values += 1,
            _ => {}
        }
    }
    values
}

fn yaml(bytes: &[u8], max_bytes: usize) -> Result<Value, IndexError> {
    let text = std::str::from_utf8(bytes).map_err(|_| IndexError::Yaml("yaml: invalid UTF-8".into()))?;
    let limits = Limits { bytes: max_bytes, nodes: MOST_VALUES, ..Limits::default() };
    let value = parse_value("", text, DuplicateKeys::Refuse, &limits).map_err(|error| {
        // libyaml gives a place that go-yaml leaves out for the first lines.
        let cause = error.cause.to_string();
        match error.line {
            0..=2 => IndexError::Yaml(format!("error converting YAML to JSON: yaml: {cause}")),
            line => IndexError::Yaml(format!("error converting YAML to JSON: yaml: line {line}: {cause}")),
        }
    })?;
    let entries = value.get("entries").and_then(Value::as_object);
    for entry in entries.into_iter().flatten().filter_map(|(_, list)| list.as_array()).flatten() {
        entry.as_object().map_or(Ok(()), |entry| known(entry, &ENTRY_FIELDS))?;
    }
    Ok(value)
}

/// A strict reader refuses fields that Helm does not know; YAML is read so, JSON is not.
fn known(map: &Map<String, Value>, fields: &[&str]) -> Result<(), IndexError> {
    let unknown = map.keys().find(|key| !fields.iter().any(|field| field.eq_ignore_ascii_case(key)));
    match unknown {
        None => Ok(()),
        Some(key) => Err(IndexError::Shape(format!("unknown field {key:?}"))),
    }
}

type Sorted = (Option<Version>, ChartVersion, Value);

fn versions(entries: &Value) -> Result<Vec<Sorted>, IndexError> {
    let list = match entries {
        Value::Array(list) => list,
        Value::Null => return Ok(Vec::new()),
        other => return Err(wrong(other, "repo.ChartVersions")),
    };
    let mut found = Vec::new();
    for entry in list.iter().filter(|entry| !entry.is_null()) {
        let map = entry.as_object().ok_or_else(|| wrong(entry, "repo.ChartVersion"))?;
        let metadata = Metadata::from_json(entry).map_err(|error| IndexError::Yaml(error.to_string()))?;
        found.extend(version(map, metadata)?);
    }
    Ok(found)
}

fn version(map: &Map<String, Value>, mut metadata: Metadata) -> Result<Option<Sorted>, IndexError> {
    if metadata.api_version.is_empty() {
        metadata.api_version = "v1".into();
    }
    let parsed = Version::parse(&metadata.version).ok();
    let kind = matches!(metadata.kind.as_str(), "" | "application" | "library");
    let name = &metadata.name;
    let is_name = !matches!(name.as_str(), "" | "." | "..") && !name.contains(['/', '\\']);
    if parsed.is_none() || !kind || !is_name {
        return Ok(None);
    }
    let urls = match map.get("urls") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(urls)) => urls.clone(),
        Some(other) => return Err(wrong(other, "[]string")),
    };
    let created = text(map, "created").parse().ok();
    let digest = Some(text(map, "digest")).filter(|digest| !digest.is_empty()).map(str::to_owned);
    let version = ChartVersion {
        version: metadata.version.clone(),
        url: urls.first().and_then(Value::as_str).map(str::to_owned),
        created,
        digest,
    };
    let written = json::version(map, &metadata);
    Ok(Some((parsed, version, written)))
}

fn object<'a>(value: Option<&'a Value>, wanted: &str) -> Result<Option<&'a Map<String, Value>>, IndexError> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(map)) => Ok(Some(map)),
        Some(other) => Err(wrong(other, &format!("map[string]{wanted}"))),
    }
}

fn text<'a>(map: &'a Map<String, Value>, key: &str) -> &'a str {
    map.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn wrong(value: &Value, wanted: &str) -> IndexError {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    IndexError::Shape(format!("cannot unmarshal {kind} into Go value of type {wanted}"))
}

#[cfg(test)]
mod tests {
    use super::Index;

    fn error(text: &str) -> String {
        Index::parse(text.as_bytes(), 1 << 20).unwrap_err().to_string()
    }

    fn stored(text: &str) -> String {
        String::from_utf8(Index::parse(text.as_bytes(), 1 << 20).unwrap().1).unwrap()
    }

    #[test]
    fn what_is_no_index_is_told_as_helm_tells_it() {
        assert_eq!(error(""), "empty index.yaml file");
        assert_eq!(error("entries: {}\n"), "no API version specified");
        let mapping = "error converting YAML to JSON: yaml: mapping values are not allowed in this context";
        assert!(error("this: is: not: yaml\n\t- x").starts_with(mapping));
        let string = "json: cannot unmarshal string into Go value of type repo.IndexFile";
        assert!(error("<html></html>\n").ends_with(string));
        assert!(error("apiVersion: v1\nfoo: x\n").ends_with("unknown field \"foo\""));
        assert!(Index::parse(br#"{"apiVersion":"v1","foo":"x"}"#, 1 << 20).is_ok());
    }

    #[test]
    fn a_text_of_a_few_megabytes_does_not_become_gigabytes() {
        let json = |list: &str| format!(r#"{{"apiVersion":"v1","note":"\"[[[","x":[{list}0]}}"#);
        let yaml = |list: &str| format!("apiVersion: v1\nannotations:\n{list}");
        for text in [json(&"0,".repeat(4_000_000)), yaml(&"- a\n".repeat(4_000_000))] {
            let error = Index::parse(text.as_bytes(), 50 << 20).unwrap_err().to_string();
            assert!(error.contains("3000000") || error.contains("3_000_000"), "{error}");
        }
        let quoted = format!(r#"{{"apiVersion":"v1","x":"{}"}}"#, ",".repeat(4_000_000));
        assert!(Index::parse(quoted.as_bytes(), 50 << 20).is_ok());
    }

    #[test]
    fn the_stored_form_is_that_of_flux() {
        let none = "{\n  \"apiVersion\": \"v1\",\n  \"generated\": \"0001-01-01T00:00:00Z\",\n  \"entries\": null\n}";
        assert_eq!(stored("apiVersion: v1\n"), none);
        assert_eq!(stored("apiVersion: v1\nentries: {app: [{name: app}]}\n").len(), 97);
    }

    #[test]
    fn the_highest_version_comes_first_and_broken_entries_go() {
        let text = "apiVersion: v1\nentries:\n  app:\n  - {name: app, version: 1.2.0, urls: [a.tgz]}\n  - {name: app, version: 1.10.0}\n  - {name: app, version: x}\n  - null\n";
        let (index, _) = Index::parse(text.as_bytes(), 1 << 20).unwrap();
        let versions: Vec<&str> = index.versions("app").unwrap().iter().map(|v| v.version.as_str()).collect();
        assert_eq!(versions, ["1.10.0", "1.2.0"]);
        assert_eq!(index.versions("app").unwrap()[1].url.as_deref(), Some("a.tgz"));
        assert!(index.versions("none").is_none() && index.weight() > 0);
    }
}
