use std::rc::Rc;

use super::{BuildError, Target};
use crate::{
    charts::{self, ChartError, HelmChart, HelmGlobals},
    config::{Config, load_config, load_crds},
    generators,
    kustomization::{GeneratorOptions, Var},
    load::Loader,
    origin::{ConfiguredBy, Origin},
    plugins,
    resmap::{ResMap, ResMapError},
    resource::{Resource, parse_limits, parse_resources},
    vars::{VarSet, mark_sources},
    weigh::{Excess, Weight},
};

/// What has been gathered so far.
#[derive(Default)]
pub(super) struct Accumulator {
    pub(super) resources: ResMap,
    pub(super) config: Rc<Config>,
    pub(super) vars: VarSet,
}

impl Accumulator {
    fn merge_config(&mut self, config: &Rc<Config>) -> Result<(), BuildError> {
        self.config = Config::merged(&self.config, config)?;
        Ok(())
    }

    fn merge(&mut self, other: Self) -> Result<(), BuildError> {
        // A base's own patches may have run ids together.
        self.resources.append_all(other.resources.into_list())?;
        self.merge_config(&other.config)?;
        self.vars.merge(other.vars.into_vars())?;
        Ok(())
    }
}

impl<'a> Target<'a> {
    /// Gathers into `all`: resources, generated ones, components; then transforms.
    pub(super) fn accumulate(&mut self, mut all: Accumulator) -> Result<Accumulator, BuildError> {
        if let Some(chart) = self.kustomization.helm_charts.first()
            && self.loader.charts().is_none()
        {
            return Err(ChartError::Refused(chart.describe()).into());
        }
        let resources = std::mem::take(&mut self.kustomization.resources);
        self.accumulate_resources(&mut all, &resources)
            .map_err(|error| error.context("accumulating resources"))?;
        all.merge_config(&load_config(&self.loader, &self.kustomization.configurations)?)?;
        if !self.kustomization.crds.is_empty() {
            let crds = &self.kustomization.crds;
            let config = load_crds(&self.loader, crds)
                .map_err(|error| error.context(format!("loading CRDs [{}]", crds.join(" "))))?;
            all.merge_config(&Rc::new(config))?;
        }
        self.generate(&mut all)?;
        let components = std::mem::take(&mut self.kustomization.components);
        for path in &components {
            let context = |error: BuildError| error.context("accumulating components");
            all = self.accumulate_component(all, path).map_err(context)?;
        }
        self.transform(&mut all)?;
        let vars: Vec<Var> = std::mem::take(&mut self.kustomization.vars);
        mark_sources(&mut all.resources, &vars)
            .and_then(|()| all.vars.merge(vars))
            .map_err(|error| BuildError::from(error).context("merging vars"))?;
        Ok(all)
    }

    /// Each path is a file of resources or the directory of a base.
    pub(super) fn accumulate_resources(
        &self,
        all: &mut Accumulator,
        paths: &[String],
    ) -> Result<(), BuildError> {
        for path in paths {
            let Err(file_error) = self.accumulate_file(all, path) else { continue };
            let loader = match self.loader.enter(path) {
                Ok(loader) => loader,
                Err(_) if file_error.is_malformed_yaml() || file_error.is_excess() => return Err(file_error),
                Err(error) => return Err(accumulation(error.into(), &file_error)),
            };
            self.accumulate_base(all, path, loader).map_err(|error| accumulation(error, &file_error))?;
        }
        self.check_size(all)
    }

    fn check_size(&self, all: &Accumulator) -> Result<(), BuildError> {
        let limit = self.session.limits.resources;
        if all.resources.list().len() > limit { Err(BuildError::TooMany(limit)) } else { Ok(()) }
    }

    fn accumulate_file(&self, all: &mut Accumulator, path: &str) -> Result<(), BuildError> {
        let accumulating = |error: BuildError| error.context(format!("accumulating resources from '{path}'"));
        let (text, again) = self.loader.load_resources(path).map_err(|error| accumulating(error.into()))?;
        let mut resources = parse_resources(&text, &parse_limits()).map_err(|error| {
            let error = BuildError::from(error);
            accumulating(if error.is_malformed_yaml() { error.in_file(path) } else { error })
        })?;
        if again {
            let bytes = resources.iter().map(|resource| Weight::of_node(&resource.node).bytes).sum();
            self.loader.take(Excess::Bases, bytes, path).map_err(|error| accumulating(error.into()))?;
        }
        if let Some(origin) = &self.origin {
            let origin = origin.append(path);
            for resource in &mut resources {
                resource.origin = Some(Box::new(origin.clone()));
            }
        }
        // Two of the same file are found before one of an earlier file.
        let resources = ResMap::from_resources(resources).map_err(|error| accumulating(error.into()))?;
        let merging = |error| BuildError::from(error).context(format!("merging resources from '{path}'"));
        all.resources.append_map(resources).map_err(merging)
    }

    fn accumulate_base(
        &self,
        all: &mut Accumulator,
        path: &str,
        loader: Loader<'a>,
    ) -> Result<(), BuildError> {
        let mut base = self.load_child(path, loader)?;
        if base.is_component() {
            let (path, found) = (base.dir(), String::new());
            return Err(BuildError::Kind { wanted: "!= 'Component'", path, found });
        }
        let dir = base.dir();
        let gathered = base
            .accumulate(Accumulator::default())
            .map_err(|error| error.context(format!("recursed accumulation of path '{dir}'")))?;
        all.merge(gathered).map_err(|error| error.context(format!("recursed merging from path '{dir}'")))
    }

    /// A component works on what has been gathered before it.
    fn accumulate_component(&self, all: Accumulator, path: &str) -> Result<Accumulator, BuildError> {
        let loader = self.loader.enter(path)?;
        let mut component = self.load_child(path, loader)?;
        let dir = component.dir();
        if !component.is_component() {
            let found = format!(" but got '{}'", component.kustomization.kind);
            return Err(BuildError::Kind { wanted: "'Component'", path: dir, found });
        }
        let gathered = component
            .accumulate(all)
            .map_err(|error| error.context(format!("recursed accumulation of path '{dir}'")))?;
        let Some(id) = gathered.resources.duplicate_id() else { return Ok(gathered) };
        let error = BuildError::from(ResMapError::Registered(id));
        Err(error.context(format!("recursed merging from path '{dir}'")))
    }

    fn load_child(&self, path: &str, loader: Loader<'a>) -> Result<Self, BuildError> {
        let dir = format!("/{}", loader.root());
        let mut child = Target::load(self.session, loader)
            .map_err(|error| error.context(format!("couldn't make target for path '{dir}'")))?;
        child.kustomization.build_metadata.clone_from(&self.kustomization.build_metadata);
        child.inherited_namespace.clone_from(self.helm_namespace());
        child.origin = self.origin.as_ref().map(|origin| origin.append(path));
        child.settle_schema()?;
        Ok(child)
    }

    fn dir(&self) -> String {
        format!("/{}", self.loader.root())
    }

    fn generate(&self, all: &mut Accumulator) -> Result<(), BuildError> {
        let kustomization = &self.kustomization;
        let lists = [
            (generators::Kind::ConfigMap, "ConfigMapGenerator", &kustomization.config_map_generator),
            (generators::Kind::Secret, "SecretGenerator", &kustomization.secret_generator),
        ];
        let mut generated = Vec::new();
        for (kind, name, list) in lists {
            for args in list {
                let mut args = args.clone();
                let global = kustomization.generator_options.as_ref();
                args.options = GeneratorOptions::merged(args.options.as_ref(), global);
                let mut resource = generators::generate(kind, &args, &self.loader)
                    .map_err(|error| self.generating(name, error.into()))?;
                resource.origin =
                    self.origin.as_ref().map(|origin| Box::new(origin.builtin(self.file_name, name)));
                generated.push(vec![resource]);
            }
        }
        let globals = kustomization.helm_globals.clone().unwrap_or_default();
        for chart in &kustomization.helm_charts {
            generated.push(self.inflate(chart, &globals)?);
        }
        for object in self.plugin_objects(&kustomization.generators)? {
            let by = plugin_origin(&object);
            let mut resources = plugins::generate(&object, &self.loader)
                .map_err(|error| error.context("loading generator plugins: failed to load generator"))?;
            for resource in &mut resources {
                resource.origin = by.clone().map(Box::new);
            }
            generated.push(resources);
        }
        for resources in generated {
            let merging = |error| BuildError::from(error).context("merging from generator");
            all.resources.absorb(resources).map_err(merging)?;
        }
        Ok(())
    }

    /// Says which kustomization's files have become too many.
    fn generating(&self, kind: &str, error: BuildError) -> BuildError {
        if !error.is_excess() {
            return error;
        }
        let dir = self.dir();
        error.context(format!("{kind} of '{}/{}'", dir.trim_end_matches('/'), self.file_name))
    }

    fn inflate(&self, chart: &HelmChart, globals: &HelmGlobals) -> Result<Vec<Resource>, BuildError> {
        let mut chart = chart.clone();
        if chart.namespace.is_empty() {
            chart.namespace.clone_from(self.helm_namespace());
        }
        let mut resources = charts::inflate(&chart, globals, &self.loader)?;
        let origin =
            self.origin.as_ref().map(|origin| origin.builtin(self.file_name, "HelmChartInflationGenerator"));
        resources.iter_mut().for_each(|resource| resource.origin = origin.clone().map(Box::new));
        Ok(resources)
    }

    /// The namespace for charts: that of this kustomization, or of the nearest one above that has one.
    fn helm_namespace(&self) -> &String {
        if self.kustomization.namespace.is_empty() {
            &self.inherited_namespace
        } else {
            &self.kustomization.namespace
        }
    }

    /// The objects of `generators`, `transformers` or `validators`: written in place, or in files and directories.
    pub(super) fn plugin_objects(&self, entries: &[String]) -> Result<Vec<Resource>, BuildError> {
        let mut all = Accumulator::default();
        let mut paths = Vec::new();
        for entry in entries {
            match parse_resources(entry, &parse_limits()) {
                Ok(mut objects) => {
                    for object in &mut objects {
                        object.origin =
                            self.origin.as_ref().map(|origin| Box::new(origin.append(self.file_name)));
                    }
                    all.resources.append_all(objects)?;
                }
                Err(_) => paths.push(entry.clone()),
            }
        }
        self.accumulate_resources(&mut all, &paths)?;
        Ok(all.resources.into_list())
    }
}

/// The origin of what an object of `generators` or `transformers` does.
pub(super) fn plugin_origin(object: &Resource) -> Option<Origin> {
    let id = object.id();
    let by = ConfiguredBy {
        api_version: object.gvk().version.to_owned(),
        kind: id.gvk.kind.to_owned(),
        name: id.name.to_owned(),
        namespace: id.namespace.to_owned(),
    };
    let configured_in = object.origin.as_ref()?.path.clone();
    Some(Origin { path: String::new(), configured_in, configured_by: Some(by) })
}

fn accumulation(error: BuildError, file_error: &BuildError) -> BuildError {
    error.context(format!("accumulation err='{file_error}'"))
}
