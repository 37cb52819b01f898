mod comments;
mod find;
mod structured;

use manifest::yaml::{DuplicateKeys, Limits, Node, Scalar, parse_value};
use serde::Deserialize;
use serde_json::Value;

use super::Transformer;
use crate::{
    fields::{is_empty, retag},
    kustomization::{FieldOptions, ReplacementField, SourceSelector, TargetSelector, from_loose_value},
    load::Loader,
    path,
    replacement_error::ReplacementError,
    resid::{GvkRef, ResId},
    resmap::ResMap,
    resource::{Resource, without_twins},
    schema::Schemas,
    selector::ResourceSelector,
    target::BuildError,
    weigh::{Excess, MAX_BYTES, MAX_DEPTH, Room, Weight},
};

use self::find::{Created, find_fields, locate, node_at, peek};

const DEFAULT_FIELD: &str = "metadata.name";

/// The field of the `ReplacementTransformer`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ReplacementArgs {
    pub(crate) replacements: Vec<ReplacementField>,
}

/// Copies values from fields to fields.
pub(crate) struct Replacements(Vec<ReplacementField>);

impl Replacements {
    pub(crate) fn new(args: ReplacementArgs, loader: &Loader<'_>) -> Result<Self, BuildError> {
        let mut all = Vec::new();
        for replacement in args.replacements {
            if replacement.path.is_empty() {
                all.push(replacement);
            } else if replacement.source.is_some() || replacement.targets.is_some() {
                return Err(ReplacementError::PathAndInline(replacement.path).into());
            } else {
                all.extend(load(loader, &replacement.path)?);
            }
        }
        Ok(Self(all))
    }
}

fn load(loader: &Loader<'_>, file: &str) -> Result<Vec<ReplacementField>, BuildError> {
    let text = loader.load_text(file)?;
    let value = parse_value(file, &text, DuplicateKeys::LastWins, &Limits::default())?;
    let items = match value {
        Value::Array(items) => items,
        Value::Object(_) => vec![value],
        _ => {
            return Err(ReplacementError::File {
                file: file.to_owned(),
                message: "neither list nor mapping".into(),
            }
            .into());
        }
    };
    let read = |item| {
        from_loose_value(item)
            .map_err(|message| ReplacementError::File { file: file.to_owned(), message }.into())
    };
    items.into_iter().map(read).collect()
}

impl Transformer for Replacements {
    fn transform(&self, resources: &mut ResMap, _: &Schemas) -> Result<(), BuildError> {
        for replacement in &self.0 {
            let (mut source, targets) = source_value(replacement, resources.list())?;
            for target in targets {
                apply(resources.list_and_room(), &mut source, target)?;
            }
        }
        Ok(())
    }
}

/// What is copied.
struct Source {
    value: Node,
    /// Where a whole field was found: what changes it changes what further targets get.
    home: Option<Home>,
}

/// A field of one of the resources.
struct Home {
    resource: usize,
    place: Vec<usize>,
}

impl Source {
    /// Reads the value again, in case the resource at `index` holds it.
    fn refresh(&mut self, index: usize, object: &Node) {
        let Some(home) = self.home.as_ref().filter(|home| home.resource == index) else { return };
        if let Some(found) = peek(object, &home.place) {
            self.value = found.clone();
            without_twins(&mut self.value);
        }
    }

    /// Something around the value was replaced: what was read last is all there is of it.
    fn leave(&mut self, index: usize, replaced: &[usize]) {
        self.home = self.home.take().filter(|home| {
            let outside = home.place.len() > replaced.len() && home.place.starts_with(replaced);
            home.resource != index || !outside
        });
    }
}

fn source_value<'r>(
    replacement: &'r ReplacementField,
    resources: &[Resource],
) -> Result<(Source, &'r [TargetSelector]), ReplacementError> {
    let targets = replacement.targets.as_deref().ok_or(ReplacementError::Incomplete)?;
    let source = match (&replacement.source, &replacement.source_value) {
        (None, None) => return Err(ReplacementError::Incomplete),
        (Some(_), Some(_)) => return Err(ReplacementError::TwoSources),
        (None, Some(value)) => Source { value: plain(value), home: None },
        (Some(source), None) => read_source(source, resources)?,
    };
    Ok((source, targets))
}

/// An unquoted scalar.
fn plain(text: &str) -> Node {
    let mut scalar = Scalar { open_tag: true, ..Scalar::string(text) };
    retag(&mut scalar);
    Node::Scalar(scalar)
}

fn read_source(source: &SourceSelector, resources: &[Resource]) -> Result<Source, ReplacementError> {
    let (index, resource) = select_source(source, resources)?;
    let field = if source.field_path.is_empty() { DEFAULT_FIELD } else { &source.field_path };
    let path = path::split_bracketed(field, '.');
    let place = locate(&resource.node, &path)?;
    let found = place.as_deref().and_then(|place| peek(&resource.node, place));
    let found = found.filter(|node| !is_empty(node));
    let missing = || ReplacementError::SourceField { field: field.to_owned(), source_id: describe(source) };
    let options = source.options.as_ref().filter(|options| !options.delimiter.is_empty());
    let mut value = refine(found.ok_or_else(missing)?, options)?;
    without_twins(&mut value);
    let home = place.filter(|_| options.is_none()).map(|place| Home { resource: index, place });
    Ok(Source { value, home })
}

fn describe(source: &SourceSelector) -> String {
    id_of(source).to_string()
}

/// The id and, if one is given, the field.
fn with_field(source: &SourceSelector) -> String {
    let id = describe(source);
    if source.field_path.is_empty() { id } else { format!("{id}:{}", source.field_path) }
}

fn id_of(source: &SourceSelector) -> ResId<'_> {
    let gvk = GvkRef { group: &source.group, version: &source.version, kind: &source.kind };
    ResId { gvk, name: &source.name, namespace: &source.namespace }
}

fn select_source<'r>(
    source: &SourceSelector,
    resources: &'r [Resource],
) -> Result<(usize, &'r Resource), ReplacementError> {
    let wanted = id_of(source);
    let is_wanted = |resource: &Resource| resource.any_id(|id| is_selected(id, wanted));
    let mut matches = resources.iter().enumerate().filter(|(_, resource)| is_wanted(resource));
    match (matches.next(), matches.next()) {
        (Some(found), None) => Ok(found),
        (None, _) => Err(ReplacementError::NothingSelected(with_field(source))),
        _ => Err(ReplacementError::ManySelected(with_field(source))),
    }
}

/// Namespaces are compared as written here, `default` being the same as none.
fn is_selected(id: ResId<'_>, selector: ResId<'_>) -> bool {
    let namespace =
        |id: ResId<'_>| if id.namespace.is_empty() { "default".to_owned() } else { id.namespace.to_owned() };
    (selector.name.is_empty() || selector.name == id.name)
        && (selector.namespace.is_empty() || namespace(selector) == namespace(id))
        && id.gvk.is_selected(selector.gvk)
}

/// The part of a source that its options name.
fn refine(found: &Node, options: Option<&FieldOptions>) -> Result<Node, ReplacementError> {
    let Some(options) = options else { return Ok(found.clone()) };
    let mut node = found.clone();
    let Node::Scalar(scalar) = &mut node else { return Err(ReplacementError::DelimiterNeedsScalar) };
    let part =
        usize::try_from(options.index).ok().and_then(|at| scalar.value.split(&options.delimiter).nth(at));
    let out = || ReplacementError::Index { index: options.index, value: scalar.value.to_string() };
    scalar.value = part.ok_or_else(out)?.into();
    Ok(node)
}

fn apply(
    (resources, room): (&mut Vec<Resource>, &Room),
    source: &mut Source,
    target: &TargetSelector,
) -> Result<(), BuildError> {
    let select = target.select.as_ref().ok_or(ReplacementError::NoSelect)?;
    let select = ResourceSelector::new(select)?;
    let rejects: Vec<_> = target.reject.iter().map(ResourceSelector::new).collect::<Result<_, _>>()?;
    for (index, resource) in resources.iter_mut().enumerate() {
        let rejected = |reject: &ResourceSelector| {
            (reject.has_id && resource.any_id(|id| reject.fits_id(id)))
                || (reject.has_labels && reject.matches_labels(resource))
        };
        let chosen = select.matches_labels(resource)
            && !rejects.iter().any(rejected)
            && resource.any_id(|id| select.fits_id(id));
        if chosen {
            copy_to(&mut resource.node, index, source, target, room)?;
            resource.sync_twins();
            source.refresh(index, &resource.node);
        }
    }
    Ok(())
}

/// Copies to each field in turn: a field may hold what is copied, and the next one gets what has become of it.
fn copy_to(
    object: &mut Node,
    index: usize,
    source: &mut Source,
    target: &TargetSelector,
    room: &Room,
) -> Result<(), ReplacementError> {
    let default = [DEFAULT_FIELD.to_owned()];
    let fields = if target.field_paths.is_empty() { &default[..] } else { &target.field_paths };
    let options = target.options.as_ref();
    for field in fields {
        let parts = path::split_bracketed(field, '.');
        if parts.len() > MAX_DEPTH {
            return Err(ReplacementError::TooDeep(MAX_DEPTH));
        }
        source.refresh(index, object);
        let take = |value: &Node| room.take(Excess::Copies, Weight::of_node(value).bytes);
        if structured::set(object, &source.value, &parts, options) {
            take(&source.value)?;
            continue;
        }
        for place in places_of(object, &source.value, field, &parts, options)? {
            source.refresh(index, object);
            take(&source.value)?;
            set_field(node_at(object, &place), &source.value, options, place.len())?;
            source.leave(index, &place);
        }
    }
    Ok(())
}

fn places_of(
    object: &mut Node,
    value: &Node,
    field: &str,
    parts: &[String],
    options: Option<&FieldOptions>,
) -> Result<Vec<Vec<usize>>, ReplacementError> {
    let create = created(value, options);
    let missing = |reason: String| ReplacementError::TargetField {
        action: if create.is_some() { "find or create" } else { "find" },
        field: field.to_owned(),
        reason,
    };
    let found = find_fields(object, parts, create).map_err(|error| missing(format!(": {error}")))?;
    if found.places.is_empty() && !found.in_text {
        return Err(missing(String::new()));
    }
    Ok(found.places)
}

/// What is made when the target is missing, if anything is.
fn created(value: &Node, options: Option<&FieldOptions>) -> Option<Created> {
    options.filter(|options| options.create).map(|_| Created::of(value))
}

fn set_field(
    target: &mut Node,
    value: &Node,
    options: Option<&FieldOptions>,
    depth: usize,
) -> Result<(), ReplacementError> {
    let weight = Weight::of_node(value);
    if weight.bytes > MAX_BYTES {
        return Err(ReplacementError::TooLarge(MAX_BYTES));
    }
    if weight.depth + depth > MAX_DEPTH {
        return Err(ReplacementError::TooDeep(MAX_DEPTH));
    }
    let mut value = value.clone();
    if let Some(options) = options.filter(|options| !options.delimiter.is_empty()) {
        let Node::Scalar(old) = &*target else { return Err(ReplacementError::DelimiterNeedsScalar) };
        let text = spliced(&old.value, value.text().unwrap_or_default(), options);
        value = match value {
            Node::Scalar(mut scalar) => {
                scalar.value = text.into();
                Node::Scalar(scalar)
            }
            _ => plain(&text),
        };
    }
    put(target, value);
    Ok(())
}

/// A scalar takes the text and keeps its own type; anything else is replaced.
fn put(target: &mut Node, value: Node) {
    match target {
        Node::Scalar(scalar) => {
            scalar.value = value.text().unwrap_or_default().into();
            if scalar.open_tag {
                retag(scalar);
            }
        }
        other => *other = value,
    }
}

/// Replaces, or adds in front or behind, one part of a delimited text.
fn spliced(old: &str, new: &str, options: &FieldOptions) -> String {
    let mut parts: Vec<&str> = old.split(&options.delimiter).collect();
    match usize::try_from(options.index) {
        Err(_) => parts.insert(0, new),
        Ok(at) if at >= parts.len() => parts.push(new),
        Ok(at) => parts[at] = new,
    }
    parts.join(&options.delimiter)
}
