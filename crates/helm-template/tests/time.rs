//! Templates end by the clock of their host, whatever a step costs.
use std::{cell::Cell, rc::Rc, time::Duration};

use helm_template::{Chart, Limits, TemplateOptions, Values, template_output};

/// A second goes by at each look.
struct Clock(Cell<i64>);

impl helm_template::SprigHost for Clock {
    fn now(&self) -> jiff::Timestamp {
        self.0.set(self.0.get() + 1);
        jiff::Timestamp::from_second(self.0.get()).unwrap()
    }

    fn random(&self, _: &mut [u8]) -> Result<(), gotemplate::FuncError> {
        Ok(())
    }
}

impl helm_template::Host for Clock {
    fn lookup(&self, _: &str, _: &str, _: &str, _: &str) -> Result<serde_json::Value, String> {
        Ok(serde_json::json!({}))
    }
}

#[test]
fn templates_end_when_their_time_is_over() {
    let files = [
        ("Chart.yaml", "apiVersion: v2\nname: slow\nversion: 1.0.0\n"),
        ("templates/a.yaml", "{{ range until 600000 }}{{ end }}"),
    ];
    let files = files.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()));
    let chart = Chart::from_directory(files.to_vec(), &Limits::default()).unwrap();
    let render = |time: Option<u64>| {
        let mut options = TemplateOptions::default();
        options.render.time = time.map(Duration::from_secs);
        template_output(&chart, &Values::new(), Rc::new(Clock(Cell::new(0))), &options)
    };
    let error = render(Some(10)).unwrap_err().to_string();
    assert!(error.contains("it takes too long"), "{error}");
    assert!(render(Some(1_000_000)).is_ok() && render(None).is_ok());
}
