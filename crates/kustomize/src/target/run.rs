//! Runs transformers one after the other. Those that change each resource alone go over the resources together: of ten
//! thousand none is at hand a second time.

use super::BuildError;
use crate::{
    fields::is_empty,
    origin::Origin,
    resmap::ResMap,
    resource::{Resource, without_twins},
    schema::Schemas,
    transformers::{Each, Transformer},
};

/// A transformer and, when origins are recorded, where it comes from.
pub(super) type Step = (Box<dyn Transformer>, Option<Origin>);

/// The resources that steps change.
pub(super) struct Run<'r> {
    pub(super) resources: &'r mut ResMap,
    /// Whether origins are recorded.
    pub(super) traced: bool,
}

/// A step that needs one resource only.
type Alone<'s> = (Each<'s>, Option<&'s Origin>);

impl Run<'_> {
    pub(super) fn steps(&mut self, steps: &[Step], schemas: &Schemas) -> Result<(), BuildError> {
        let mut rest = steps;
        while let Some(((transformer, origin), others)) = rest.split_first() {
            let (alone, failed) = leading(rest);
            if !alone.is_empty() {
                self.together(&alone)?;
                rest = &rest[alone.len()..];
                failed?;
                continue;
            }
            failed?;
            self.whole(&**transformer, origin.as_ref(), schemas)?;
            rest = others;
        }
        Ok(())
    }

    fn whole(
        &mut self,
        transformer: &dyn Transformer,
        origin: Option<&Origin>,
        schemas: &Schemas,
    ) -> Result<(), BuildError> {
        if self.traced {
            self.resources.list_mut().iter_mut().for_each(Resource::show_history);
        }
        transformer.transform(self.resources, schemas)?;
        self.resources.list_mut().iter_mut().for_each(Resource::sync_twins);
        self.resources.drop_empties();
        let traced = self.traced;
        self.resources.list_mut().iter_mut().for_each(|resource| trace(resource, traced, origin));
        Ok(())
    }

    /// The error is the one that the steps in their turn would have met: of the first step that fails, at the first resource.
    fn together(&mut self, steps: &[Alone<'_>]) -> Result<(), BuildError> {
        let (mut outcome, mut steps) = (Ok(()), steps);
        for resource in self.resources.list_mut() {
            if let Some((at, error)) = one(resource, steps, self.traced) {
                outcome = Err(error);
                steps = &steps[..at];
            }
            if steps.is_empty() {
                break;
            }
        }
        self.resources.drop_empties();
        outcome
    }
}

/// The steps up to the first that needs all resources, or cannot be made: then its error.
fn leading(steps: &[Step]) -> (Vec<Alone<'_>>, Result<(), BuildError>) {
    let mut alone = Vec::new();
    for (transformer, origin) in steps {
        match transformer.each() {
            Ok(Some(each)) => alone.push((each, origin.as_ref())),
            Ok(None) => break,
            Err(error) => return (alone, Err(error)),
        }
    }
    (alone, Ok(()))
}

/// Takes one resource through the steps; gives the place of the one that fails, and why.
fn one(resource: &mut Resource, steps: &[Alone<'_>], traced: bool) -> Option<(usize, BuildError)> {
    for (at, (each, origin)) in steps.iter().enumerate() {
        if traced {
            resource.show_history();
        }
        if let Err(error) = each(resource) {
            return Some((at, error));
        }
        resource.sync_twins();
        if is_empty(&resource.node) {
            break;
        }
        trace(resource, traced, *origin);
    }
    None
}

/// Keeps in mind what changed a resource.
fn trace(resource: &mut Resource, traced: bool, origin: Option<&Origin>) {
    if traced {
        resource.check_history();
    }
    let Some(origin) = origin else { return };
    if let Some(annotations) = resource.metadata_mut().get_mut("annotations") {
        without_twins(annotations);
    }
    if resource.origin.is_none() {
        resource.origin = Some(Box::new(origin.clone()));
    } else {
        resource.transformations.push(origin.clone());
    }
}
