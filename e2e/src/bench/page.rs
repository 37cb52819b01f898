//! `docs/performance.md`: the table of a run, and how the figures grow with the number of Kustomizations.
use std::fmt::Write as _;

use super::report::Row;

const HEAD: &str = "# Performance

Written by `cargo xtask bench --count N,… --page docs/performance.md`; do not edit. Both controllers are release builds.
*floor* is a bare client that applies the same objects, 16 at a time, in the same run and on a control plane as empty as the one
Sluice gets: no controller can be faster than the API server lets it. Each Kustomization brings a Deployment without replicas, a Service, a ServiceAccount and a ConfigMap
(`e2e/src/bench/app.rs`), with `wait: true`; all come from one Git repository.
";

/// A chart: its title, the unit of its axis, and its lines by row and figure.
struct Chart {
    title: &'static str,
    unit: &'static str,
    lines: &'static [(&'static str, &'static str)],
}

const CHARTS: [Chart; 4] = [
    Chart {
        title: "First apply of all: the floor, and Sluice",
        unit: "seconds",
        lines: &[("floor first", "time"), ("first", "time")],
    },
    Chart {
        title: "A commit that changes all: the floor, and Sluice",
        unit: "seconds",
        lines: &[("floor change", "time"), ("all", "time")],
    },
    Chart {
        title: "A commit that changes one: live, and told to all",
        unit: "seconds",
        lines: &[("one", "live"), ("one", "all told")],
    },
    Chart { title: "Memory of both controllers at rest", unit: "MiB", lines: &[("memory", "both")] },
];

pub(super) fn write(rows: &[Row]) -> String {
    let mut page = format!("{HEAD}\n{}", machine());
    for chart in &CHARTS {
        page += &draw(chart, rows);
    }
    page += "## Figures\n\n| Kustomizations | row | figures | target |\n|---:|---|---|---|\n";
    for row in rows {
        let (count, name, figures, target) = (row.count, &row.name, row.shown().join(", "), &row.target);
        let _ = writeln!(page, "| {count} | {name} | {figures} | {target} |");
    }
    page
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!(
        "This run: {cores} cores, which the API server, etcd, the Git server and the bench share with the controllers.\n\n"
    )
}

/// Nothing when fewer than two numbers of Kustomizations have all its lines.
fn draw(chart: &Chart, rows: &[Row]) -> String {
    let find = |count: usize, (row, figure): (&str, &str)| {
        let row = rows.iter().find(|one| one.count == count && one.name == row)?;
        row.figures.iter().find(|(name, ..)| name == figure).map(|(_, value, _)| *value)
    };
    let mut counts: Vec<usize> = rows.iter().map(|row| row.count).collect();
    counts.sort_unstable();
    counts.dedup();
    counts.retain(|count| chart.lines.iter().all(|line| find(*count, *line).is_some()));
    if counts.len() < 2 {
        return String::new();
    }
    let list = |values: Vec<String>| values.join(", ");
    let mut text = format!(
        "## {}\n\n```mermaid\nxychart-beta\n    x-axis \"Kustomizations\" [{}]\n    y-axis \"{}\"\n",
        chart.title,
        list(counts.iter().map(|count| format!("\"{count}\"")).collect()),
        chart.unit
    );
    for line in chart.lines {
        let values = counts.iter().filter_map(|count| find(*count, *line));
        let _ = writeln!(text, "    line [{}]", list(values.map(|value| format!("{value:.2}")).collect()));
    }
    text + "```\n\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(count: usize, name: &str, figure: &str, value: f64) -> Row {
        Row { count, name: name.into(), figures: vec![(figure.into(), value, "s")], target: "-".into() }
    }

    #[test]
    fn a_chart_has_a_point_for_each_number_that_has_all_its_lines() {
        let rows = [
            row(100, "floor first", "time", 1.0),
            row(100, "first", "time", 1.5),
            row(1000, "floor first", "time", 10.0),
            row(1000, "first", "time", 16.0),
            row(3000, "first", "time", 50.0),
        ];
        let page = write(&rows);
        assert!(page.contains("x-axis \"Kustomizations\" [\"100\", \"1000\"]"), "{page}");
        assert!(page.contains("    line [1.00, 10.00]\n    line [1.50, 16.00]\n"), "{page}");
        assert!(page.contains("| 3000 | first | time 50.000 s | - |"), "{page}");
        assert_eq!(page.matches("```mermaid").count(), 1, "a chart without lines was drawn: {page}");
    }
}
