//! Holds our reading of constraints against a table that Masterminds/semver 3.5 itself wrote.
//!
//! `corpus/masterminds.json`: `constraints` maps each constraint to one character a version of `versions`
//! (`1` in the set, `0` not), or to `ERR` where the reference refuses the constraint.

use semver_range::{Constraint, Version};
use serde_json::Value;

fn answers(constraint: &str, versions: &[Value]) -> String {
    let Ok(constraint) = Constraint::parse(constraint) else { return "ERR".into() };
    let digit = |text: &Value| {
        let version = Version::parse(text.as_str().unwrap()).unwrap();
        if constraint.matches(&version) { '1' } else { '0' }
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
