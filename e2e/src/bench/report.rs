//! The table, for people and as JSON.
use serde_json::{Value, json};

use super::page;

/// Figures of one number of Kustomizations.
#[derive(Default)]
pub struct Report {
    rows: Vec<Row>,
}

pub(super) struct Row {
    pub(super) count: usize,
    pub(super) name: String,
    pub(super) figures: Vec<(String, f64, &'static str)>,
    pub(super) target: String,
}

impl Report {
    /// One more row; `figures` are name, value, unit.
    pub(crate) fn add(
        &mut self,
        count: usize,
        name: &str,
        figures: &[(impl AsRef<str>, f64, &'static str)],
        target: &str,
    ) {
        let figures: Vec<_> =
            figures.iter().map(|(name, value, unit)| (name.as_ref().to_owned(), *value, *unit)).collect();
        let row = Row { count, name: name.into(), figures, target: target.into() };
        say(&row.line());
        self.rows.push(row);
    }

    /// The whole table.
    pub fn text(&self) -> String {
        self.rows.iter().map(|row| row.line() + "\n").collect()
    }

    /// The table as a page of the documentation, with charts over the number of Kustomizations.
    pub fn page(&self) -> String {
        page::write(&self.rows)
    }

    /// The figures: a list of `{count, row, target, figures: {name: {value, unit}}}`.
    pub fn json(&self) -> Value {
        let one = |row: &Row| {
            let figures: serde_json::Map<String, Value> = row
                .figures
                .iter()
                .map(|(name, value, unit)| (name.clone(), json!({ "value": value, "unit": unit })))
                .collect();
            json!({ "count": row.count, "row": row.name, "target": row.target, "figures": figures })
        };
        self.rows.iter().map(one).collect()
    }
}

impl Row {
    fn line(&self) -> String {
        let figures = self.shown().join("  ");
        format!("{:>5}  {:<14} {figures:<90} target {}", self.count, self.name, self.target)
    }

    /// The figures, each with name and unit.
    pub(super) fn shown(&self) -> Vec<String> {
        self.figures.iter().map(|(name, value, unit)| format!("{name} {value:.3} {unit}")).collect()
    }
}

/// The middle of some figures.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    percentile(&mut values, 50)
}

/// The figure below which `percent` of all lie.
pub(crate) fn percentile(values: &mut [f64], percent: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values
        .get((values.len() * percent / 100).min(values.len().saturating_sub(1)))
        .copied()
        .unwrap_or(f64::NAN)
}

/// Progress, on standard error.
pub(crate) fn say(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{line}");
}
