use std::collections::BTreeMap;

use super::GoBool;

/// A feature that can be turned on or off.
#[derive(Clone, Copy, Debug)]
pub struct Gate {
    /// The name.
    pub name: &'static str,
    /// Whether it is on when nothing is said.
    pub default: bool,
}

/// Why `--feature-gates` cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum GateError {
    /// The controller has no such feature.
    #[error("feature-gate '{0}' not supported")]
    Unknown(String),
    /// Not `Name=bool`.
    #[error("feature-gate {0:?} is not of the form Name=true")]
    Malformed(String),
}

/// The features of a controller and whether they are on.
#[derive(Clone, Debug, Default)]
pub struct FeatureGates {
    on: BTreeMap<&'static str, bool>,
}

impl FeatureGates {
    /// Reads `Name=true,Other=false` over the defaults.
    ///
    /// # Errors
    /// When a name is unknown or a value is no boolean.
    pub fn parse(known: &[Gate], text: &str) -> Result<Self, GateError> {
        let mut on: BTreeMap<&'static str, bool> =
            known.iter().map(|gate| (gate.name, gate.default)).collect();
        for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
            let malformed = || GateError::Malformed(item.to_owned());
            let (name, value) = item.split_once('=').ok_or_else(malformed)?;
            let value: GoBool = value.trim().parse().map_err(|_| malformed())?;
            let slot = on.get_mut(name.trim()).ok_or_else(|| GateError::Unknown(name.trim().to_owned()))?;
            *slot = value.0;
        }
        Ok(Self { on })
    }

    /// Warns of gates that somebody moved from their default, and whose question does not arise in this controller.
    pub fn warn_of_settled(&self, known: &[Gate], settled: &[&str]) {
        let moved = known.iter().filter(|gate| self.enabled(gate.name) != gate.default);
        for gate in moved.filter(|gate| settled.contains(&gate.name)) {
            tracing::warn!(gate = gate.name, "this feature gate has no effect here");
        }
    }

    /// Whether a feature is on; false for one the controller does not have.
    pub fn enabled(&self, name: &str) -> bool {
        self.on.get(name).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::{FeatureGates, Gate, GateError};

    const KNOWN: [Gate; 2] = [Gate { name: "A", default: false }, Gate { name: "B", default: true }];

    #[test]
    fn what_is_said_counts_over_the_default() {
        let gates = FeatureGates::parse(&KNOWN, "A=true, B=F").unwrap();
        assert!(gates.enabled("A") && !gates.enabled("B"));
        assert!(FeatureGates::parse(&KNOWN, "").unwrap().enabled("B"));
    }

    #[test]
    fn an_unknown_feature_is_refused() {
        let unknown = FeatureGates::parse(&KNOWN, "C=true").unwrap_err();
        assert_eq!(unknown, GateError::Unknown("C".into()));
        assert!(FeatureGates::parse(&KNOWN, "A").is_err());
        assert!(FeatureGates::parse(&KNOWN, "A=x").is_err());
    }
}
