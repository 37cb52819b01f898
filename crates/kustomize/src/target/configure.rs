use std::rc::Rc;

use super::{
    BuildError, Target,
    accumulate::{Accumulator, plugin_origin},
    run::{Run, Step},
};
use crate::{
    config::{Config, FieldSpec, merge_one, merge_specs},
    kustomization::{Label, ObjectMeta, Selector},
    plugins,
    transformers::{
        AddAnnotations, AddLabels, AddPrefix, AddSuffix, ApplyJsonPatch, ApplyMergePatches, ApplyPatch,
        JsonPatchArgs, MergePatchArgs, PatchArgs, ReplacementArgs, Replacements, SetImage, SetNamespace,
        SetReplicas, Transformer,
    },
};

impl Target<'_> {
    /// Runs the transformers of the fields, then those of `transformers`, then `validators`.
    pub(super) fn transform(&self, all: &mut Accumulator) -> Result<(), BuildError> {
        let mut steps = self.builtin_steps(&Rc::clone(&all.config))?;
        steps.extend(self.plugin_steps(&self.kustomization.transformers)?);
        let schemas = self.session.schemas();
        all.resources.set_room(self.loader.room());
        Run { resources: &mut all.resources, traced: self.origin.is_some() }.steps(&steps, &schemas)?;
        self.validate(&mut all.resources)
    }

    pub(super) fn plugin_steps(&self, entries: &[String]) -> Result<Vec<Step>, BuildError> {
        let mut steps = Vec::new();
        for object in self.plugin_objects(entries)? {
            let origin = plugin_origin(&object);
            let made = plugins::transformers(&object, &self.loader)?;
            // What one object makes is recorded once.
            let last = made.len().saturating_sub(1);
            for (at, transformer) in made.into_iter().enumerate() {
                steps.push((transformer, origin.clone().filter(|_| at == last)));
            }
        }
        Ok(steps)
    }

    /// In the order of the reference tool.
    fn builtin_steps(&self, config: &Config) -> Result<Vec<Step>, BuildError> {
        let mut steps = Steps { target: self, list: Vec::new() };
        self.add_patches(&mut steps)?;
        self.add_names(&mut steps, config);
        self.add_metadata(&mut steps, config)?;
        let fields = &self.kustomization;
        for patch in &fields.patches_json6902 {
            let args = JsonPatchArgs {
                target: patch.target.clone(),
                path: patch.path.clone(),
                json_op: patch.patch.clone(),
            };
            let config = || describe_patch(patch.target.as_ref(), &patch.path, &patch.patch);
            let made = ApplyJsonPatch::new(&args, &self.loader)
                .map_err(|error| trouble("PatchJson6902Transformer", &config(), error))?;
            steps.add("PatchJson6902Transformer", made);
        }
        for replica in &fields.replicas {
            let set = SetReplicas { replica: replica.clone(), field_specs: config.replicas.clone() };
            steps.add("ReplicaCountTransformer", set);
        }
        for image in &fields.images {
            let set = SetImage { image_tag: image.clone(), field_specs: config.images.clone() };
            steps.add("ImageTagTransformer", set);
        }
        if !fields.replacements.is_empty() {
            let args = ReplacementArgs { replacements: fields.replacements.clone() };
            steps.add("ReplacementTransformer", Replacements::new(args, &self.loader)?);
        }
        Ok(steps.list)
    }

    fn add_patches(&self, steps: &mut Steps<'_, '_>) -> Result<(), BuildError> {
        let paths = &self.kustomization.patches_strategic_merge;
        if !paths.is_empty() {
            let args = MergePatchArgs { paths: paths.clone(), patches: String::new() };
            let config = || format!("paths:\n- {}\n", paths.join("\n- "));
            let made = ApplyMergePatches::new(&args, &self.loader)
                .map_err(|error| trouble("PatchStrategicMergeTransformer", &config(), error))?;
            steps.add("PatchStrategicMergeTransformer", made);
        }
        for patch in &self.kustomization.patches {
            let args = PatchArgs {
                path: patch.path.clone(),
                patch: patch.patch.clone(),
                target: patch.target.clone(),
                options: patch.options,
            };
            let config = || describe_patch(patch.target.as_ref(), &patch.path, &patch.patch);
            let made = ApplyPatch::new(&args, &self.loader)
                .map_err(|error| trouble("PatchTransformer", &config(), error))?;
            steps.add("PatchTransformer", made);
        }
        Ok(())
    }

    fn add_names(&self, steps: &mut Steps<'_, '_>, config: &Config) {
        let fields = &self.kustomization;
        if !fields.namespace.is_empty() {
            let metadata = ObjectMeta { namespace: fields.namespace.clone(), ..ObjectMeta::default() };
            let field_specs = config.namespace.clone();
            steps.add(
                "NamespaceTransformer",
                SetNamespace { metadata, field_specs, ..SetNamespace::default() },
            );
        }
        if !fields.name_prefix.is_empty() {
            let (prefix, field_specs) = (fields.name_prefix.clone(), Some(config.name_prefix.clone()));
            steps.add("PrefixTransformer", AddPrefix { prefix, field_specs });
        }
        if !fields.name_suffix.is_empty() {
            let (suffix, field_specs) = (fields.name_suffix.clone(), Some(config.name_suffix.clone()));
            steps.add("SuffixTransformer", AddSuffix { suffix, field_specs });
        }
    }

    fn add_metadata(&self, steps: &mut Steps<'_, '_>, config: &Config) -> Result<(), BuildError> {
        let fields = &self.kustomization;
        for label in &fields.labels {
            let field_specs = label_fields(label, config)?;
            steps.add("LabelTransformer", AddLabels { labels: label.pairs.clone(), field_specs });
        }
        if !(fields.labels.is_empty() && fields.common_labels.is_empty()) {
            let (labels, field_specs) = (fields.common_labels.clone(), config.common_labels.clone());
            steps.add("LabelTransformer", AddLabels { labels, field_specs });
        }
        if !fields.common_annotations.is_empty() {
            let (annotations, field_specs) =
                (fields.common_annotations.clone(), config.common_annotations.clone());
            steps.add("AnnotationsTransformer", AddAnnotations { annotations, field_specs });
        }
        Ok(())
    }
}

struct Steps<'s, 'a> {
    target: &'s Target<'a>,
    list: Vec<Step>,
}

impl Steps<'_, '_> {
    fn add(&mut self, name: &str, transformer: impl Transformer + 'static) {
        let origin = self.target.origin.as_ref().map(|origin| origin.builtin(self.target.file_name, name));
        self.list.push((Box::new(transformer), origin));
    }
}

fn label_fields(label: &Label, config: &Config) -> Result<Vec<FieldSpec>, BuildError> {
    let context = |error| BuildError::from(error).context("failed to merge labels");
    let mut specs = label.fields.clone();
    merge_specs(&mut specs, &config.labels).map_err(context)?;
    if label.include_selectors {
        merge_specs(&mut specs, &config.common_labels).map_err(context)?;
        return Ok(specs);
    }
    if label.include_templates {
        merge_specs(&mut specs, &config.template_labels).map_err(context)?;
    }
    if label.include_volume_claim_templates.unwrap_or(label.include_templates) {
        merge_specs(&mut specs, &config.volume_claim_template_labels).map_err(context)?;
    }
    merge_one(&mut specs, &FieldSpec::new(("", "", ""), "metadata/labels", true)).map_err(context)?;
    Ok(specs)
}

/// A patch entry as YAML, for messages. The text itself may hold secrets: only its first line is shown.
fn describe_patch(target: Option<&Selector>, path: &str, patch: &str) -> String {
    let mut text = String::new();
    for (key, value) in [("path", path), ("patch", patch.lines().next().unwrap_or_default())] {
        if !value.is_empty() {
            text.push_str(&format!("{key}: {value}\n"));
        }
    }
    if let Some(target) = target {
        text.push_str(&format!("target: {}/{}\n", target.gvk().as_ref(), target.name));
    }
    text
}

fn trouble(kind: &str, config: &str, error: BuildError) -> BuildError {
    error.context(format!("trouble configuring builtin {kind} with config: `\n{config}`"))
}
