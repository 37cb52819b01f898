use std::{
    collections::{BTreeSet, HashSet},
    hash::{BuildHasher, Hash, Hasher, RandomState},
};

use manifest::yaml::{Node, Text};

use super::{key_index::MAX_KEYS, keyed::FEW};
use crate::fields::is_empty;

/// The keys that count for two lists, and the values of their elements in them.
pub(super) struct KeyValues<'k> {
    /// Those of the keys that any element has a value for; all of them when there is none.
    pub(super) keys: Vec<&'k str>,
    /// The key values of every element, each once: the patch's first, then the object's.
    pub(super) all: Vec<Vec<Text>>,
}

impl<'k> KeyValues<'k> {
    pub(super) fn of(patch: &[Node], dest: &[Node], keys: &[&'k str]) -> Self {
        let mut all = element_values(patch, dest, keys);
        if keys.len() > 1 {
            complete(&mut all, keys.len());
        }
        let used: Vec<usize> =
            (0..keys.len()).filter(|at| all.iter().any(|values| !values[*at].is_empty())).collect();
        if used.is_empty() || used.len() == keys.len() {
            return Self { keys: keys.to_vec(), all };
        }
        for values in &mut all {
            *values = used.iter().map(|at| std::mem::take(&mut values[*at])).collect();
        }
        Self { keys: used.into_iter().map(|at| keys[at]).collect(), all }
    }
}

fn element_values(patch: &[Node], dest: &[Node], keys: &[&str]) -> Vec<Vec<Text>> {
    let values =
        patch.iter().chain(dest).map(|element| keys.iter().map(|key| key_value(element, key)).collect());
    if patch.len() + dest.len() > FEW {
        let mut seen = HashSet::new();
        return values.filter(|values: &Vec<Text>| seen.insert(values.clone())).collect();
    }
    let mut all = Vec::with_capacity(patch.len() + dest.len());
    for values in values {
        if !all.contains(&values) {
            all.push(values);
        }
    }
    all
}

fn key_value(element: &Node, key: &str) -> Text {
    let node = if key.is_empty() { Some(element) } else { element.get(key).filter(|value| !is_empty(value)) };
    node.and_then(Node::text).unwrap_or_default().into()
}

/// Lets elements that agree where both have a key, and agree in at least one, share their key values.
fn complete(all: &mut [Vec<Text>], keys: usize) {
    if all.len() > FEW && keys <= MAX_KEYS { complete_by_index(all) } else { complete_by_pairs(all) }
}

fn complete_by_pairs(all: &mut [Vec<Text>]) {
    for i in 0..all.len() {
        for j in 0..all.len() {
            if let Some(values) = unified(&all[i], &all[j]) {
                all[i].clone_from(&values);
                all[j] = values;
            }
        }
    }
}

/// As [`complete_by_pairs`], only of the pairs that change something: of values that have not the same keys.
fn complete_by_index(all: &mut [Vec<Text>]) {
    let mut filled = Filled::of(all);
    for i in 0..all.len() {
        let mut from = 0;
        while let Some((j, values)) = filled.next_to_unify(all, i, from) {
            for at in [i, j] {
                filled.change(all, at, &values);
            }
            from = j + 1;
        }
    }
}

fn unified(a: &[Text], b: &[Text]) -> Option<Vec<Text>> {
    let fits = a.iter().zip(b).all(|(a, b)| a == b || a.is_empty() || b.is_empty());
    let common = a.iter().zip(b).any(|(a, b)| a == b);
    let filled = a.iter().zip(b).map(|(a, b)| if a.is_empty() { b } else { a }.clone());
    (fits && common).then(|| filled.collect())
}

/// Key values by the keys that have one, as bits, and by the texts of some of these.
struct Filled {
    hasher: RandomState,
    /// How many elements have values for these keys, by their bits.
    counts: [usize; 1 << MAX_KEYS],
    /// For keys that have values and some of these: the hash of the latter's texts, with the places of the elements.
    places: Vec<(Question, BTreeSet<(u64, usize)>)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Question {
    filled: usize,
    equal: usize,
}

impl Filled {
    fn of(all: &[Vec<Text>]) -> Self {
        let mut counts = [0; 1 << MAX_KEYS];
        all.iter().for_each(|values| counts[bits(values)] += 1);
        Self { hasher: RandomState::new(), counts, places: Vec::new() }
    }

    /// The first element from `from` on that has other keys than the one at `i` and shares its values, and what they share.
    fn next_to_unify(&mut self, all: &[Vec<Text>], i: usize, from: usize) -> Option<(usize, Vec<Text>)> {
        let (own, every) = (bits(&all[i]), (1 << all[i].len()) - 1);
        let mut first: Option<(usize, Vec<Text>)> = None;
        for filled in 0..self.counts.len() {
            // Without a key that both have, or both lack, they share nothing.
            let shares = filled & own != 0 || filled | own != every;
            if filled == own || self.counts[filled] == 0 || !shares {
                continue;
            }
            let question = Question { filled, equal: filled & own };
            let hash = self.hash(question.equal, &all[i]);
            let end = first.as_ref().map_or(usize::MAX, |(j, _)| *j);
            let mut places = self.places(question, all).range((hash, from)..=(hash, end));
            let found = places.find_map(|(_, j)| Some((*j, unified(&all[i], &all[*j])?)));
            first = found.or(first);
        }
        first
    }

    fn places(&mut self, question: Question, all: &[Vec<Text>]) -> &BTreeSet<(u64, usize)> {
        let known = self.places.iter().position(|(known, _)| *known == question);
        let known = known.unwrap_or_else(|| {
            let members = all.iter().enumerate().filter(|(_, values)| bits(values) == question.filled);
            let places = members.map(|(at, values)| (self.hash(question.equal, values), at)).collect();
            self.places.push((question, places));
            self.places.len() - 1
        });
        &self.places[known].1
    }

    fn change(&mut self, all: &mut [Vec<Text>], at: usize, values: &[Text]) {
        self.note(&all[at], at, false);
        all[at] = values.to_vec();
        self.note(&all[at], at, true);
    }

    fn note(&mut self, values: &[Text], at: usize, there: bool) {
        let filled = bits(values);
        self.counts[filled] = if there { self.counts[filled] + 1 } else { self.counts[filled] - 1 };
        for entry in 0..self.places.len() {
            let question = self.places[entry].0;
            if question.filled != filled {
                continue;
            }
            let place = (self.hash(question.equal, values), at);
            let places = &mut self.places[entry].1;
            if there {
                places.insert(place)
            } else {
                places.remove(&place)
            };
        }
    }

    fn hash(&self, equal: usize, values: &[Text]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        for (_, value) in values.iter().enumerate().filter(|(at, _)| equal & 1 << at != 0) {
            value.as_str().hash(&mut hasher);
        }
        hasher.finish()
    }
}

/// The keys that have a value.
fn bits(values: &[Text]) -> usize {
    values.iter().enumerate().filter(|(_, value)| !value.is_empty()).fold(0, |bits, (at, _)| bits | 1 << at)
}

#[cfg(test)]
mod tests {
    use conformance::random::Dice;
    use manifest::yaml::Text;

    use super::{complete_by_index, complete_by_pairs};

    #[test]
    fn an_index_completes_as_pairs_do() {
        for seed in 0..3_000 {
            let mut dice = Dice::new(seed);
            let (keys, elements) = (2 + dice.below(3), dice.below(12));
            let text = |dice: &mut Dice| Text::from(*dice.pick(&["", "", "a", "b", "c"]));
            let mut all: Vec<Vec<Text>> =
                (0..elements).map(|_| (0..keys).map(|_| text(&mut dice)).collect()).collect();
            let (given, mut by_pairs) = (all.clone(), all.clone());
            complete_by_index(&mut all);
            complete_by_pairs(&mut by_pairs);
            assert_eq!(all, by_pairs, "{given:?}");
        }
    }
}
