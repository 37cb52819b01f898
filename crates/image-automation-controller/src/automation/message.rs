use std::collections::BTreeMap;
use std::rc::Rc;

use gotemplate::{FuncError, Funcs, Limits, Session, Templates, Value};
use k8s_openapi::jiff::Timestamp;
use manifest::yaml::{SetterChange, SetterObject};
use runtime::Key;

use super::files::FileChanges;
use super::table::{Struct, Table};
use crate::status::{ImageReason, StepError};

/// The message when none is wanted.
const DEFAULT: &str = "Update from image update automation";
/// The name of the template in errors.
const NAME: &str = "commit message";
/// Bytes of a template and of a message at most.
const LONGEST: u64 = 256 << 10;

/// What a message is made of.
pub(super) struct MessageInput<'a> {
    pub(super) template: Option<&'a str>,
    pub(super) values: &'a BTreeMap<String, String>,
    pub(super) automation: &'a Key,
    pub(super) changes: &'a FileChanges,
}

/// Fields that templates of earlier versions use.
const REMOVED: [(&str, &str, &str); 2] = [
    (
        "can't evaluate field Updated in type source.TemplateData",
        ".Updated",
        "Please use '.Changed' instead.",
    ),
    (
        "can't evaluate field ImageResult in type update.Result",
        ".Changed.ImageResult",
        "Please use '.Changed.FileChanges' or '.Changed.Objects' instead.",
    ),
];
const HELP: &str = "See: https://fluxcd.io/flux/components/image/imageupdateautomations/#message-template";

/// The commit's message. Its template gets the functions whose result follows from their input alone.
pub(super) fn message(input: &MessageInput<'_>) -> Result<String, StepError> {
    let failed = |text: String| {
        StepError::retry(ImageReason::GitOperationFailed, format!("failed to update source: {text}"))
    };
    let Some(template) = input.template.filter(|text| !text.is_empty()) else {
        return Ok(DEFAULT.to_owned());
    };
    if template.len() as u64 > LONGEST {
        return Err(failed(format!("commit message template is longer than {LONGEST} bytes")));
    }
    let funcs = functions();
    let mut templates = Templates::new(NAME);
    templates
        .parse(NAME, template, &funcs)
        .map_err(|error| failed(format!("unable to create commit message template from spec: {error}")))?;
    let limits = Limits { steps: 1_000_000, depth: 100, produced: LONGEST, value: 1 << 20, memory: 8 << 20 };
    let session = Session::new(limits);
    let printed = templates.execute(NAME, &data(input), &funcs, &session).map_err(|error| {
        let text = error.to_string();
        let removed = REMOVED.iter().find(|(phrase, ..)| text.contains(phrase));
        match removed {
            Some((_, field, advice)) => StepError::stalled(
                ImageReason::RemovedTemplateField,
                format!("template uses removed '{field}' field. {advice} {HELP}"),
            ),
            None => failed(format!("failed to run template from spec: {text}")),
        }
    })?;
    Ok(printed.text().into_owned())
}

/// Functions whose result does not follow from their input: Sprig's list of them. The environment is none of a
/// template's business.
const NOT_REPEATABLE: [&str; 17] = [
    "date",
    "date_in_zone",
    "date_modify",
    "now",
    "htmlDate",
    "htmlDateInZone",
    "dateInZone",
    "dateModify",
    "randAlphaNum",
    "randAlpha",
    "randAscii",
    "randNumeric",
    "randBytes",
    "uuidv4",
    "env",
    "expandenv",
    "getHostByName",
];

fn functions() -> Funcs {
    let mut funcs = Funcs::new();
    sprig::add_functions(&mut funcs, Rc::new(NoHost));
    NOT_REPEATABLE.iter().for_each(|name| funcs.remove(name));
    funcs
}

/// Neither randomness nor environment.
struct NoHost;

impl sprig::Host for NoHost {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn random(&self, _: &mut [u8]) -> Result<(), FuncError> {
        Err(FuncError::from("commit messages have no randomness"))
    }
}

/// `TemplateData` of Flux.
fn data(input: &MessageInput<'_>) -> Value {
    let text = |text: &str| Value::string(text.to_owned());
    let automation = Struct {
        name: "types.NamespacedName",
        fields: vec![
            ("Namespace", text(&input.automation.namespace)),
            ("Name", text(&input.automation.name)),
        ],
        text: Some(input.automation.to_string()),
        ..Struct::default()
    };
    let changed = Struct {
        name: "update.Result",
        fields: vec![("FileChanges", file_changes(input.changes))],
        methods: vec![("Changes", changes(input.changes)), ("Objects", objects(input.changes))],
        ..Struct::default()
    };
    let values = input.values.iter().map(|(key, value)| (key.as_str(), text(value)));
    let fields = vec![
        ("AutomationObject", Value::object(automation)),
        ("Changed", Value::object(changed)),
        ("Values", Value::map(values.collect::<Vec<_>>())),
    ];
    Value::object(Struct { name: "source.TemplateData", fields, ..Struct::default() })
}

/// File → object → changes.
fn file_changes(files: &FileChanges) -> Value {
    let pairs = files
        .iter()
        .map(|(file, changes)| (Value::string(file.clone()), object_changes(by_object(changes.iter()))));
    Value::object(Table { name: "map[string]update.ObjectChanges", pairs: pairs.collect() })
}

fn objects(files: &FileChanges) -> Value {
    object_changes(by_object(files.values().flatten()))
}

/// Every change once, in the order of the files.
fn changes(files: &FileChanges) -> Value {
    let mut seen = std::collections::HashSet::new();
    let all = files.values().flatten();
    let once = all.filter(|change| seen.insert((&change.setter, &change.old, &change.new)));
    Value::list(once.map(change).collect::<Vec<_>>())
}

fn change(change: &SetterChange) -> Value {
    let fields = [("OldValue", &change.old), ("NewValue", &change.new), ("Setter", &change.setter)];
    let fields = fields.map(|(name, text)| (name, Value::string(text.clone())));
    Value::object(Struct { name: "update.Change", fields: fields.into(), ..Struct::default() })
}

type ByObject<'a> = BTreeMap<[&'a str; 4], (&'a SetterObject, Vec<&'a SetterChange>)>;

/// In the order in which Go sorts the keys.
fn by_object<'a>(changes: impl Iterator<Item = &'a SetterChange>) -> ByObject<'a> {
    let mut sorted = ByObject::new();
    for change in changes {
        let object = &change.object;
        let key = [&*object.api_version, &*object.kind, &*object.name, &*object.namespace];
        sorted.entry(key).or_insert_with(|| (object, Vec::new())).1.push(change);
    }
    sorted
}

fn object_changes(sorted: ByObject<'_>) -> Value {
    let pairs = sorted.into_values().map(|(object, changes)| {
        (identifier(object), Value::list(changes.into_iter().map(change).collect::<Vec<_>>()))
    });
    Value::object(Table { name: "update.ObjectChanges", pairs: pairs.collect() })
}

/// kyaml's identifier, with the structs it embeds.
fn identifier(id: &SetterObject) -> Value {
    let text = |text: &String| Value::string(text.clone());
    let plain = |name, fields| Value::object(Struct { name, fields, ..Struct::default() });
    let kind = plain("yaml.TypeMeta", vec![("APIVersion", text(&id.api_version)), ("Kind", text(&id.kind))]);
    let name = plain("yaml.NameMeta", vec![("Name", text(&id.name)), ("Namespace", text(&id.namespace))]);
    let resource = plain("yaml.ResourceIdentifier", vec![("TypeMeta", kind), ("NameMeta", name)]);
    plain("update.ObjectIdentifier", vec![("ResourceIdentifier", resource)])
}

#[cfg(test)]
mod tests {
    use super::{MessageInput, message};
    use crate::status::{Disposition, StepError};
    use manifest::yaml::{SetterChange, SetterObject};
    use runtime::Key;

    fn render(template: &str) -> Result<String, StepError> {
        let object = |kind: &str, name: &str| SetterObject {
            api_version: "v1".into(),
            kind: kind.into(),
            name: name.into(),
            namespace: String::new(),
        };
        let change = |object: SetterObject| SetterChange {
            object,
            setter: "ns:app".into(),
            old: "a:1".into(),
            new: "a:2".into(),
        };
        let files = [
            ("b.yaml".to_owned(), vec![change(object("Pod", "p"))]),
            ("a.yaml".to_owned(), vec![change(object("Pod", "q")), change(object("ConfigMap", "c"))]),
        ];
        message(&MessageInput {
            template: Some(template),
            values: &[("env".to_owned(), "prod".to_owned())].into(),
            automation: &Key::new("ns", "auto"),
            changes: &files.into(),
        })
    }

    fn check(template: &str, expected: &str) {
        assert_eq!(render(template).unwrap_or_else(|error| error.message), expected, "{template}");
    }

    #[test]
    fn templates_see_what_changed() {
        check("", "Update from image update automation");
        check("{{ .AutomationObject }} {{ .AutomationObject.Name }} {{ .Values.env }}", "ns/auto auto prod");
        check("{{ .Values.env | upper | quote }} {{ splitList \"/\" \"a/b\" | last }}", "\"PROD\" b");
        check(
            "{{ range .Changed.Changes }}{{ .OldValue }}>{{ .NewValue }} {{ .Setter }};{{ end }}",
            "a:1>a:2 ns:app;",
        );
        check(
            "{{ range $f, $o := .Changed.FileChanges }}{{ $f }}:{{ len $o }} {{ end }}",
            "a.yaml:2 b.yaml:1 ",
        );
        check(
            "{{ range $r, $c := .Changed.Objects }}{{ $r.Kind }}/{{ $r.Name }}={{ len $c }} {{ end }}",
            "ConfigMap/c=1 Pod/p=1 Pod/q=1 ",
        );
    }

    #[test]
    fn functions_that_look_at_the_world_are_not_there() {
        for name in super::NOT_REPEATABLE {
            let error = render(&format!("{{{{ {name} }}}}")).unwrap_err().message;
            assert!(error.ends_with(&format!("function {name:?} not defined")), "{error}");
        }
    }

    #[test]
    fn fields_of_earlier_versions_stall_and_other_mistakes_are_retried() {
        for template in ["{{ .Updated.Images }}", "{{ .Changed.ImageResult }}"] {
            let error = render(template).unwrap_err();
            assert_eq!(error.disposition, Disposition::Stalled);
            assert!(error.message.starts_with("template uses removed '."), "{error}");
        }
        let error = render("{{ .Nope }}").unwrap_err();
        assert_eq!(error.disposition, Disposition::Retry);
        let expected = "failed to update source: failed to run template from spec: template: commit message:1:3: \
                        executing \"commit message\" at <.Nope>: can't evaluate field Nope in type source.TemplateData";
        assert_eq!(error.message, expected);
        let expected = "failed to update source: unable to create commit message template from spec: \
                        template: commit message:1: function \"bad\" not defined";
        check("{{ bad }}", expected);
    }
}
