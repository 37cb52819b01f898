use std::{
    collections::BTreeSet,
    hash::{BuildHasher, RandomState},
};

use manifest::yaml::{Node, Text};

use super::keyed::own_keys;

/// Keys at most: there are as many ways to ask as there are sets of keys.
pub(super) const MAX_KEYS: usize = 4;

/// The places of a list's elements by the texts of their key fields.
pub(super) struct KeyIndex<'k> {
    keys: &'k [&'k str],
    hasher: RandomState,
    /// One for each way that was asked in: hashes of the texts, with the places of the elements that have them.
    by_question: Vec<(Question, BTreeSet<(u64, usize)>)>,
}

/// Which of the keys have to have a certain text, and which to be there, as bits.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Question {
    equal: u8,
    present: u8,
}

impl Question {
    /// What an element is found by.
    fn own(keys: &[&str], values: &[Text]) -> Self {
        let equal = if keys[0].is_empty() { 1 } else { own_keys(values).fold(0, |bits, at| bits | 1 << at) };
        Self { equal, present: equal }
    }

    /// What is replaced: an empty value stands for any.
    fn any(keys: &[&str], values: &[Text]) -> Self {
        let asked = keys.iter().zip(values).enumerate();
        let equal = asked.filter(|(_, (key, value))| key.is_empty() || !value.is_empty());
        let equal = equal.fold(0, |bits, (at, _)| bits | 1 << at);
        Self { equal, present: (0..keys.len().min(values.len())).fold(0, |bits, at| bits | 1 << at) }
    }

    /// The texts that an element has where the question asks for certain ones; nothing when a key is missing.
    fn texts<'n>(self, keys: &[&str], node: &'n Node) -> Option<[&'n str; MAX_KEYS]> {
        let mut texts = [""; MAX_KEYS];
        for (at, key) in keys.iter().enumerate().filter(|(at, _)| self.present & 1 << at != 0) {
            let text = if key.is_empty() {
                node.text().unwrap_or_default()
            } else {
                node.get(key)?.text().unwrap_or_default()
            };
            if self.equal & 1 << at != 0 {
                texts[at] = text;
            }
        }
        Some(texts)
    }

    /// As `texts`, of the values that are asked for.
    fn wanted(self, values: &[Text]) -> [&str; MAX_KEYS] {
        let mut texts = [""; MAX_KEYS];
        for (at, value) in values.iter().enumerate().filter(|(at, _)| self.equal & 1 << at != 0) {
            texts[at] = value;
        }
        texts
    }
}

impl<'k> KeyIndex<'k> {
    /// Nothing for keys that it is not made for: too many, or the element itself beside fields of it.
    pub(super) fn new(keys: &'k [&'k str]) -> Option<Self> {
        let plain = keys.len() == 1 || keys.iter().all(|key| !key.is_empty());
        (plain && keys.len() <= MAX_KEYS).then(|| Self {
            keys,
            hasher: RandomState::new(),
            by_question: Vec::new(),
        })
    }

    pub(super) fn insert(&mut self, node: &Node, at: usize) {
        for (question, places) in &mut self.by_question {
            if let Some(texts) = question.texts(self.keys, node) {
                places.insert((hash(&self.hasher, texts), at));
            }
        }
    }

    pub(super) fn remove(&mut self, node: &Node, at: usize) {
        for (question, places) in &mut self.by_question {
            if let Some(texts) = question.texts(self.keys, node) {
                places.remove(&(hash(&self.hasher, texts), at));
            }
        }
    }

    /// The first element that is found by the values.
    pub(super) fn first(&mut self, slots: &[Option<Node>], values: &[Text]) -> Option<usize> {
        self.ask(Question::own(self.keys, values), slots, values).next()
    }

    /// Every element that a set of the values is about.
    pub(super) fn fitting(&mut self, slots: &[Option<Node>], values: &[Text]) -> Vec<usize> {
        self.ask(Question::any(self.keys, values), slots, values).collect()
    }

    fn ask(
        &mut self,
        question: Question,
        slots: &[Option<Node>],
        values: &[Text],
    ) -> impl Iterator<Item = usize> {
        let known = self.by_question.iter().position(|(known, _)| *known == question);
        let known = known.unwrap_or_else(|| {
            self.by_question.push((question, self.answers(question, slots)));
            self.by_question.len() - 1
        });
        let wanted = question.wanted(values);
        let hash = hash(&self.hasher, wanted);
        let same_hash = self.by_question[known].1.range((hash, 0)..=(hash, usize::MAX));
        let keys = self.keys;
        same_hash.map(|(_, at)| *at).filter(move |at| {
            let node = slots.get(*at).and_then(Option::as_ref);
            node.and_then(|node| question.texts(keys, node)) == Some(wanted)
        })
    }

    fn answers(&self, question: Question, slots: &[Option<Node>]) -> BTreeSet<(u64, usize)> {
        let texts = |slot: &Option<Node>| {
            question.texts(self.keys, slot.as_ref()?).map(|texts| hash(&self.hasher, texts))
        };
        slots.iter().enumerate().filter_map(|(at, slot)| Some((texts(slot)?, at))).collect()
    }
}

fn hash(hasher: &RandomState, texts: [&str; MAX_KEYS]) -> u64 {
    hasher.hash_one(texts)
}
