//! Conditions, tags and aliases.
use semver_range::{Constraint, Version};
use serde_json::{Map, Value};

use super::ResolveError;
use crate::{
    capabilities::HelmMajor,
    chart::{Chart, Dependency},
    values::{Room, coalesce_chart, leaf, table},
};

/// Charts that aliases and nesting may make together.
const CHARTS: usize = 2_000;

pub(super) fn process(chart: &mut Chart, values: &Map<String, Value>) -> Result<(), ResolveError> {
    let mut left = CHARTS;
    enable(chart, values, "", &mut left, &mut Room::times(2))
}

fn enable(
    chart: &mut Chart,
    values: &Map<String, Value>,
    path: &str,
    left: &mut usize,
    room: &mut Room,
) -> Result<(), ResolveError> {
    let Some(mut wanted) = chart.metadata_mut().dependencies.take() else { return Ok(()) };
    let children = name_children(chart, &mut wanted, room)?;
    *left = left.checked_sub(children.len()).ok_or(ResolveError::Charts(CHARTS))?;
    *chart.dependencies_mut() = children;
    let mark = room.mark();
    let coalesced = coalesce_chart(chart, values, HelmMajor::Four, room)?;
    for dependency in &mut wanted {
        dependency.enabled = true;
        by_tags(dependency, &coalesced);
        by_condition(dependency, &coalesced, path);
    }
    let disabled: Vec<String> =
        wanted.iter().filter(|dependency| !dependency.enabled).map(|d| d.name.clone()).collect();
    chart.dependencies_mut().retain(|child| !disabled.iter().any(|name| name == child.name()));
    wanted.retain(|dependency| dependency.enabled && !disabled.contains(&dependency.name));
    for child in chart.dependencies_mut() {
        let inner = format!("{path}{}.", child.name());
        enable(child, &coalesced, &inner, left, room)?;
    }
    room.drop_to(mark);
    // An empty list is no list in Go.
    chart.metadata_mut().dependencies = (!wanted.is_empty()).then_some(wanted);
    Ok(())
}

/// The charts nobody asked for come first, then one for each dependency, under its alias.
fn name_children(
    chart: &Chart,
    wanted: &mut [Dependency],
    room: &mut Room,
) -> Result<Vec<Chart>, ResolveError> {
    let asked_for = |child: &Chart| {
        wanted.iter().any(|d| d.name == child.name() && in_range(&d.version, child.version()))
    };
    let mut children: Vec<Chart> =
        chart.dependencies().iter().filter(|child| !asked_for(child)).cloned().collect();
    for dependency in wanted {
        let found = chart
            .dependencies()
            .iter()
            .find(|child| child.name() == dependency.name && in_range(&dependency.version, child.version()));
        if let Some(child) = found {
            room.keep_value(&child.metadata().to_json())?;
            let mut child = child.clone();
            if !dependency.alias.is_empty() {
                child.metadata_mut().name.clone_from(&dependency.alias);
            }
            children.push(child);
        }
        if !dependency.alias.is_empty() {
            dependency.name.clone_from(&dependency.alias);
        }
    }
    Ok(children)
}

/// Whether a version is in a range; what cannot be read is not.
pub(crate) fn in_range(range: &str, version: &str) -> bool {
    match (Constraint::parse(range), Version::parse(version)) {
        (Ok(range), Ok(version)) => range.matches(&version),
        _ => false,
    }
}

fn by_tags(dependency: &mut Dependency, values: &Map<String, Value>) {
    let Some(tags) = table(values, "tags") else { return };
    let found: Vec<bool> =
        dependency.tags.iter().filter_map(|tag| tags.get(tag).and_then(Value::as_bool)).collect();
    dependency.enabled = found.is_empty() || found.contains(&true);
}

fn by_condition(dependency: &mut Dependency, values: &Map<String, Value>, path: &str) {
    let conditions = dependency.condition.trim().split(',').filter(|condition| !condition.is_empty());
    let decided = conditions
        .filter_map(|condition| leaf(values, &format!("{path}{condition}")).and_then(Value::as_bool))
        .next();
    if let Some(enabled) = decided {
        dependency.enabled = enabled;
    }
}
