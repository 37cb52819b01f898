//! Recorded and seen requests side by side.

use serde_json::{Value, json};

use crate::protobuf;
use crate::sink::Seen;

/// Types that put metadata into lists or text in the order of a Go map, which is random.
const UNORDERED: [&str; 14] = [
    "datadog",
    "discord",
    "googlechat",
    "grafana",
    "lark",
    "matrix",
    "msteams",
    "otel",
    "rocket",
    "sentry",
    "slack",
    "telegram",
    "webex",
    "zoom",
];

/// Headers of the transport. `accept: */*` says what saying nothing does.
fn is_transport(name: &str, value: &str) -> bool {
    matches!(
        name,
        "user-agent" | "content-length" | "accept-encoding" | "connection" | "proxy-connection" | "date"
    ) || (name == "accept" && value == "*/*")
        || name == "x-tfs-session"
}

/// Where the requests differ.
pub(crate) fn requests(kind: &str, recorded: &[Value], seen: &[Seen]) -> Vec<String> {
    let exchange = |path: &str| path.ends_with("/access_tokens") || path.ends_with("/api/v3/app");
    let has = |wanted: &dyn Fn(&str) -> bool| {
        recorded.iter().any(|request| request["path"].as_str().is_some_and(wanted))
    };
    let (exchanged, listed) = (has(&exchange), has(&|path| path.ends_with("/_apis")));
    // Asked once a process, so that only the first recording of them shows it.
    let seen: Vec<_> = seen
        .iter()
        .filter(|seen| (exchanged || !exchange(&seen.path)) && (listed || seen.method != "OPTIONS"))
        .collect();
    let recorded: Vec<_> = recorded
        .iter()
        .filter(|request| request["method"] != "OPTIONS" || seen.iter().any(|seen| seen.method == "OPTIONS"))
        .collect();
    if recorded.len() != seen.len() {
        let paths = |paths: Vec<String>| paths.join(", ");
        return vec![format!(
            "requests\n  flux: {}\n  ours: {}",
            paths(
                recorded.iter().map(|request| format!("{} {}", request["method"], request["path"])).collect()
            ),
            paths(seen.iter().map(|seen| format!("{} {}", seen.method, seen.path)).collect())
        )];
    }
    let pairs = recorded.iter().zip(&seen);
    pairs.flat_map(|(recorded, seen)| request(kind, recorded, seen)).collect()
}

fn request(kind: &str, recorded: &Value, seen: &Seen) -> Vec<String> {
    let mut differences = Vec::new();
    let mut check = |what: &str, flux: String, ours: String| {
        if flux != ours {
            differences.push(format!("{what}\n  flux: {flux}\n  ours: {ours}"));
        }
    };
    let text = |key: &str| recorded[key].as_str().unwrap_or_default().to_owned();
    check("method", text("method"), seen.method.clone());
    check("path", text("path"), seen.path.clone());
    check("headers", recorded_headers(recorded), seen_headers(recorded, seen));
    let (flux, ours) = bodies(kind, recorded, seen);
    check("body", flux, ours);
    differences
}

fn recorded_headers(recorded: &Value) -> String {
    let all = recorded["headers"].as_object().into_iter().flatten();
    let mut lines: Vec<_> = all
        .map(|(name, value)| match value {
            Value::String(text) => (name.to_lowercase(), masked_header(&name.to_lowercase(), text)),
            options => (name.clone(), nats_options(options)),
        })
        .filter(|(name, value)| !is_transport(name, value))
        .collect();
    lines.sort();
    format!("{lines:?}")
}

fn seen_headers(recorded: &Value, seen: &Seen) -> String {
    let jwt = recorded["headers"]["Authorization"] == "Bearer <JWT>";
    let all = seen.headers.iter().map(|(name, value)| {
        let value = match name.as_str() {
            "connect_options" => nats_options(&serde_json::from_str(value).unwrap_or_default()),
            "authorization" if jwt && value.starts_with("Bearer ey") => "Bearer <JWT>".to_owned(),
            name => masked_header(name, value),
        };
        (name.clone(), value)
    });
    let mut lines: Vec<_> = all.filter(|(name, value)| !is_transport(name, value)).collect();
    lines.sort();
    format!("{lines:?}")
}

/// Sentry is told which client speaks.
fn masked_header(name: &str, value: &str) -> String {
    let parts =
        value.split(", ").filter(|part| name != "x-sentry-auth" || !part.starts_with("sentry_client="));
    parts.collect::<Vec<_>>().join(", ")
}

/// NATS is told in which language the client is written.
fn nats_options(options: &Value) -> String {
    let mut options = options.clone();
    if let Some(fields) = options.as_object_mut() {
        fields.remove("lang");
        fields.remove("version");
    }
    sorted(&options).to_string()
}

fn bodies(kind: &str, recorded: &Value, seen: &Seen) -> (String, String) {
    let ours = String::from_utf8_lossy(&seen.body).into_owned();
    match recorded["body_kind"].as_str().unwrap_or_default() {
        "empty" => (String::new(), ours),
        "text" => (recorded["body"].as_str().unwrap_or_default().to_owned(), ours),
        "protobuf-decoded" => {
            let decoded = protobuf::decode(&seen.body).unwrap_or_else(|| json!("not protobuf"));
            (sorted(&recorded["body"]).to_string(), sorted(&decoded).to_string())
        }
        "json-lines" => {
            let lines = ours.lines().map(|line| serde_json::from_str(line).unwrap_or_default()).collect();
            (
                sorted(&sentry(&recorded["body"])).to_string(),
                sorted(&sentry(&Value::Array(lines))).to_string(),
            )
        }
        _ if UNORDERED.contains(&kind) => {
            let parsed = serde_json::from_str(&ours).unwrap_or(Value::String(ours));
            (sorted(&recorded["body"]).to_string(), sorted(&parsed).to_string())
        }
        _ => {
            (recorded["body_raw"].as_str().map_or_else(|| recorded["body"].to_string(), str::to_owned), ours)
        }
    }
}

/// Lists and lines as sets.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<_> = items.iter().map(sorted).collect();
            items.sort_by_key(ToString::to_string);
            items.into()
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().map(|(key, value)| (key.clone(), sorted(value))).collect();
            fields.sort_by(|left, right| left.0.cmp(&right.0));
            Value::Object(fields.into_iter().collect())
        }
        Value::String(text) if text.contains('\n') => {
            let mut lines: Vec<_> = text.lines().collect();
            lines.sort_unstable();
            lines.join("\n").into()
        }
        other => other.clone(),
    }
}

/// Without random ids, lengths, times of sending, the description of the machine, and the name of the client.
fn sentry(lines: &Value) -> Value {
    const MASKED: [&str; 12] = [
        "event_id",
        "sent_at",
        "sdk",
        "length",
        "modules",
        "device",
        "os",
        "runtime",
        "trace_id",
        "span_id",
        "platform",
        "server_name",
    ];
    match lines {
        Value::Array(items) => items.iter().map(sentry).collect(),
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(key, _)| !MASKED.contains(&key.as_str()));
            Value::Object(kept.map(|(key, value)| (key.clone(), sentry(value))).collect())
        }
        other => other.clone(),
    }
}

/// Texts of warnings: equal but for what Go's libraries say at the end.
pub(crate) fn same_text(flux: &str, ours: &str) -> bool {
    flux.trim_end() == ours.trim_end()
}
