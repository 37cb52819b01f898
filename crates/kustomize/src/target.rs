//! One kustomization: loads its file, gathers its resources, generates, and transforms.

mod accumulate;
mod configure;
mod run;
mod validate;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use manifest::yaml::{DuplicateKeys, Limits, parse_value};

pub(crate) use crate::error::BuildError;

pub use self::validate::ValidatorError;

use self::accumulate::Accumulator;
use crate::{
    build::{BuildLimits, is_local},
    fold::Unknown,
    kustomization::{COMPONENT_KIND, Kustomization},
    load::Loader,
    origin::Origin,
    refs::fix_references,
    resmap::ResMap,
    resource::{Resource, check_metadata},
    schema::{BUILTIN_VERSION, CustomSchema, Schemas},
    transformers::{AddHashes, Transformer},
    vars,
};

/// What a whole build shares.
pub(crate) struct Session {
    schemas: RefCell<SchemaState>,
    limits: BuildLimits,
    visits: Cell<usize>,
}

#[derive(Default)]
struct SchemaState {
    schemas: Rc<Schemas>,
    /// The first kustomization that names a schema or version settles it.
    settled: bool,
}

impl Session {
    pub(crate) fn new(limits: BuildLimits) -> Self {
        Self { schemas: RefCell::default(), limits, visits: Cell::new(0) }
    }

    /// Counts a base: bases that name two others each would be visited endlessly often.
    fn visit(&self) -> Result<(), BuildError> {
        self.visits.set(self.visits.get() + 1);
        let limit = self.limits.bases;
        if self.visits.get() > limit { Err(BuildError::TooManyBases(limit)) } else { Ok(()) }
    }

    fn schemas(&self) -> Rc<Schemas> {
        Rc::clone(&self.schemas.borrow().schemas)
    }
}

/// File names of a kustomization.
const FILE_NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// One kustomization.
pub(crate) struct Target<'a> {
    session: &'a Session,
    loader: Loader<'a>,
    kustomization: Kustomization,
    file_name: &'static str,
    /// The namespace of a kustomization above, for charts.
    inherited_namespace: String,
    /// Where this kustomization is, when origins are recorded.
    origin: Option<Origin>,
}

impl<'a> Target<'a> {
    /// The kustomization that a build starts at; see [`BuildOptions::loose_root`](crate::BuildOptions::loose_root).
    pub(crate) fn load_root(
        session: &'a Session,
        loader: Loader<'a>,
        loose: bool,
    ) -> Result<Self, BuildError> {
        let unknown = if loose { Unknown::Ignore } else { Unknown::Refuse };
        let mut target = Self::load_as(session, loader, unknown)?;
        target.settle_schema()?;
        if !target.kustomization.build_metadata.is_empty() {
            target.origin = Some(Origin::default());
        }
        Ok(target)
    }

    fn load(session: &'a Session, loader: Loader<'a>) -> Result<Self, BuildError> {
        Self::load_as(session, loader, Unknown::Refuse)
    }

    fn load_as(session: &'a Session, loader: Loader<'a>, unknown: Unknown) -> Result<Self, BuildError> {
        session.visit()?;
        let dir = format!("/{}", loader.root());
        let mut found = Vec::new();
        for name in FILE_NAMES {
            found.extend(loader.load_kustomization(name)?.map(|text| (name, text)));
        }
        if found.len() > 1 {
            return Err(BuildError::ManyKustomizations(dir));
        }
        let (file_name, text) = found.pop().ok_or_else(|| BuildError::NoKustomization(dir.clone()))?;
        let kustomization = Kustomization::parse_as(&text, &dir, &Limits::default(), unknown)?;
        Ok(Self {
            session,
            loader,
            kustomization,
            file_name,
            inherited_namespace: String::new(),
            origin: None,
        })
    }

    pub(crate) fn kustomization(&self) -> &Kustomization {
        &self.kustomization
    }

    /// Takes the schema or version that `openapi` names, unless an earlier kustomization has settled it.
    fn settle_schema(&self) -> Result<(), BuildError> {
        let openapi = &self.kustomization.openapi;
        let mut state = self.session.schemas.borrow_mut();
        let custom = match openapi.get("path") {
            Some(path) => {
                let text = self.loader.load_text(path)?;
                let document = parse_value(path, &text, DuplicateKeys::LastWins, &Limits::default())?;
                if !document.is_object() {
                    return Err(BuildError::SchemaFile(path.clone()));
                }
                Some(document)
            }
            None => None,
        };
        if state.settled {
            return Ok(());
        }
        match (custom, openapi.get("version").map(String::as_str)) {
            (Some(_), Some(_)) => return Err(BuildError::SchemaAndVersion),
            (Some(document), None) => {
                let mut schemas = Schemas::default();
                schemas.set_custom(CustomSchema::new(document));
                state.schemas = Rc::new(schemas);
                state.settled = true;
            }
            (None, Some(BUILTIN_VERSION)) => state.settled = true,
            (None, None | Some("")) => {}
            (None, Some(_)) => return Err(BuildError::SchemaVersion),
        }
        Ok(())
    }

    /// Builds to the end: hashes, name references and vars come last, once.
    pub(crate) fn build(mut self) -> Result<Vec<Resource>, BuildError> {
        let mut all = self.accumulate(Accumulator::default())?;
        AddHashes.transform(&mut all.resources, &self.session.schemas())?;
        fix_references(&mut all.resources, &all.config)?;
        vars::resolve(&mut all.resources, &all.vars, &all.config.var_reference)?;
        finish(all.resources.into_list())
    }

    fn is_component(&self) -> bool {
        self.kustomization.kind == COMPONENT_KIND
    }
}

/// What is no more than local goes; the rest is checked as a whole. In one pass: of many resources none is at hand twice.
fn finish(resources: Vec<Resource>) -> Result<Vec<Resource>, BuildError> {
    let mut kept = Vec::with_capacity(resources.len());
    for resource in resources {
        check_metadata(&resource.node)?;
        if !is_local(&resource) {
            kept.push(resource);
        }
    }
    // Names may have run together since they were gathered.
    Ok(ResMap::from_resources(kept)?.into_list())
}
