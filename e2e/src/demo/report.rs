//! The judged times, for machines.
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// One entry an act, in order.
#[derive(Default)]
pub(super) struct Report {
    acts: Vec<Value>,
    failed: bool,
    /// From the first line of output to the last verdict.
    pub(super) total_seconds: f64,
}

impl Report {
    pub(super) fn add(&mut self, title: &str, seconds: f64, ok: bool) {
        self.failed |= !ok;
        self.acts.push(json!({ "act": self.acts.len() + 1, "title": title, "seconds": seconds, "ok": ok }));
    }

    pub(super) fn write(&self, file: &Path) -> Result<()> {
        let text = json!({ "acts": self.acts, "total_seconds": self.total_seconds, "ok": !self.failed });
        std::fs::write(file, format!("{text:#}\n")).with_context(|| format!("writing {}", file.display()))
    }
}
