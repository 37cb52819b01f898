use std::fmt;
use std::io::Write;

use k8s_openapi::jiff::Timestamp;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// Writes each event as one JSON object a line, with the fields of the spans around it.
pub(super) struct Lines {
    controller: &'static str,
}

impl Lines {
    pub(super) fn new(controller: &'static str) -> Self {
        Self { controller }
    }

    fn line<S>(&self, event: &Event<'_>, context: &Context<'_, S>) -> Map<String, Value>
    where
        S: Subscriber + for<'s> LookupSpan<'s>,
    {
        let mut own = Fields::default();
        event.record(&mut own);
        let mut line = Map::new();
        line.insert("level".into(), level(*event.metadata().level()).into());
        line.insert("ts".into(), format!("{:.3}", Timestamp::now()).into());
        line.insert("logger".into(), self.controller.into());
        line.insert("msg".into(), own.0.remove("message").unwrap_or_default());
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(fields) = span.extensions().get::<Fields>() {
                line.extend(fields.0.clone());
            }
        }
        line.extend(own.0);
        if let Some(kind) = line.get("controllerKind").cloned() {
            line.insert("reconciler kind".into(), kind);
        }
        line
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN | Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

impl<S> Layer<S> for Lines
where
    S: Subscriber + for<'s> LookupSpan<'s>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut extensions = span.extensions_mut();
        if let Some(fields) = extensions.get_mut::<Fields>() {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut text = Value::Object(self.line(event, &context)).to_string();
        text.push('\n');
        // Nobody is left to tell when stderr is closed.
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }
}

#[derive(Default)]
struct Fields(Map<String, Value>);

impl Visit for Fields {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().into(), value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().into(), format!("{value:?}").into());
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;
    use tracing_subscriber::layer::SubscriberExt;

    /// The line is made, not written: the layer is asked directly.
    struct Catch(Lines, std::sync::Arc<std::sync::Mutex<Vec<serde_json::Value>>>);

    impl<S> tracing_subscriber::Layer<S> for Catch
    where
        S: tracing::Subscriber + for<'s> tracing_subscriber::registry::LookupSpan<'s>,
    {
        fn on_new_span(
            &self,
            attributes: &tracing::span::Attributes<'_>,
            id: &tracing::Id,
            context: tracing_subscriber::layer::Context<'_, S>,
        ) {
            self.0.on_new_span(attributes, id, context);
        }

        fn on_event(&self, event: &tracing::Event<'_>, context: tracing_subscriber::layer::Context<'_, S>) {
            self.1.lock().unwrap().push(self.0.line(event, &context).into());
        }
    }

    #[test]
    fn a_line_has_the_keys_that_flux_logs_reads() {
        let lines = std::sync::Arc::default();
        let layer = Catch(Lines::new("source-controller"), std::sync::Arc::clone(&lines));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let span = tracing::info_span!(
                "reconcile",
                controllerKind = "GitRepository",
                name = "app",
                namespace = "a"
            );
            let _inside = span.enter();
            tracing::error!(error = "no such host", "cannot fetch");
        });
        let line = lines.lock().unwrap().remove(0);
        for (key, value) in [
            ("level", "error"),
            ("msg", "cannot fetch"),
            ("error", "no such host"),
            ("logger", "source-controller"),
            ("controllerKind", "GitRepository"),
            ("reconciler kind", "GitRepository"),
            ("name", "app"),
            ("namespace", "a"),
        ] {
            assert_eq!(line[key], value, "{key}");
        }
        assert!(line["ts"].as_str().unwrap().ends_with('Z'));
    }
}
