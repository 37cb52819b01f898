use serde_json::{Map, Value};

/// The depth to which objects are compared.
const DEPTH: usize = 64;
/// What stands for the values of a Secret.
const MASK: &str = "*****";

/// What a server-side apply would change, a path and what stands there for each; times, versions and status left out.
pub(super) fn differences(live: &Value, wanted: &Value, secret: bool) -> Vec<String> {
    let mut found = Vec::new();
    let compare = Compare { secret };
    compare.walk("", &bare(live), &bare(wanted), DEPTH, &mut found);
    found
}

/// Without what the server writes.
fn bare(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(map) = object.as_object_mut() {
        map.remove("status");
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for key in ["managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink"]
        {
            metadata.remove(key);
        }
    }
    object
}

struct Compare {
    secret: bool,
}

impl Compare {
    fn walk(&self, path: &str, old: &Value, new: &Value, depth: usize, found: &mut Vec<String>) {
        match (old, new) {
            _ if old == new => {}
            (Value::Object(old), Value::Object(new)) if depth > 0 => self.maps(path, old, new, depth, found),
            (Value::Array(old), Value::Array(new)) if depth > 0 && old.len() == new.len() => {
                for (at, (old, new)) in old.iter().zip(new).enumerate() {
                    self.walk(&format!("{path}.{at}"), old, new, depth - 1, found);
                }
            }
            _ => {
                let (old, new) = (self.shown(path, old, "old"), self.shown(path, new, "new"));
                found.push(format!(
                    "{}\n  ± value change\n    - {old}\n    + {new}\n",
                    path.trim_start_matches('.')
                ));
            }
        }
    }

    fn maps(
        &self,
        path: &str,
        old: &Map<String, Value>,
        new: &Map<String, Value>,
        depth: usize,
        found: &mut Vec<String>,
    ) {
        let mut keys: Vec<&String> =
            old.keys().chain(new.keys().filter(|key| !old.contains_key(*key))).collect();
        keys.sort();
        for key in keys {
            let inner = format!("{path}.{key}");
            match (old.get(key), new.get(key)) {
                (Some(old), Some(new)) => self.walk(&inner, old, new, depth - 1, found),
                (Some(old), None) => found.push(self.entry(path, '-', "removed", key, old)),
                (None, Some(new)) => found.push(self.entry(path, '+', "added", key, new)),
                (None, None) => {}
            }
        }
    }

    fn entry(&self, path: &str, sign: char, done: &str, key: &str, value: &Value) -> String {
        let place = path.trim_start_matches('.');
        let shown = self.shown(&format!("{path}.{key}"), value, done);
        format!("{place}\n  {sign} one map entry {done}:\n    {key}: {shown}\n")
    }

    fn shown(&self, path: &str, value: &Value, which: &str) -> String {
        if self.secret && (path.starts_with(".data") || path.starts_with(".stringData")) {
            return format!("{MASK} ({which})");
        }
        match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::differences;

    #[test]
    fn the_path_and_both_values_are_told() {
        let live = json!({ "metadata": { "resourceVersion": "1" }, "data": { "a": "1", "b": "x" } });
        let wanted = json!({ "metadata": { "resourceVersion": "2" }, "data": { "a": "2", "c": "y" } });
        let text = differences(&live, &wanted, false).join("\n");
        assert!(text.contains("data.a\n  ± value change\n    - 1\n    + 2"), "{text}");
        assert!(
            text.contains("- one map entry removed:\n    b: x")
                && text.contains("+ one map entry added:\n    c: y"),
            "{text}"
        );
        assert!(!text.contains("resourceVersion"), "{text}");
    }

    #[test]
    fn values_of_secrets_are_not_shown() {
        let text =
            differences(&json!({ "data": { "a": "canary1" } }), &json!({ "data": { "a": "canary2" } }), true);
        assert!(text[0].contains("data.a") && !text[0].contains("canary"), "{text:?}");
    }
}
