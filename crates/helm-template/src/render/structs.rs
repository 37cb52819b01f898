//! `.Chart` as Helm 3 gives it to templates: Go's structs, where Helm 4 gives a map.
use gotemplate::{HostObject, Kind, List, Map, Numbers, Str, Type, Value};

use crate::chart::{Dependency, ImportValues, Maintainer, Metadata};

/// A field of a struct.
struct Field {
    name: &'static str,
    json: &'static str,
    value: Value,
    /// Without `omitempty`.
    always: bool,
}

/// A struct or a pointer to one.
struct Struct {
    name: &'static str,
    fields: Vec<Field>,
}

/// `[]*chart.Maintainer` and the like.
struct Pointers {
    name: &'static str,
    element: &'static str,
    items: Vec<Value>,
}

/// The metadata, embedded, and `IsRoot`.
struct ChartStruct {
    metadata: Struct,
    root: bool,
}

/// The value of `.Chart`.
pub(super) fn chart_struct(metadata: &Metadata, root: bool) -> Value {
    let metadata = Struct { name: "chart.Metadata", fields: metadata_fields(metadata) };
    Value::object(ChartStruct { metadata, root })
}

impl HostObject for Struct {
    fn type_name(&self) -> &'static str {
        self.name
    }

    fn kind(&self) -> Kind {
        if self.name.starts_with('*') { Kind::Ptr } else { Kind::Struct }
    }

    fn field(&self, name: &str) -> Option<Value> {
        self.fields.iter().find(|field| field.name == name).map(|field| field.value.clone())
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        self.fields.iter().map(|field| (field.name, field.value.clone())).collect()
    }

    /// By their names in JSON, without those that are empty.
    fn exported(&self) -> Vec<(&'static str, Value)> {
        let shown = self.fields.iter().filter(|field| field.always || field.value.truth());
        shown.map(|field| (field.json, field.value.clone())).collect()
    }
}

impl HostObject for Pointers {
    fn type_name(&self) -> &'static str {
        self.name
    }

    fn kind(&self) -> Kind {
        Kind::Slice
    }

    fn entries(&self) -> Vec<(Str, Value)> {
        self.items.iter().map(|item| (Str::default(), item.clone())).collect()
    }

    fn element(&self) -> Type {
        Type::Object(self.element)
    }

    fn json(&self) -> Option<Value> {
        Some(if self.items.is_empty() { Value::Nil } else { Value::list(self.items.clone()) })
    }
}

impl HostObject for ChartStruct {
    fn type_name(&self) -> &'static str {
        "struct { chart.Metadata; IsRoot bool }"
    }

    fn field(&self, name: &str) -> Option<Value> {
        let own = self.fields().into_iter().find(|(own, _)| *own == name);
        own.map(|(_, value)| value).or_else(|| self.metadata.field(name))
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        let fields = self.metadata.fields.iter().map(|field| Field { value: field.value.clone(), ..*field });
        let metadata = Struct { name: self.metadata.name, fields: fields.collect() };
        vec![("Metadata", Value::object(metadata)), ("IsRoot", Value::Bool(self.root))]
    }

    fn exported(&self) -> Vec<(&'static str, Value)> {
        let mut fields = self.metadata.exported();
        fields.push(("IsRoot", Value::Bool(self.root)));
        fields
    }
}

fn field(name: &'static str, json: &'static str, value: Value) -> Field {
    Field { name, json, value, always: false }
}

fn text(name: &'static str, json: &'static str, text: &str) -> Field {
    field(name, json, Value::string(text))
}

fn texts(texts: &[String]) -> Value {
    if texts.is_empty() { Value::List(List::nil(Type::Strings)) } else { Value::strings(texts) }
}

fn metadata_fields(metadata: &Metadata) -> Vec<Field> {
    let maintainers = metadata.maintainers.iter().map(maintainer).collect();
    let dependencies = metadata.dependencies.iter().flatten().map(dependency).collect();
    vec![
        text("Name", "name", &metadata.name),
        text("Home", "home", &metadata.home),
        field("Sources", "sources", texts(&metadata.sources)),
        text("Version", "version", &metadata.version),
        text("Description", "description", &metadata.description),
        field("Keywords", "keywords", texts(&metadata.keywords)),
        field("Maintainers", "maintainers", pointers("[]*chart.Maintainer", maintainers)),
        text("Icon", "icon", &metadata.icon),
        text("APIVersion", "apiVersion", &metadata.api_version),
        text("Condition", "condition", &metadata.condition),
        text("Tags", "tags", &metadata.tags),
        text("AppVersion", "appVersion", &metadata.app_version),
        field("Deprecated", "deprecated", Value::Bool(metadata.deprecated)),
        field("Annotations", "annotations", annotations(&metadata.annotations)),
        text("KubeVersion", "kubeVersion", &metadata.kube_version),
        field("Dependencies", "dependencies", pointers("[]*chart.Dependency", dependencies)),
        text("Type", "type", &metadata.kind),
    ]
}

/// A list of pointers, by the name of its type.
fn pointers(name: &'static str, items: Vec<Value>) -> Value {
    Value::object(Pointers { name, element: name.trim_start_matches("[]"), items })
}

fn annotations(entries: &[(String, String)]) -> Value {
    if entries.is_empty() {
        return Value::Map(Map::nil(Type::StringMap));
    }
    let map = Map::of(Type::StringMap);
    for (key, value) in entries {
        map.insert(key, Value::string(value));
    }
    Value::Map(map)
}

fn maintainer(person: &Maintainer) -> Value {
    let fields = vec![
        text("Name", "name", &person.name),
        text("Email", "email", &person.email),
        text("URL", "url", &person.url),
    ];
    Value::object(Struct { name: "*chart.Maintainer", fields })
}

fn dependency(dependency: &Dependency) -> Value {
    let always = |name, json, value| Field { always: true, ..text(name, json, value) };
    let fields = vec![
        always("Name", "name", &dependency.name),
        text("Version", "version", &dependency.version),
        always("Repository", "repository", &dependency.repository),
        text("Condition", "condition", &dependency.condition),
        field("Tags", "tags", texts(&dependency.tags)),
        field("Enabled", "enabled", Value::Bool(dependency.enabled)),
        field("ImportValues", "import-values", imports(&dependency.import_values)),
        text("Alias", "alias", &dependency.alias),
    ];
    Value::object(Struct { name: "*chart.Dependency", fields })
}

fn imports(imports: &[ImportValues]) -> Value {
    if imports.is_empty() {
        return Value::List(List::nil(Type::List));
    }
    Value::list(imports.iter().map(import_value).collect())
}

/// One entry of `import-values`, as resolving has left it.
pub(super) fn import_value(import: &ImportValues) -> Value {
    match import {
        ImportValues::Export(key) => Value::string(key),
        ImportValues::Paths { child, parent } => {
            Value::map([("child", Value::string(child)), ("parent", Value::string(parent))])
        }
        ImportValues::Other(value) => Value::from_json(value, Numbers::Float),
    }
}
