//! `import-values`: what a chart takes over from its sub-charts.
use serde_json::{Map, Value};

use super::ResolveError;
use crate::{
    chart::{Chart, ImportValues},
    values::{Room, merge_chart, merge_tables, table},
};

pub(super) fn process(chart: &mut Chart) -> Result<(), ResolveError> {
    inside_out(chart, &mut Room::times(2))
}

fn inside_out(chart: &mut Chart, room: &mut Room) -> Result<(), ResolveError> {
    for child in chart.dependencies_mut() {
        inside_out(child, room)?;
    }
    import(chart, room)
}

fn import(chart: &mut Chart, room: &mut Room) -> Result<(), ResolveError> {
    let Some(mut wanted) = chart.metadata_mut().dependencies.take() else { return Ok(()) };
    let mut values = merge_chart(chart, room)?;
    let mut imported = Map::new();
    let mut shared = Shared::default();
    for dependency in &mut wanted {
        let mut written = Vec::new();
        for each in &dependency.import_values {
            let Some((child, parent)) = paths(each) else { continue };
            let source = format!("{}.{child}", dependency.name);
            if let Some(found) = table(&values, &source) {
                room.keep(found)?;
                let found = found.clone();
                shared.note(&imported, &parent, &found, &source);
                merge_tables(&mut imported, at_path(&parent, found));
                shared.follow(&imported, &mut values, room)?;
            }
            written.push(ImportValues::Paths { child, parent });
        }
        dependency.import_values = written;
    }
    merge_tables(&mut values, imported);
    chart.set_values(values);
    chart.metadata_mut().dependencies = Some(wanted);
    Ok(())
}

/// Tables that are one and the same for Helm, here and among the values of the sub-chart they come from: what is merged
/// into the one is in the other.
#[derive(Default)]
struct Shared(Vec<(Vec<String>, Vec<String>)>);

impl Shared {
    /// Notes which tables `found` is about to bring into `imported` at `parent`.
    fn note(
        &mut self,
        imported: &Map<String, Value>,
        parent: &str,
        found: &Map<String, Value>,
        source: &str,
    ) {
        // Of an empty table Helm takes a new one.
        if found.is_empty() {
            return;
        }
        let steps = |path: &str| path.split('.').map(str::to_owned).collect::<Vec<_>>();
        let to = if parent == "." { Vec::new() } else { steps(parent) };
        self.tables(Some(imported), &to, 0, (found, &steps(source)));
    }

    fn tables(
        &mut self,
        at: Option<&Map<String, Value>>,
        to: &[String],
        depth: usize,
        (found, source): (&Map<String, Value>, &[String]),
    ) {
        let Some(here) = at else { return self.0.push((to.to_vec(), source.to_vec())) };
        if let Some(step) = to.get(depth) {
            return match here.get(step) {
                None => self.tables(None, to, depth + 1, (found, source)),
                Some(inner) => {
                    if let Some(inner) = inner.as_object() {
                        self.tables(Some(inner), to, depth + 1, (found, source));
                    }
                }
            };
        }
        for (key, value) in found {
            let Value::Object(below) = value else { continue };
            let extended = |path: &[String]| [path, std::slice::from_ref(key)].concat();
            let (to, source) = (extended(to), extended(source));
            match here.get(key) {
                None => self.0.push((to, source)),
                Some(inner) => {
                    if let Some(inner) = inner.as_object() {
                        self.tables(Some(inner), &to, depth + 1, (below, &source));
                    }
                }
            }
        }
    }

    /// Gives the values what was merged into the tables they share.
    fn follow(
        &self,
        imported: &Map<String, Value>,
        values: &mut Map<String, Value>,
        room: &mut Room,
    ) -> Result<(), ResolveError> {
        for (to, source) in &self.0 {
            let Some(table) = step_down(imported, to) else { continue };
            let Some((last, path)) = source.split_last() else { continue };
            let owner = path
                .iter()
                .try_fold(&mut *values, |table, step| table.get_mut(step).and_then(Value::as_object_mut));
            if let Some(owner) = owner {
                room.keep(table)?;
                owner.insert(last.clone(), Value::Object(table.clone()));
            }
        }
        Ok(())
    }
}

fn step_down<'a>(map: &'a Map<String, Value>, path: &[String]) -> Option<&'a Map<String, Value>> {
    path.iter().try_fold(map, |table, step| table.get(step)?.as_object())
}

fn paths(each: &ImportValues) -> Option<(String, String)> {
    match each {
        ImportValues::Export(key) => Some((format!("exports.{key}"), ".".to_owned())),
        ImportValues::Paths { child, parent } => Some((child.clone(), parent.clone())),
        ImportValues::Other(_) => None,
    }
}

/// The table put at a dotted path of an otherwise empty tree.
fn at_path(path: &str, table: Map<String, Value>) -> Map<String, Value> {
    if path == "." {
        return table;
    }
    path.rsplit('.').fold(table, |inner, key| Map::from_iter([(key.to_owned(), Value::Object(inner))]))
}
