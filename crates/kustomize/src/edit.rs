//! Edits of a kustomization file that keep every other byte: comments, order, quotes, line ends.
//!
//! `kustomize edit` writes the whole file anew; what these change means the same. Each edit is checked: the new text
//! must read as the old one but for the field.

use manifest::yaml::{
    DuplicateKeys, Limits, Outline, ScalarStyle, Shape, YamlError, outline, parse_value, scalar_text,
};
use serde_json::{Map, Value};

/// Why a file cannot be edited.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// Not YAML.
    #[error("invalid Kustomization: {0}")]
    Yaml(#[from] YamlError),
    /// The file, or an entry of a list, is no mapping.
    #[error("{0} is no mapping")]
    NotAMapping(String),
    /// The field is no list.
    #[error("field {0} is no list")]
    NotAList(&'static str),
    /// The field is written in a way that cannot be changed alone, such as through an alias.
    #[error("field {0} cannot be edited in place; write it as a plain list or value")]
    NotInPlace(&'static str),
    /// An image that says neither name, tag nor digest.
    #[error(
        "invalid format of image, use one of name=newname:tag, name:tag, name@digest, name=newname@digest: {0}"
    )]
    Image(String),
}

/// What becomes of a part of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ImagePart {
    /// It is taken away.
    #[default]
    Remove,
    /// It stays as it is: `*` on the command line.
    Keep,
    /// It is set.
    Set(String),
}

/// An entry of `images`, as `kustomize edit set image` takes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageChange {
    /// The image as it stands in the resources.
    pub name: String,
    /// `newName`
    pub new_name: ImagePart,
    /// `newTag`
    pub new_tag: ImagePart,
    /// `digest`
    pub digest: ImagePart,
}

impl ImageChange {
    /// Reads `nginx=my/nginx:1.2@sha256:…`, `nginx:1.2`, `nginx=*:1.2`.
    ///
    /// # Errors
    /// When nothing but a name is given.
    pub fn parse(argument: &str) -> Result<Self, EditError> {
        let part = |text: &str| match text {
            "" => ImagePart::Remove,
            "*" => ImagePart::Keep,
            text => ImagePart::Set(text.to_owned()),
        };
        let (key, value) =
            argument.split_once('=').map_or((None, argument), |(key, value)| (Some(key), value));
        let (rest, digest) = value.split_once('@').unwrap_or((value, ""));
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, tag),
            _ => (rest, ""),
        };
        if name == argument {
            return Err(EditError::Image(argument.to_owned()));
        }
        let (new_tag, digest) = (part(tag), part(digest));
        Ok(match key {
            Some(key) => Self { name: key.to_owned(), new_name: part(name), new_tag, digest },
            None => Self { name: name.to_owned(), new_name: ImagePart::Remove, new_tag, digest },
        })
    }

    fn parts(&self) -> [(&'static str, &ImagePart); 3] {
        [("newName", &self.new_name), ("newTag", &self.new_tag), ("digest", &self.digest)]
    }
}

/// Sets `namespace`.
///
/// # Errors
/// When the text is no kustomization, or the field cannot be changed alone.
pub fn set_namespace(text: &str, namespace: &str) -> Result<String, EditError> {
    let edit = Edit::new(text)?;
    let splice = match edit.field("namespace") {
        Some(value) => edit.scalar(value, namespace),
        None => edit.new_field("namespace", &Value::from(namespace)),
    };
    edit.finish(splice, "namespace", |fields| {
        fields.insert("namespace".to_owned(), Value::from(namespace));
    })
}

/// Adds to `resources` what is not there yet, at the end.
///
/// # Errors
/// When the text is no kustomization, or the field cannot be changed alone.
pub fn add_resources(text: &str, paths: &[&str]) -> Result<String, EditError> {
    let mut text = text.to_owned();
    for path in paths {
        text = append(&text, "resources", &Value::from(*path), |item| item == *path)?;
    }
    Ok(text)
}

/// Sets entries of `images`: each replaces the one of its name, or comes behind the others.
///
/// # Errors
/// When the text is no kustomization, or the field cannot be changed alone.
pub fn set_images(text: &str, images: &[ImageChange]) -> Result<String, EditError> {
    let mut text = text.to_owned();
    for image in images {
        text = set_image(&text, image)?;
    }
    Ok(text)
}

fn set_image(text: &str, image: &ImageChange) -> Result<String, EditError> {
    let edit = Edit::new(text)?;
    let known = edit.items("images")?.into_iter().position(|item| {
        item.entry("name").is_some_and(|(_, value)| value.text() == Some(image.name.as_str()))
    });
    let Some(at) = known else {
        let mut entry = Map::from_iter([("name".to_owned(), Value::from(image.name.as_str()))]);
        for (key, part) in image.parts() {
            if let ImagePart::Set(value) = part {
                entry.insert(key.to_owned(), Value::from(value.as_str()));
            }
        }
        return append(text, "images", &Value::Object(entry), |_| false);
    };
    let mut text = text.to_owned();
    for (key, part) in image.parts() {
        text = set_part(&text, at, key, part)?;
    }
    Ok(text)
}

/// Sets or removes one field of an image.
fn set_part(text: &str, at: usize, key: &'static str, part: &ImagePart) -> Result<String, EditError> {
    let edit = Edit::new(text)?;
    let items = edit.items("images")?;
    let item = items.get(at).ok_or(EditError::NotInPlace("images"))?;
    let known = item.entry(key);
    let splice = match (part, known) {
        (ImagePart::Keep, _) | (ImagePart::Remove, None) => return Ok(text.to_owned()),
        (ImagePart::Set(value), Some((_, old))) => edit.scalar(old, value),
        (ImagePart::Set(value), None) => edit.new_entry(item, key, &Value::from(value.as_str())),
        (ImagePart::Remove, Some(_)) => edit.without_entry(item, key),
    };
    edit.finish(splice, "images", |fields| {
        let entry =
            fields.get_mut("images").and_then(|images| images.get_mut(at)).and_then(Value::as_object_mut);
        match (entry, part) {
            (Some(entry), ImagePart::Set(value)) => {
                drop(entry.insert(key.to_owned(), Value::from(value.as_str())))
            }
            (Some(entry), _) => drop(entry.shift_remove(key)),
            (None, _) => {}
        }
    })
}

/// Adds an element to a list of the file, unless one is there already.
fn append(
    text: &str,
    field: &'static str,
    new: &Value,
    known: impl Fn(&str) -> bool,
) -> Result<String, EditError> {
    let edit = Edit::new(text)?;
    let items = edit.items(field)?;
    if items.iter().any(|item| item.text().is_some_and(&known)) {
        return Ok(text.to_owned());
    }
    let list = Value::Array(vec![new.clone()]);
    let splice = match edit.field(field) {
        None => edit.new_field(field, &list),
        Some(value) => match &value.shape {
            Shape::Sequence { flow: true, items } => edit.flow_element(value, items.last(), &new.to_string()),
            Shape::Sequence { flow: false, .. } => {
                edit.behind(value, &edit.element(new), edit.column(value.span.start))
            }
            _ if value.span.is_empty() => edit.behind_key(field, new),
            _ => Splice { start: value.span.start, end: value.span.end, text: list.to_string() },
        },
    };
    edit.finish(splice, field, |fields| {
        let list = fields.entry(field).or_insert(Value::Null);
        match list {
            Value::Array(items) => items.push(new.clone()),
            other => *other = Value::Array(vec![new.clone()]),
        }
    })
}

/// Bytes and what stands there instead.
struct Splice {
    start: usize,
    end: usize,
    text: String,
}

/// A file on its way.
struct Edit<'t> {
    text: &'t str,
    root: Option<Outline>,
    line_end: &'static str,
}

impl<'t> Edit<'t> {
    fn new(text: &'t str) -> Result<Self, EditError> {
        let root = outline(text, &Limits::default())?.filter(|root| root.text() != Some(""));
        if root.as_ref().is_some_and(|root| !matches!(root.shape, Shape::Mapping { .. })) {
            return Err(EditError::NotAMapping("the file".to_owned()));
        }
        Ok(Self { text, root, line_end: if text.contains("\r\n") { "\r\n" } else { "\n" } })
    }

    fn field(&self, name: &str) -> Option<&Outline> {
        self.root.as_ref()?.entry(name).map(|(_, value)| value)
    }

    /// The elements of a list; none where the field is absent or null.
    fn items(&self, field: &'static str) -> Result<Vec<&Outline>, EditError> {
        match self.field(field).map(|value| &value.shape) {
            None => Ok(Vec::new()),
            Some(Shape::Sequence { items, .. }) => Ok(items.iter().collect()),
            Some(Shape::Scalar(text)) if ["", "~", "null"].contains(&text.as_str()) => Ok(Vec::new()),
            Some(_) => Err(EditError::NotAList(field)),
        }
    }

    /// Column of a byte, from 0.
    fn column(&self, at: usize) -> usize {
        let begin = self.text[..at].rfind('\n').map_or(0, |end| end + 1);
        self.text[begin..at].chars().filter(|c| *c != '\u{feff}').count()
    }

    /// Gives a scalar another text in its own quotes.
    fn scalar(&self, old: &Outline, new: &str) -> Splice {
        let style = match self.text[old.span.clone()].chars().next() {
            Some('\'') => ScalarStyle::SingleQuoted,
            Some('"') => ScalarStyle::DoubleQuoted,
            _ => ScalarStyle::Plain,
        };
        let gap = if old.span.is_empty() { " " } else { "" };
        Splice { start: old.span.start, end: old.span.end, text: format!("{gap}{}", scalar_text(style, new)) }
    }

    /// A new field of the file, behind the others.
    fn new_field(&self, key: &str, value: &Value) -> Splice {
        match &self.root {
            Some(root) => self.new_entry(root, key, value),
            None => {
                let gap = if self.text.is_empty() || self.text.ends_with('\n') { "" } else { self.line_end };
                let text = format!("{gap}{}{}", self.block_entry(key, value, 0), self.line_end);
                Splice { start: self.text.len(), end: self.text.len(), text }
            }
        }
    }

    /// A new entry of a mapping, behind the others.
    fn new_entry(&self, mapping: &Outline, key: &str, value: &Value) -> Splice {
        match &mapping.shape {
            Shape::Mapping { flow: true, entries } => {
                let text = format!("{}: {value}", Value::from(key));
                self.flow_element(mapping, entries.last().map(|(_, value)| value), &text)
            }
            _ => {
                let column = self.column(mapping.span.start);
                self.behind(mapping, &self.block_entry(key, value, column), column)
            }
        }
    }

    /// `key: value` as a block mapping has it; lists stand below.
    fn block_entry(&self, key: &str, value: &Value, column: usize) -> String {
        match value {
            Value::String(text) => format!("{key}: {}", scalar_text(ScalarStyle::Plain, text)),
            Value::Array(items) => {
                let lines = items
                    .iter()
                    .map(|item| self.element(item).replace('\n', &format!("\n{}", " ".repeat(column))));
                let line_end = self.line_end;
                lines.fold(format!("{key}:"), |text, line| {
                    format!("{text}{line_end}{}{line}", " ".repeat(column))
                })
            }
            other => format!("{key}: {other}"),
        }
    }

    /// `- value` as a block list has it, lines below indented by two.
    fn element(&self, value: &Value) -> String {
        match value {
            Value::Object(fields) => {
                let lines: Vec<String> =
                    fields.iter().map(|(key, value)| self.block_entry(key, value, 0)).collect();
                format!("- {}", lines.join(&format!("{}  ", self.line_end)))
            }
            Value::String(text) => format!("- {}", scalar_text(ScalarStyle::Plain, text)),
            other => format!("- {other}"),
        }
    }

    /// A line behind a block collection, in its column.
    fn behind(&self, collection: &Outline, line: &str, column: usize) -> Splice {
        let indent = " ".repeat(column);
        let line = line.replace('\n', &format!("\n{indent}"));
        let end = collection.span.end;
        if self.text[..end].ends_with('\n') {
            let text = format!("{indent}{line}{}", self.line_end);
            return Splice { start: end, end, text };
        }
        let rest = &self.text[end..];
        let at = end + rest.find('\n').map_or(rest.len(), |at| at - usize::from(rest[..at].ends_with('\r')));
        Splice { start: at, end: at, text: format!("{}{indent}{line}", self.line_end) }
    }

    /// The first element of a list whose field is there without a value.
    fn behind_key(&self, field: &str, new: &Value) -> Splice {
        let key = self.root.as_ref().and_then(|root| root.entry(field)).map(|(key, _)| key.clone());
        let key = key.unwrap_or(Outline { span: 0..0, shape: Shape::Alias });
        let column = self.column(key.span.start);
        self.behind(&key, &self.element(new), column)
    }

    /// One more in brackets or braces.
    fn flow_element(&self, collection: &Outline, last: Option<&Outline>, text: &str) -> Splice {
        let (at, gap) = match last {
            Some(last) => (last.span.end, ", "),
            None => (collection.span.start + 1, ""),
        };
        Splice { start: at, end: at, text: format!("{gap}{text}") }
    }

    /// Takes an entry out of a mapping that has others.
    fn without_entry(&self, mapping: &Outline, key: &str) -> Splice {
        let none = Splice { start: 0, end: 0, text: String::new() };
        let Shape::Mapping { flow, entries } = &mapping.shape else { return none };
        let Some(at) = entries.iter().position(|(known, _)| known.text() == Some(key)) else { return none };
        let (start, end) = match (at, entries.get(at + 1)) {
            (0, Some((next, _))) => (entries[0].0.span.start, next.span.start),
            (0, None) => return none,
            _ if *flow => (entries[at - 1].1.span.end, entries[at].1.span.end),
            _ => self.lines(entries[at].0.span.start, entries[at].1.span.end),
        };
        Splice { start, end, text: String::new() }
    }

    /// The whole lines of some bytes.
    fn lines(&self, start: usize, end: usize) -> (usize, usize) {
        let begin = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
        if self.text[..end].ends_with('\n') {
            return (begin, end);
        }
        (begin, self.text[end..].find('\n').map_or(self.text.len(), |at| end + at + 1))
    }

    /// The new text, when it reads as the old one but for the change.
    fn finish(
        &self,
        splice: Splice,
        field: &'static str,
        change: impl FnOnce(&mut Map<String, Value>),
    ) -> Result<String, EditError> {
        let mut text = self.text.to_owned();
        text.replace_range(splice.start..splice.end, &splice.text);
        let read = |text: &str| parse_value("", text, DuplicateKeys::Refuse, &Limits::default());
        let mut wanted = match read(self.text)? {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        change(&mut wanted);
        match read(&text) {
            Ok(found) if found == Value::Object(wanted) => Ok(text),
            _ => Err(EditError::NotInPlace(field)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# head\napiVersion: kustomize.config.k8s.io/v1beta1\nresources: # what\n  - a.yaml\n\n  - 'b.yaml' # b\n# between\nimages:\n- newTag: \"1\" # old\n  name: nginx\n- {name: busybox, digest: sha256:abc}\nnamespace:   old  # ns\n\n# tail\n";

    #[test]
    fn a_namespace_is_set_where_it_stands_or_at_the_end() {
        let set = |text: &str| set_namespace(text, "new").unwrap();
        assert_eq!(set(FILE), FILE.replace("  old  #", "  new  #"));
        assert_eq!(set("resources: [a]\n# c\n"), "resources: [a]\nnamespace: new\n# c\n");
        assert_eq!(set("a: |\n  x\nb:\n- y\n"), "a: |\n  x\nb:\n- y\nnamespace: new\n");
        assert_eq!(set("{\"a\": 1}"), "{\"a\": 1, \"namespace\": \"new\"}");
        assert_eq!(set(""), "namespace: new\n");
        assert_eq!(set("a: 1"), "a: 1\nnamespace: new");
        assert_eq!(set("a: 1\r\nnamespace: x\r\n"), "a: 1\r\nnamespace: new\r\n");
        assert_eq!(set_namespace("namespace: x\n", "1").unwrap(), "namespace: \"1\"\n");
    }

    #[test]
    fn resources_come_behind_the_others() {
        let add = |text: &str| add_resources(text, &["c.yaml", "a.yaml"]).unwrap();
        assert_eq!(add(FILE), FILE.replace("'b.yaml' # b\n", "'b.yaml' # b\n  - c.yaml\n"));
        assert_eq!(add("resources: [a.yaml]\n"), "resources: [a.yaml, \"c.yaml\"]\n");
        assert_eq!(add("resources:\nx: 1\n"), "resources:\n- c.yaml\n- a.yaml\nx: 1\n");
        assert_eq!(add("x: 1\r\n"), "x: 1\r\nresources:\r\n- c.yaml\r\n- a.yaml\r\n");
        assert_eq!(add("resources: []\n"), "resources: [\"c.yaml\", \"a.yaml\"]\n");
    }

    #[test]
    fn images_are_set_part_by_part() {
        let set = |text: &str, image: &str| set_images(text, &[ImageChange::parse(image).unwrap()]).unwrap();
        assert_eq!(set(FILE, "nginx:2"), FILE.replace("\"1\" # old", "\"2\" # old"));
        for quote in ["", "'", "\""] {
            let tagged = |tag: &str| format!("images:\n- name: nginx\n  newTag: {quote}{tag}{quote}\n");
            assert_eq!(set(&tagged("v1"), "nginx:v2"), tagged("v2"));
        }
        assert_eq!(
            set(FILE, "nginx=my/nginx@sha256:d"),
            FILE.replace(
                "- newTag: \"1\" # old\n  name: nginx\n",
                "- name: nginx\n  newName: my/nginx\n  digest: sha256:d\n"
            )
        );
        assert_eq!(
            set(FILE, "busybox=*:1.36"),
            FILE.replace("{name: busybox, digest: sha256:abc}", "{name: busybox, \"newTag\": \"1.36\"}")
        );
        assert_eq!(set("x: 1\n", "a=b:1.0"), "x: 1\nimages:\n- name: a\n  newName: b\n  newTag: \"1.0\"\n");
        let nested = "images:\n  - name: a\n    newTag: v1\n  - name: b\n";
        assert_eq!(
            set(nested, "c:v2"),
            "images:\n  - name: a\n    newTag: v1\n  - name: b\n  - name: c\n    newTag: v2\n"
        );
        assert_eq!(set(nested, "a@sha256:1"), nested.replace("newTag: v1", "digest: sha256:1"));
        assert!(ImageChange::parse("nginx").is_err());
    }

    #[test]
    fn what_cannot_be_changed_alone_is_refused() {
        let aliased = "x: &n old\nnamespace: &m y\nz: *m\n";
        assert_eq!(set_namespace(aliased, "new"), Err(EditError::NotInPlace("namespace")));
        assert_eq!(add_resources("resources: {a: b}\n", &["c"]), Err(EditError::NotAList("resources")));
        assert!(matches!(set_namespace("- a\n", "n"), Err(EditError::NotAMapping(_))));
    }
}
