//! Whole projects: a base or two, an overlay, now and then a component and a layer between.

use conformance::random::Dice;
use serde_json::{Value, json};

use crate::{layers::Layer, objects::object, text::document};

/// Files and the features they use.
pub(crate) struct Project {
    pub(crate) files: Vec<(String, String)>,
    pub(crate) used: Vec<&'static str>,
}

impl Project {
    /// The project of a seed; its build starts at `overlay`.
    pub(crate) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let mut project = Self { files: Vec::new(), used: Vec::new() };
        let mut base = base(&mut dice, "base");
        if dice.chance(35) {
            base.decorate_with(&["configMapGenerator", "secretGenerator"], &mut dice);
        }
        let features = 2 + dice.below(4);
        base.decorate(features, &mut dice);
        let (objects, generated) = (base.objects.clone(), base.generated.clone());
        project.add("base", base, false, &mut dice);
        let mut overlay = Layer::new("over", objects, generated);
        overlay.append("resources", json!("../base"));
        if dice.chance(35) {
            own_objects(&mut overlay, &mut dice);
        }
        if dice.chance(30) {
            project.component(&mut overlay, &mut dice);
        }
        if dice.chance(50) {
            overlay.decorate_with(&["generators: behavior"], &mut dice);
        }
        let features = 2 + dice.below(5);
        overlay.decorate(features, &mut dice);
        project.add("overlay", overlay, false, &mut dice);
        project
    }

    fn component(&mut self, overlay: &mut Layer, dice: &mut Dice) {
        let mut component = Layer::new("comp", overlay.objects.clone(), overlay.generated.clone());
        let features = 1 + dice.below(3);
        component.decorate(features, dice);
        overlay.objects.clone_from(&component.objects);
        overlay.generated.clone_from(&component.generated);
        self.add("component", component, true, dice);
        self.used.push("components");
        overlay.append("components", json!("../component"));
    }

    fn add(&mut self, dir: &str, layer: Layer, component: bool, dice: &mut Dice) {
        let mut fields = layer.fields;
        if component {
            fields.insert("apiVersion".into(), json!("kustomize.config.k8s.io/v1alpha1"));
            fields.insert("kind".into(), json!("Component"));
        } else if dice.chance(50) {
            fields.insert("apiVersion".into(), json!("kustomize.config.k8s.io/v1beta1"));
            fields.insert("kind".into(), json!("Kustomization"));
        }
        self.files.extend(layer.files.into_iter().map(|(name, text)| (format!("{dir}/{name}"), text)));
        self.files.push((format!("{dir}/kustomization.yaml"), document(&Value::Object(fields), dice)));
        self.used.extend(layer.used);
    }

    /// The features, each once.
    pub(crate) fn features(&self) -> Vec<&'static str> {
        let mut features = self.used.clone();
        features.sort_unstable();
        features.dedup();
        features
    }
}

fn base(dice: &mut Dice, tag: &str) -> Layer {
    let mut layer = Layer::new(tag, Vec::new(), Vec::new());
    own_objects(&mut layer, dice);
    layer
}

/// Objects of the layer's own, in one or two files.
fn own_objects(layer: &mut Layer, dice: &mut Dice) {
    let count = 1 + dice.below(6);
    let mut own = Vec::new();
    for _ in 0..count {
        let object = object(dice);
        let same = |other: &Value| {
            other["kind"] == object["kind"] && other["metadata"]["name"] == object["metadata"]["name"]
        };
        if !layer.objects.iter().any(same) {
            layer.objects.push(object.clone());
            own.push(object);
        }
    }
    if own.is_empty() {
        return;
    }
    let split = dice.below(own.len());
    for (name, part) in [("first", &own[..split]), ("second", &own[split..])] {
        if part.is_empty() {
            continue;
        }
        let texts: Vec<String> = part.iter().map(|object| document(object, dice)).collect();
        layer.files.push((format!("{name}.yaml"), texts.join("---\n")));
        layer.append("resources", json!(format!("{name}.yaml")));
    }
}
