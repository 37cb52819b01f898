//! Holds our reading of constraints against a table that Masterminds/semver 3.5 itself wrote.
//!
//! `corpus/masterminds.json`: `constraints` maps each constraint to one character a version of `versions`
//! (`1` in the set, `0` not, `-` where the reference refuses the version), or to `ERR` where it refuses the constraint.
//! `corpus/random.json` has the same form; `e2e/tools/gotemplate semver` made and judged it.

use semver_range::{Constraint, Version};
use serde_json::Value;

fn answers(constraint: &str, versions: &[Value]) -> String {
    let Ok(constraint) = Constraint::parse(constraint) else { return "ERR".into() };
    let digit = |text: &Value| match Version::parse(text.as_str().unwrap()) {
        Ok(version) if constraint.matches(&version) => '1',
        Ok(_) => '0',
        Err(_) => '-',
    };
    versions.iter().map(digit).collect()
}

#[test]
fn agrees_with_the_reference_on_every_pair() {
    let table: Value = serde_json::from_str(include_str!("corpus/masterminds.json")).unwrap();
    let versions = table["versions"].as_array().unwrap();
    let constraints = table["constraints"].as_object().unwrap();
    assert!(constraints.len() > 40 && versions.len() > 15, "the table is cut");
    for (constraint, want) in constraints {
        assert_eq!(answers(constraint, versions), want.as_str().unwrap(), "constraint {constraint:?}");
    }
}

#[test]
fn agrees_with_the_reference_on_random_pairs() {
    let table: Value = serde_json::from_str(include_str!("corpus/random.json")).unwrap();
    let versions = table["versions"].as_array().unwrap();
    let constraints = table["constraints"].as_object().unwrap();
    let accepted = constraints.values().filter(|want| *want != "ERR").count();
    assert!(accepted * versions.len() > 5_000, "the table is cut");
    let differs = |(constraint, want): (&String, &Value)| {
        let ours = answers(constraint, versions);
        (Some(ours.as_str()) != want.as_str()).then(|| format!("{constraint:?}: {ours} but {want}"))
    };
    let differences: Vec<String> = constraints.iter().filter_map(differs).collect();
    assert!(differences.is_empty(), "{differences:#?}");
}
