//! `Chart.yaml`, `Chart.lock` and the older `requirements.yaml`, read as Go's decoder reads them into structs.
use manifest::yaml::{DuplicateKeys, Limits, parse_value};
use semver_range::Version;
use serde_json::{Map, Value, json};

use crate::godecode::{DecodeError, Fields};

/// What `Chart.yaml` says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    /// Name; an alias replaces it.
    pub name: String,
    /// URL of the project.
    pub home: String,
    /// URLs of the source code.
    pub sources: Vec<String>,
    /// Version, a semantic version.
    pub version: String,
    /// One sentence.
    pub description: String,
    /// Words to find it by.
    pub keywords: Vec<String>,
    /// Who maintains it.
    pub maintainers: Vec<Maintainer>,
    /// URL of a picture.
    pub icon: String,
    /// `v1` or `v2`.
    pub api_version: String,
    /// Kept from Helm 2; without effect.
    pub condition: String,
    /// Kept from Helm 2; without effect.
    pub tags: String,
    /// Version of the application.
    pub app_version: String,
    /// Whether it should no longer be used.
    pub deprecated: bool,
    /// Anything else, in the order written.
    pub annotations: Vec<(String, String)>,
    /// The versions of Kubernetes it works with, a constraint.
    pub kube_version: String,
    /// The charts it needs; `None` when the field is absent, which leaves `charts/` as it is.
    pub dependencies: Option<Vec<Dependency>>,
    /// `application`, `library` or empty.
    pub kind: String,
}

/// One maintainer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Maintainer {
    /// Name.
    pub name: String,
    /// Mail address.
    pub email: String,
    /// URL.
    pub url: String,
}

/// A chart that another needs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dependency {
    /// Name in the other chart's `Chart.yaml`.
    pub name: String,
    /// Version constraint; a version in a lock file.
    pub version: String,
    /// Where to get it: URL, `@alias` or `file://`.
    pub repository: String,
    /// Comma-separated paths of values, the first boolean among which switches it.
    pub condition: String,
    /// Tags that switch it together with others.
    pub tags: Vec<String>,
    /// Set while dependencies are resolved.
    pub enabled: bool,
    /// Values of it that the parent takes over.
    pub import_values: Vec<ImportValues>,
    /// Another name for it in this chart.
    pub alias: String,
}

/// One entry of `import-values`.
#[derive(Clone, Debug, PartialEq)]
pub enum ImportValues {
    /// A key under `exports` of the child, merged into the parent's root.
    Export(String),
    /// A path in the child and one in the parent.
    Paths {
        /// Path in the child's values.
        child: String,
        /// Path in the parent's values; `.` is the root.
        parent: String,
    },
    /// Something else, kept and ignored as Helm does.
    Other(Value),
}

/// `Chart.lock`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lock {
    /// When it was made, RFC 3339.
    pub generated: String,
    /// Digest of the dependencies it was made from.
    pub digest: String,
    /// The versions chosen.
    pub dependencies: Vec<Dependency>,
}

/// Why metadata is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// No YAML, or a field of another kind.
    #[error("{0}")]
    Decode(String),
    /// A field is missing or has a value that it may not have.
    #[error("validation: {0}")]
    Invalid(String),
}

impl From<DecodeError> for MetadataError {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error.to_string())
    }
}

impl Metadata {
    /// Reads `Chart.yaml`.
    ///
    /// # Errors
    /// When it is no YAML or a field has another kind.
    pub fn parse(text: &str) -> Result<Self, MetadataError> {
        let mut metadata = Self::default();
        metadata.read_over(text)?;
        Ok(metadata)
    }

    /// Reads what [`Metadata::to_json`] or Go wrote.
    ///
    /// # Errors
    /// When a field has another kind.
    pub fn from_json(value: &Value) -> Result<Self, MetadataError> {
        let mut metadata = Self::default();
        match value {
            Value::Object(map) => metadata.read_fields(map)?,
            Value::Null => {}
            other => return Err(DecodeError::whole(other, "v2.Metadata").into()),
        }
        Ok(metadata)
    }

    /// Reads a text over what is there, as `requirements.yaml` is read over `Chart.yaml`.
    pub(super) fn read_over(&mut self, text: &str) -> Result<(), MetadataError> {
        mapping(text)?.map_or(Ok(()), |map| self.read_fields(&map))
    }

    fn read_fields(&mut self, map: &Map<String, Value>) -> Result<(), MetadataError> {
        let fields = Fields::new("Metadata", map);
        fields.text("name", &mut self.name)?;
        fields.text("home", &mut self.home)?;
        fields.texts("sources", &mut self.sources)?;
        fields.text("version", &mut self.version)?;
        fields.text("description", &mut self.description)?;
        fields.texts("keywords", &mut self.keywords)?;
        if let Some(items) = fields.structs("maintainers", "Maintainer")? {
            self.maintainers = items.iter().map(maintainer).collect::<Result<_, _>>()?;
        }
        fields.text("icon", &mut self.icon)?;
        fields.text("apiVersion", &mut self.api_version)?;
        fields.text("condition", &mut self.condition)?;
        fields.text("tags", &mut self.tags)?;
        fields.text("appVersion", &mut self.app_version)?;
        fields.flag("deprecated", &mut self.deprecated)?;
        fields.text_map("annotations", &mut self.annotations)?;
        fields.text("kubeVersion", &mut self.kube_version)?;
        if let Some(items) = fields.structs("dependencies", "Dependency")? {
            self.dependencies = Some(items.iter().map(dependency).collect::<Result<_, _>>()?);
        }
        fields.text("type", &mut self.kind)?;
        Ok(())
    }

    /// Checks and cleans it: control characters go, blanks of all kinds become spaces.
    pub(super) fn validate(&mut self) -> Result<(), MetadataError> {
        for text in [
            &mut self.name,
            &mut self.description,
            &mut self.home,
            &mut self.icon,
            &mut self.condition,
            &mut self.tags,
            &mut self.app_version,
            &mut self.kube_version,
        ] {
            sanitize(text);
        }
        self.sources.iter_mut().chain(&mut self.keywords).for_each(sanitize);
        self.validate_required()?;
        for person in &mut self.maintainers {
            [&mut person.name, &mut person.email, &mut person.url].into_iter().for_each(sanitize);
        }
        let mut seen: Vec<String> = Vec::new();
        for dependency in self.dependencies.iter_mut().flatten() {
            dependency.validate()?;
            let key = if dependency.alias.is_empty() { &dependency.name } else { &dependency.alias };
            if seen.contains(key) {
                return invalid(format!("more than one dependency with name or alias {key:?}"));
            }
            seen.push(key.clone());
        }
        Ok(())
    }

    fn validate_required(&self) -> Result<(), MetadataError> {
        let name = &self.name;
        if self.api_version.is_empty() {
            return invalid("chart.metadata.apiVersion is required");
        }
        if name.is_empty() {
            return invalid("chart.metadata.name is required");
        }
        if name == "." || name == ".." {
            return invalid(format!("chart.metadata.name {name:?} is not allowed"));
        }
        if name.contains('/') {
            return invalid(format!("chart.metadata.name {name:?} is invalid"));
        }
        if self.version.is_empty() {
            return invalid("chart.metadata.version is required");
        }
        if Version::parse(&self.version).is_err() {
            return invalid(format!("chart.metadata.version {:?} is invalid", self.version));
        }
        if !matches!(self.kind.as_str(), "" | "application" | "library") {
            return invalid("chart.metadata.type must be application or library");
        }
        Ok(())
    }

    /// The JSON that Go writes: empty fields left out, in the order of Go's struct.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut map = Map::new();
        text(&mut map, "name", &self.name);
        text(&mut map, "home", &self.home);
        texts(&mut map, "sources", &self.sources);
        text(&mut map, "version", &self.version);
        text(&mut map, "description", &self.description);
        texts(&mut map, "keywords", &self.keywords);
        list(&mut map, "maintainers", self.maintainers.iter().map(Maintainer::to_json));
        text(&mut map, "icon", &self.icon);
        text(&mut map, "apiVersion", &self.api_version);
        text(&mut map, "condition", &self.condition);
        text(&mut map, "tags", &self.tags);
        text(&mut map, "appVersion", &self.app_version);
        if self.deprecated {
            map.insert("deprecated".to_owned(), Value::Bool(true));
        }
        if !self.annotations.is_empty() {
            let mut sorted: Vec<_> = self.annotations.iter().collect();
            sorted.sort();
            let entries = sorted.into_iter().map(|(key, value)| (key.clone(), Value::from(value.as_str())));
            map.insert("annotations".to_owned(), Value::Object(entries.collect()));
        }
        text(&mut map, "kubeVersion", &self.kube_version);
        list(&mut map, "dependencies", self.dependencies.iter().flatten().map(Dependency::to_json));
        text(&mut map, "type", &self.kind);
        Value::Object(map)
    }
}

impl Maintainer {
    fn to_json(&self) -> Value {
        let mut map = Map::new();
        text(&mut map, "name", &self.name);
        text(&mut map, "email", &self.email);
        text(&mut map, "url", &self.url);
        Value::Object(map)
    }
}

impl Dependency {
    fn validate(&mut self) -> Result<(), MetadataError> {
        for text in [&mut self.name, &mut self.version, &mut self.repository, &mut self.condition] {
            sanitize(text);
        }
        self.tags.iter_mut().for_each(sanitize);
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if !self.alias.chars().all(fits) {
            return invalid(format!("dependency {:?} has disallowed characters in the alias", self.name));
        }
        Ok(())
    }

    /// The JSON that Go writes.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut map = Map::new();
        map.insert("name".to_owned(), json!(self.name));
        text(&mut map, "version", &self.version);
        map.insert("repository".to_owned(), json!(self.repository));
        text(&mut map, "condition", &self.condition);
        texts(&mut map, "tags", &self.tags);
        if self.enabled {
            map.insert("enabled".to_owned(), Value::Bool(true));
        }
        list(&mut map, "import-values", self.import_values.iter().map(ImportValues::to_json));
        text(&mut map, "alias", &self.alias);
        Value::Object(map)
    }
}

impl ImportValues {
    fn parse(value: &Value) -> Self {
        let path = |value: Option<&Value>| match value {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => "<nil>".to_owned(),
        };
        match value {
            Value::String(key) => Self::Export(key.clone()),
            Value::Object(map) => {
                Self::Paths { child: path(map.get("child")), parent: path(map.get("parent")) }
            }
            other => Self::Other(other.clone()),
        }
    }

    fn to_json(&self) -> Value {
        match self {
            Self::Export(key) => Value::from(key.as_str()),
            Self::Paths { child, parent } => json!({"child": child, "parent": parent}),
            Self::Other(value) => value.clone(),
        }
    }
}

impl Lock {
    /// Reads `Chart.lock` or `requirements.lock`.
    ///
    /// # Errors
    /// When it is no YAML or a field has another kind.
    pub fn parse(source: &str) -> Result<Self, MetadataError> {
        let mut lock = Self { generated: "0001-01-01T00:00:00Z".to_owned(), ..Self::default() };
        let Some(map) = mapping(source)? else { return Ok(lock) };
        let fields = Fields::new("Lock", &map);
        fields.text("generated", &mut lock.generated)?;
        fields.text("digest", &mut lock.digest)?;
        if let Some(items) = fields.structs("dependencies", "Dependency")? {
            lock.dependencies = items.iter().map(dependency).collect::<Result<_, _>>()?;
        }
        Ok(lock)
    }

    /// The JSON that Go writes.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let dependencies: Vec<Value> = self.dependencies.iter().map(Dependency::to_json).collect();
        json!({"generated": self.generated, "digest": self.digest, "dependencies": dependencies})
    }
}

fn mapping(text: &str) -> Result<Option<Map<String, Value>>, MetadataError> {
    let value = parse_value("", text, DuplicateKeys::LastWins, &Limits::default())
        .map_err(|error| MetadataError::Decode(error.go_text(text)))?;
    match value {
        Value::Object(map) => Ok(Some(map)),
        Value::Null => Ok(None),
        other => Err(DecodeError::whole(&other, "v2.Metadata").into()),
    }
}

fn maintainer(fields: &Fields<'_>) -> Result<Maintainer, MetadataError> {
    let mut person = Maintainer::default();
    if fields.is_null() {
        return invalid("maintainers must not contain empty or null nodes");
    }
    fields.text("name", &mut person.name)?;
    fields.text("email", &mut person.email)?;
    fields.text("url", &mut person.url)?;
    Ok(person)
}

fn dependency(fields: &Fields<'_>) -> Result<Dependency, MetadataError> {
    let mut dependency = Dependency::default();
    if fields.is_null() {
        return invalid("dependencies must not contain empty or null nodes");
    }
    fields.text("name", &mut dependency.name)?;
    fields.text("version", &mut dependency.version)?;
    fields.text("repository", &mut dependency.repository)?;
    fields.text("condition", &mut dependency.condition)?;
    fields.texts("tags", &mut dependency.tags)?;
    fields.flag("enabled", &mut dependency.enabled)?;
    if let Some(items) = fields.list("import-values")? {
        dependency.import_values = items.iter().map(ImportValues::parse).collect();
    }
    fields.text("alias", &mut dependency.alias)?;
    Ok(dependency)
}

fn invalid<T>(text: impl Into<String>) -> Result<T, MetadataError> {
    Err(MetadataError::Invalid(text.into()))
}

/// Blanks become spaces, what cannot be printed goes.
fn sanitize(text: &mut String) {
    if text.chars().any(|c| c.is_whitespace() || c.is_control() || !c.is_ascii()) {
        let kept = text.chars().filter_map(|c| match c {
            c if c.is_whitespace() => Some(' '),
            c if c.is_control() || is_format(c) => None,
            c => Some(c),
        });
        *text = kept.collect();
    }
}

/// Invisible characters of Unicode's format class that occur in texts.
fn is_format(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn text(map: &mut Map<String, Value>, key: &str, value: &str) {
    if !value.is_empty() {
        map.insert(key.to_owned(), Value::from(value));
    }
}

fn texts(map: &mut Map<String, Value>, key: &str, values: &[String]) {
    list(map, key, values.iter().map(|value| Value::from(value.as_str())));
}

fn list(map: &mut Map<String, Value>, key: &str, values: impl Iterator<Item = Value>) {
    let values: Vec<Value> = values.collect();
    if !values.is_empty() {
        map.insert(key.to_owned(), Value::Array(values));
    }
}

#[cfg(test)]
mod tests {
    use super::{ImportValues, Lock, Metadata};

    fn check(text: &str) -> Result<Metadata, String> {
        let mut metadata = Metadata::parse(text).map_err(|error| error.to_string())?;
        metadata.validate().map_err(|error| error.to_string())?;
        Ok(metadata)
    }

    const GOOD: &str = "apiVersion: v2\nname: c\nversion: 1.0.0\n";

    #[test]
    fn scalars_become_text_where_text_is_wanted() {
        let metadata = check(&format!("{GOOD}appVersion: 1.20\nannotations: {{a: 5, b: true}}\n")).unwrap();
        assert_eq!(metadata.app_version, "1.2");
        assert_eq!(metadata.annotations, [("a".into(), "5".into()), ("b".into(), "true".into())]);
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (text, expect) in [
            ("name: c\nversion: 1.0.0\n", "validation: chart.metadata.apiVersion is required"),
            ("apiVersion: v2\nversion: 1.0.0\n", "validation: chart.metadata.name is required"),
            ("apiVersion: v2\nname: c\n", "validation: chart.metadata.version is required"),
            (
                "apiVersion: v2\nname: a/b\nversion: 1.0.0\n",
                "validation: chart.metadata.name \"a/b\" is invalid",
            ),
            ("apiVersion: v2\nname: c\nversion: x\n", "validation: chart.metadata.version \"x\" is invalid"),
        ] {
            assert_eq!(check(text).unwrap_err(), expect);
        }
        let twice = format!("{GOOD}dependencies:\n- name: a\n- {{name: b, alias: a}}\n");
        assert_eq!(
            check(&twice).unwrap_err(),
            "validation: more than one dependency with name or alias \"a\""
        );
        let empty = format!("{GOOD}dependencies: [null]\n");
        assert_eq!(
            check(&empty).unwrap_err(),
            "validation: dependencies must not contain empty or null nodes"
        );
        let kind = format!("{GOOD}maintainers: {{name: x}}\n");
        assert!(check(&kind).unwrap_err().contains("cannot unmarshal object into Go struct field"));
    }

    #[test]
    fn json_is_in_gos_order_without_empty_fields() {
        let text = "version: 1.0.0\ntype: application\napiVersion: v2\nname: c\nsources: [x]\n\
            dependencies:\n- {name: d, version: 1.x, repository: '', import-values: [e, {child: a, parent: b}]}\n";
        let metadata = check(text).unwrap();
        assert_eq!(
            metadata.to_json().to_string(),
            r#"{"name":"c","sources":["x"],"version":"1.0.0","apiVersion":"v2","dependencies":[{"name":"d","version":"1.x","repository":"","import-values":["e",{"child":"a","parent":"b"}]}],"type":"application"}"#
        );
        assert_eq!(metadata.dependencies.unwrap()[0].import_values[0], ImportValues::Export("e".into()));
    }

    #[test]
    fn texts_are_cleaned() {
        let metadata = check(&format!("{GOOD}description: \"a\\tb\\u0007c\"\n")).unwrap();
        assert_eq!(metadata.description, "a bc");
    }

    #[test]
    fn a_lock_is_read() {
        let lock = Lock::parse("digest: sha256:x\ndependencies: [{name: a, version: 1.0.0}]\n").unwrap();
        assert_eq!((lock.digest.as_str(), lock.dependencies[0].version.as_str()), ("sha256:x", "1.0.0"));
    }
}
