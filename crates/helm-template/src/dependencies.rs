//! Which sub-charts take part, under which name, and what the parent takes over from them.
mod enable;
mod import;

use serde_json::{Map, Value, json};

pub(crate) use self::enable::in_range;

use crate::{
    chart::{Chart, File},
    values::{CoalesceError, Values},
};

/// Dependencies that cannot be resolved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// Values and a sub-chart do not fit.
    #[error("chart dependencies processing failed: {0}")]
    Values(#[from] CoalesceError),
    /// Aliases multiply the sub-charts beyond reason.
    #[error("chart dependencies processing failed: more than {0} charts")]
    Charts(usize),
}

/// A chart whose dependencies are done with: disabled ones gone, aliases given, values imported.
#[derive(Clone, Debug)]
pub struct ResolvedChart(Chart);

/// A file of `crds/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crd {
    /// Chart, sub-charts and path: `chart/charts/sub/crds/x.yaml`.
    pub path: String,
    /// The text, possibly several documents.
    pub text: String,
}

impl Chart {
    /// Works out the sub-charts that these values enable.
    ///
    /// # Errors
    /// When the values of a sub-chart are no map, or aliases make too many charts.
    pub fn resolve(&self, values: &Values) -> Result<ResolvedChart, ResolveError> {
        let mut chart = self.clone();
        enable::process(&mut chart, values.as_map())?;
        import::process(&mut chart)?;
        Ok(ResolvedChart(chart))
    }
}

impl ResolvedChart {
    /// The chart.
    #[must_use]
    pub fn chart(&self) -> &Chart {
        &self.0
    }

    /// The files of `crds/` of the chart and its sub-charts, in the order Helm installs them.
    #[must_use]
    pub fn crds(&self) -> Vec<Crd> {
        let mut crds = Vec::new();
        collect_crds(&self.0, self.0.name(), &mut crds);
        crds
    }

    /// The chart as a release stores it: `release.chart`.
    #[must_use]
    pub fn to_release_json(&self) -> Value {
        let chart = &self.0;
        json!({
            "metadata": chart.metadata().to_json(),
            "lock": chart.lock().map(crate::chart::Lock::to_json),
            "templates": files_json(chart.templates()),
            "values": nullable(chart.values()),
            "schema": chart.schema().map(|file| base64(&file.data)),
            "schemamodtime": "0001-01-01T00:00:00Z",
            "files": files_json(chart.files()),
        })
    }
}

/// A chart without values file has no map at all.
fn nullable(values: &Map<String, Value>) -> Value {
    if values.is_empty() { Value::Null } else { Value::Object(values.clone()) }
}

fn files_json(files: &[File]) -> Value {
    match files {
        [] => Value::Null,
        files => files.iter().map(|file| json!({"name": file.name, "data": base64(&file.data)})).collect(),
    }
}

fn base64(data: &[u8]) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.encode(data)
}

fn collect_crds(chart: &Chart, path: &str, into: &mut Vec<Crd>) {
    let is_manifest = |name: &str| {
        let extension = name.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map(|parts| parts.1);
        extension.is_some_and(|e| ["yaml", "yml", "json"].iter().any(|known| e.eq_ignore_ascii_case(known)))
    };
    let files = chart.files().iter().filter(|file| file.name.starts_with("crds/") && is_manifest(&file.name));
    into.extend(
        files.map(|file| Crd { path: format!("{path}/{}", file.name), text: file.text().into_owned() }),
    );
    for child in chart.dependencies() {
        collect_crds(child, &format!("{path}/charts/{}", child.name()), into);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::ResolvedChart;
    use crate::{
        chart::{Chart, Limits},
        values::Values,
    };

    fn resolve(files: &[(&str, &str)], values: &str) -> ResolvedChart {
        let files = files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()));
        let chart = Chart::from_files(files.collect(), &Limits::default()).unwrap();
        chart.resolve(&Values::parse(values).unwrap()).unwrap()
    }

    fn names(chart: &ResolvedChart) -> Vec<&str> {
        chart.chart().dependencies().iter().map(Chart::name).collect()
    }

    const CHILD: &str = "apiVersion: v2\nname: child\nversion: 1.2.3\n";
    const OTHER: &str = "apiVersion: v2\nname: other\nversion: 1.2.3\n";

    fn parent(dependencies: &str) -> String {
        format!("apiVersion: v2\nname: parent\nversion: 1.0.0\ndependencies: {dependencies}\n")
    }

    fn two(dependencies: &str, values: &str) -> Vec<String> {
        let chart = parent(dependencies);
        let files = [
            ("Chart.yaml", chart.as_str()),
            ("charts/child/Chart.yaml", CHILD),
            ("charts/other/Chart.yaml", OTHER),
        ];
        names(&resolve(&files, values)).into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn the_first_boolean_of_a_condition_decides() {
        let list = "[{name: child, version: 1.x, condition: 'a.use,b.use'}, {name: other, version: '*'}]";
        assert_eq!(two(list, "a: {use: false}\nb: {use: true}\n"), ["other"]);
        assert_eq!(two(list, "a: {use: 'false'}\nb: {use: true}\n"), ["child", "other"]);
        assert_eq!(two(list, ""), ["child", "other"]);
    }

    #[test]
    fn tags_switch_and_a_condition_overrules_them() {
        let list = "[{name: child, version: 1.x, tags: [x]}, {name: other, version: '*', tags: [x], condition: other.use}]";
        assert_eq!(two(list, "tags: {x: false}\n"), Vec::<String>::new());
        assert_eq!(two(list, "tags: {x: false}\nother: {use: true}\n"), ["other"]);
    }

    #[test]
    fn an_alias_makes_another_chart_of_it() {
        let list = "[{name: child, version: 1.x, alias: one}, {name: child, version: 1.x, alias: two}]";
        assert_eq!(two(list, "two: {global: {}}\n"), ["other", "one", "two"]);
    }

    #[test]
    fn a_chart_of_another_version_is_no_dependency_but_stays() {
        let list = "[{name: child, version: 2.x}]";
        assert_eq!(two(list, ""), ["child", "other"]);
    }

    #[test]
    fn values_are_imported_and_the_parents_win() {
        let chart =
            parent("[{name: child, version: 1.x, import-values: [data, {child: deep.inner, parent: here}]}]");
        let resolved = resolve(
            &[
                ("Chart.yaml", &chart),
                ("values.yaml", "a: own\nhere: {k: own}\n"),
                ("charts/child/Chart.yaml", CHILD),
                (
                    "charts/child/values.yaml",
                    "exports: {data: {a: child, b: child}}\ndeep: {inner: {k: child, l: child}}\n",
                ),
            ],
            "",
        );
        let values = resolved.chart().values();
        assert_eq!((&values["a"], &values["b"]), (&json!("own"), &json!("child")));
        assert_eq!(values["here"], json!({"k": "own", "l": "child"}));
    }

    #[test]
    fn crds_of_disabled_charts_are_left_out() {
        let chart = parent("[{name: child, version: 1.x, condition: use}]");
        let files = [
            ("Chart.yaml", chart.as_str()),
            ("crds/a.yaml", "a"),
            ("crds/README.md", ""),
            ("charts/child/Chart.yaml", CHILD),
            ("charts/child/crds/b.yml", "b"),
        ];
        let paths = |values: &str| -> Vec<String> {
            resolve(&files, values).crds().into_iter().map(|crd| crd.path).collect()
        };
        assert_eq!(paths("use: false\n"), ["parent/crds/a.yaml"]);
        assert_eq!(paths(""), ["parent/crds/a.yaml", "parent/charts/child/crds/b.yml"]);
    }

    #[test]
    fn a_release_stores_what_was_resolved() {
        let chart = parent("[{name: child, version: 1.x, condition: use}]");
        let files =
            [("Chart.yaml", chart.as_str()), ("charts/child/Chart.yaml", CHILD), ("templates/a", "hi")];
        let json = resolve(&files, "").to_release_json();
        assert_eq!(json["metadata"]["dependencies"][0]["enabled"], json!(true));
        assert_eq!(json["templates"], json!([{"name": "templates/a", "data": "aGk="}]));
        assert_eq!(json["lock"], Value::Null);
    }

    /// A chart with one sub-chart of so many values, under so many aliases.
    fn aliased(count: usize, own: &str) -> Chart {
        let aliases: Vec<String> =
            (0..count).map(|at| format!("{{name: child, version: 1.x, alias: a{at}}}")).collect();
        let chart = parent(&format!("[{}]", aliases.join(", ")));
        let files = [
            ("Chart.yaml", chart.as_str()),
            ("charts/child/Chart.yaml", CHILD),
            ("charts/child/values.yaml", own),
        ];
        let files = files.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
        Chart::from_files(files.to_vec(), &Limits::default()).unwrap()
    }

    #[test]
    fn aliases_share_the_values_of_their_chart() {
        let chart = aliased(3, "list: [1, 2]\n").resolve(&Values::new()).unwrap();
        let children = chart.chart().dependencies();
        assert_eq!(children.len(), 3);
        assert!(children.iter().all(|child| std::ptr::eq(child.values(), children[0].values())));
    }

    #[test]
    fn aliases_do_not_multiply_values_without_end() {
        let own = format!("list:\n{}", "- 1\n".repeat(50_000));
        let error = aliased(40, &own).resolve(&Values::new()).unwrap_err();
        assert!(error.to_string().contains("aliases take more than"), "{error}");
        assert!(aliased(4, &own).resolve(&Values::new()).is_ok());
        let globals = Values::parse(&format!("global: {{list: [{}]}}\n", "1, ".repeat(50_000))).unwrap();
        let error = aliased(40, "{}").resolve(&globals).unwrap_err();
        assert!(error.to_string().contains("aliases take more than"), "{error}");
    }

    #[test]
    fn values_of_all_charts_together_are_limited() {
        let own = format!("list:\n{}", "- 1\n".repeat(100_000)).into_bytes();
        let mut files =
            vec![("Chart.yaml".to_owned(), b"apiVersion: v2\nname: c\nversion: 1.0.0\n".to_vec())];
        for at in 0..4 {
            let head = format!("apiVersion: v2\nname: s{at}\nversion: 1.0.0\n");
            files.push((format!("charts/s{at}/Chart.yaml"), head.into_bytes()));
            files.push((format!("charts/s{at}/values.yaml"), own.clone()));
        }
        let error = Chart::from_files(files, &Limits::default()).unwrap_err();
        assert!(error.to_string().contains("sub-charts take more than"), "{error}");
    }
}
