//! The text format of Prometheus, read just as far as tests ask.
use std::collections::BTreeMap;

/// The samples of one scrape.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    samples: Vec<Sample>,
}

#[derive(Debug, Clone)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

impl Metrics {
    /// Reads a scrape; lines that are no samples are skipped.
    pub fn parse(text: &str) -> Metrics {
        Metrics { samples: text.lines().filter_map(sample).collect() }
    }

    /// The sum over all series of `name` that carry these labels; 0 when there is none.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.matching(name, labels).map(|sample| sample.value).sum()
    }

    /// How many series of `name` carry these labels.
    pub fn count(&self, name: &str, labels: &[(&str, &str)]) -> usize {
        self.matching(name, labels).count()
    }

    /// The sum of `name` for each combination of values of these labels, joined by blanks; empty values are left out.
    pub fn by(&self, name: &str, labels: &[&str]) -> BTreeMap<String, f64> {
        let mut sums = BTreeMap::new();
        for sample in self.matching(name, &[]) {
            let values = labels.iter().filter_map(|label| sample.labels.get(*label));
            let values: Vec<&str> = values.map(String::as_str).filter(|value| !value.is_empty()).collect();
            *sums.entry(values.join(" ")).or_insert(0.0) += sample.value;
        }
        sums
    }

    fn matching(&self, name: &str, labels: &[(&str, &str)]) -> impl Iterator<Item = &Sample> {
        let has = |sample: &Sample| {
            labels.iter().all(|(key, value)| sample.labels.get(*key).is_some_and(|v| v == value))
        };
        self.samples.iter().filter(move |sample| sample.name == name && has(sample))
    }
}

fn sample(line: &str) -> Option<Sample> {
    if line.starts_with('#') {
        return None;
    }
    let (series, value) = match line.rsplit_once('}') {
        Some((series, value)) => (series, value),
        None => line.split_once(' ')?,
    };
    let (name, labels) = series.split_once('{').unwrap_or((series, ""));
    let value = value.split_whitespace().next()?.parse().ok()?;
    Some(Sample { name: name.into(), labels: read_labels(labels), value })
}

/// `a="b",c="d"`, where a value may hold escaped quotes.
fn read_labels(mut text: &str) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    while let Some((key, rest)) = text.split_once("=\"") {
        let mut value = String::new();
        let mut chars = rest.char_indices();
        let mut end = rest.len();
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
                '"' => {
                    end = at + 1;
                    break;
                }
                other => value.push(other),
            }
        }
        labels.insert(key.trim_start_matches(',').into(), value);
        text = &rest[end..];
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_summed_by_label() {
        let text = "# TYPE a counter\na{x=\"1\",y=\"q\\\"}\"} 2\na{x=\"2\"} 3.5\nb 7\n";
        let metrics = Metrics::parse(text);
        assert_eq!(metrics.sum("a", &[]), 5.5);
        assert_eq!(metrics.sum("a", &[("x", "1")]), 2.0);
        assert_eq!(metrics.sum("b", &[]), 7.0);
        assert_eq!(metrics.count("a", &[("y", "q\"}")]), 1);
        assert_eq!(metrics.by("a", &["x"])["2"], 3.5);
    }
}
