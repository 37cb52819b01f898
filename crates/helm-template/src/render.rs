//! Rendering of a chart's templates.
mod context;
mod error;
mod files;
mod functions;
mod notes;
mod structs;
mod table;

use std::{borrow::Cow, collections::BTreeMap, rc::Rc, thread, time::Duration};

use gotemplate::{Map, MissingKey, Session, Str, Templates, Value};
use serde_json::Value as Json;

pub use self::error::RenderError;
pub(crate) use self::notes::NOTES;
use self::{
    context::{Page, pages},
    error::{exec_text, parse_text},
    table::values_type,
};
use crate::{
    capabilities::{Capabilities, HelmMajor, KubeVersion},
    dependencies::{ResolvedChart, in_range},
    manifests::{SortError, Sorted, read_aside},
    schema::check_schemas,
    values::{Room, Values, coalesce_chart},
};

/// What a render asks of the world around it; clock and randomness come with [`sprig::Host`].
pub trait Host: sprig::Host {
    /// An object of the cluster, or the list of all when `name` is empty; an empty object when there is none.
    ///
    /// # Errors
    /// When the cluster cannot be asked; the text goes into the template's error.
    fn lookup(&self, api_version: &str, kind: &str, namespace: &str, name: &str) -> Result<Json, String>;
}

/// `.Release`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseOptions {
    /// Name of the release.
    pub name: String,
    /// Namespace of the release.
    pub namespace: String,
    /// Revision, from 1.
    pub revision: i64,
    /// First install.
    pub is_install: bool,
    /// Upgrade or rollback.
    pub is_upgrade: bool,
}

/// How a chart is rendered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RenderOptions {
    /// `values.schema.json` is not looked at.
    pub skip_schema_validation: bool,
    /// Notes of sub-charts are added to the chart's.
    pub sub_notes: bool,
    /// `getHostByName` asks the host; otherwise it answers nothing.
    pub dns: bool,
    /// Steps, depth and bytes of all templates together.
    pub limits: gotemplate::Limits,
    /// How long templates may run, by the clock of the host; not bounded without it. A step may be a comparison of megabytes.
    pub time: Option<Duration>,
    /// How many threads may parse the templates of a large chart and read what they made; 0 means one.
    pub threads: usize,
}

/// How many of `threads` are worth their start for so many bytes of templates or manifests.
pub(crate) fn threads_for(bytes: usize, threads: usize) -> usize {
    const LARGE: usize = 128 << 10;
    if bytes < LARGE { 1 } else { threads.max(1) }
}

/// Rendered files, before they are sorted: a post-renderer may run between.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    /// `chart/templates/x.yaml` and what it rendered to. Notes are taken out.
    pub files: BTreeMap<String, String>,
    /// The rendered `NOTES.txt`.
    pub notes: String,
}

/// Renders a chart, as the Helm of [`Capabilities::helm_version`] does.
///
/// # Errors
/// When the chart does not take this Kubernetes or these values, or a template is wrong, fails or exceeds a limit; in
/// Helm's words.
pub fn render(
    chart: &ResolvedChart,
    values: &Values,
    release: &ReleaseOptions,
    capabilities: &Capabilities,
    host: Rc<dyn Host>,
    options: &RenderOptions,
) -> Result<Files, RenderError> {
    let mut files = BTreeMap::new();
    render_each(chart, values, release, capabilities, host, options, &mut |path, text| {
        files.insert(path.to_owned(), without_no_value(&text.text()).into_owned());
    })?;
    Ok(notes::take(files, chart.chart().name(), options.sub_notes))
}

/// Renders a chart and sorts what came out, as [`render`] and [`sort_as`](crate::sort_as) do one after the other; gives
/// the notes too. With more than one thread the objects of a large chart are read while later files are rendered.
///
/// # Errors
/// As these two.
pub fn render_sorted(
    chart: &ResolvedChart,
    values: &Values,
    release: &ReleaseOptions,
    capabilities: &Capabilities,
    host: Rc<dyn Host>,
    options: &RenderOptions,
) -> Result<(Sorted, String), RenderSortError> {
    let helm = capabilities.helm_version.major();
    let mut read = read_aside(helm, options.threads, |page| {
        render_each(chart, values, release, capabilities, host, options, page)
    })?;
    let sorted = read.sort(helm)?;
    Ok((sorted, notes::take(read.notes, chart.chart().name(), options.sub_notes).notes))
}

/// Why a chart gives no sorted objects.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RenderSortError {
    /// It cannot be rendered.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// A template made no YAML.
    #[error(transparent)]
    Sort(#[from] SortError),
}

/// Hands each rendered file to `page`, as Go printed it.
fn render_each(
    chart: &ResolvedChart,
    values: &Values,
    release: &ReleaseOptions,
    capabilities: &Capabilities,
    host: Rc<dyn Host>,
    options: &RenderOptions,
    page: &mut dyn FnMut(&str, Str),
) -> Result<(), RenderError> {
    let (root, helm) = (chart.chart(), capabilities.helm_version.major());
    let values = coalesce_chart(root, values.as_map(), helm, &mut Room::new())?;
    if !options.skip_schema_validation {
        check_schemas(root, &values)?;
    }
    let wanted = &root.metadata().kube_version;
    if !wanted.is_empty() && !in_range(wanted, &capabilities.kube_version.normalized) {
        let KubeVersion { version, normalized, .. } = capabilities.kube_version.clone();
        let version = if helm == HelmMajor::Three { normalized } else { version };
        return Err(RenderError::KubeVersion { wanted: wanted.clone(), version });
    }
    let pages = pages(root, values, release, capabilities);
    execute(&pages, host, options, helm, page)
}

/// Parses all pages, then executes those that are no partials.
fn execute(
    pages: &[Page<'_>],
    host: Rc<dyn Host>,
    options: &RenderOptions,
    helm: HelmMajor,
    done: &mut dyn FnMut(&str, Str),
) -> Result<(), RenderError> {
    let hosted = Rc::clone(&host);
    let funcs = functions::functions(host, options, helm);
    let mut templates = Templates::new("gotpl").missing_key(MissingKey::Zero);
    let texts: Vec<(&str, &str)> = pages.iter().map(|page| (page.name.as_str(), &*page.text)).collect();
    let threads = threads_for(texts.iter().map(|(_, text)| text.len()).sum(), options.threads);
    templates
        .parse_all(&texts, &funcs, threads)
        .map_err(|(at, error)| RenderError::Parse(parse_text(&pages[at].name, &error)))?;
    templates.freeze();
    let session = session(&hosted, options);
    for page in pages.iter().filter(|page| !page.is_partial()) {
        let about = [("Name", Value::string(&page.name)), ("BasePath", Value::string(&page.base))];
        let template = Map::of(values_type(helm));
        for (key, value) in about {
            template.insert(key, value);
        }
        page.data.insert("Template", Value::Map(template));
        let data = Value::Map(page.data.clone());
        let text = templates
            .execute(&page.name, &data, &funcs, &session)
            .map_err(|error| RenderError::Execute(exec_text(&page.name, &error, helm)))?;
        done(&page.name, text);
    }
    if threads > 1 {
        drop_aside(templates);
    }
    Ok(())
}

fn session(host: &Rc<dyn Host>, options: &RenderOptions) -> Session {
    let session = Session::new(options.limits);
    let until = options.time.and_then(|time| host.now().checked_add(time).ok());
    let Some(until) = until else { return session };
    let host = Rc::clone(host);
    session.with_interrupt(move || host.now() >= until)
}

/// Drops a large set on a thread of its own, where the system gives one: its many small pieces take as long as a third of
/// their parsing.
fn drop_aside(templates: Templates) {
    let _ = thread::Builder::new().spawn(move || drop(templates));
}

/// Go prints `<no value>` for what is missing; Helm takes it away.
pub(crate) fn without_no_value(text: &str) -> Cow<'_, str> {
    const NO_VALUE: &str = "<no value>";
    // Most texts have none, which this finds out faster.
    match memchr::memmem::find(text.as_bytes(), NO_VALUE.as_bytes()) {
        Some(_) => text.replace(NO_VALUE, "").into(),
        None => text.into(),
    }
}
