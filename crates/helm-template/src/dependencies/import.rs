//! `import-values`: what a chart takes over from its sub-charts.
use serde_json::{Map, Value};

use super::ResolveError;
use crate::{
    chart::{Chart, ImportValues},
    values::{merge_chart, merge_tables, table},
};

pub(super) fn process(chart: &mut Chart) -> Result<(), ResolveError> {
    for child in chart.dependencies_mut() {
        process(child)?;
    }
    import(chart)
}

fn import(chart: &mut Chart) -> Result<(), ResolveError> {
    let Some(mut wanted) = chart.metadata_mut().dependencies.take() else { return Ok(()) };
    let mut values = merge_chart(chart, &Map::new())?;
    let mut imported = Map::new();
    for dependency in &mut wanted {
        let mut written = Vec::new();
        for each in &dependency.import_values {
            let Some((child, parent)) = paths(each) else { continue };
            if let Some(found) = table(&values, &format!("{}.{child}", dependency.name)) {
                merge_tables(&mut imported, at_path(&parent, found.clone()));
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
