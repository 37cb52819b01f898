//! What Git says: some Kustomizations, each with some ConfigMaps.
use std::collections::BTreeMap;

use super::dice::Dice;
use crate::faults::{Objects, config_maps};

/// How many Kustomizations there are.
const APPS: usize = 6;
/// How many objects one has at most.
const MOST: usize = 12;

/// The whole of it: Kustomization by name, its objects.
#[derive(Clone, Default)]
pub(super) struct Model {
    pub(super) apps: BTreeMap<String, Objects>,
    serial: usize,
}

impl Model {
    /// Each Kustomization has one object that always stays, and one more.
    pub(super) fn new() -> Model {
        let mut model = Model::default();
        for app in 0..APPS {
            let name = format!("app-{app}");
            let objects =
                [(format!("{name}-stays"), "0".to_owned()), (format!("{name}-first"), "0".to_owned())];
            model.apps.insert(name, objects.into());
        }
        model
    }

    /// A commit: some objects of some Kustomizations are added, changed, removed, or go to another Kustomization. Gives
    /// the names of those that moved.
    pub(super) fn change(&mut self, dice: &mut Dice) -> Vec<String> {
        let mut moved = Vec::new();
        for _ in 0..=dice.roll(8) {
            let names: Vec<String> = self.apps.keys().cloned().collect();
            let Some(app) = dice.pick(&names) else { continue };
            match dice.roll(10) {
                0..=3 => self.add(app),
                4..=6 => self.alter(app, dice),
                7 => moved.extend(self.hand_over(app, &names, dice)),
                8 => drop(self.take(app, dice)),
                _ => self.empty(app),
            }
        }
        moved
    }

    fn add(&mut self, app: &str) {
        self.serial += 1;
        let serial = self.serial;
        if let Some(objects) = self.apps.get_mut(app).filter(|objects| objects.len() < MOST) {
            objects.insert(format!("{app}-{serial}"), serial.to_string());
        }
    }

    fn alter(&mut self, app: &str, dice: &mut Dice) {
        self.serial += 1;
        let serial = self.serial.to_string();
        let Some(objects) = self.apps.get_mut(app) else { return };
        let at = dice.roll(objects.len());
        if let Some(value) = objects.values_mut().nth(at) {
            *value = serial;
        }
    }

    /// All but the object that stays.
    fn empty(&mut self, app: &str) {
        if let Some(objects) = self.apps.get_mut(app) {
            objects.retain(|name, _| name.ends_with("-stays"));
        }
    }

    fn take(&mut self, app: &str, dice: &mut Dice) -> Option<(String, String)> {
        let objects = self.apps.get_mut(app)?;
        let names: Vec<String> = objects.keys().filter(|name| !name.ends_with("-stays")).cloned().collect();
        objects.remove_entry(dice.pick(&names)?)
    }

    fn hand_over(&mut self, from: &str, names: &[String], dice: &mut Dice) -> Option<String> {
        let to = dice.pick(names)?;
        if self.apps.get(to)?.len() >= MOST {
            return None;
        }
        let (name, value) = self.take(from, dice)?;
        self.apps.get_mut(to)?.insert(name.clone(), value);
        (to != from).then_some(name)
    }

    /// The files of a commit: all of them, for Git knows which are new.
    pub(super) fn files(&self) -> Vec<(String, String)> {
        let of = |(app, objects): (&String, &Objects)| {
            [
                (format!("{app}/objects.yaml"), config_maps(objects, |_| false)),
                (format!("{app}/kustomization.yaml"), "resources: [objects.yaml]\n".to_owned()),
            ]
        };
        self.apps.iter().flat_map(of).collect()
    }

    /// Any object of any Kustomization.
    pub(super) fn any(&self, dice: &mut Dice) -> Option<String> {
        let names: Vec<&String> = self.apps.values().flat_map(Objects::keys).collect();
        dice.pick(&names).map(|name| (*name).clone())
    }
}
