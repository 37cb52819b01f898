//! The nouns of a verb, made from the table of kinds: `source git NAME`, `kustomization NAME`, `all`.
use std::marker::PhantomData;

use clap::{Arg, ArgMatches, Command, FromArgMatches, Subcommand, error::ErrorKind};

use crate::{
    CommandError,
    kinds::{Family, KINDS, Kind, Verb},
};

/// What differs between the verbs.
pub(crate) trait Nouns {
    /// The verb.
    const VERB: Verb;
    /// True when nouns are plural and `all` is one of them.
    const PLURAL: bool = false;
    /// The first word of the help of each noun.
    const ABOUT: &'static str;
}

/// What a verb is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    /// Objects of one kind.
    One(&'static Kind),
    /// All kinds, or those of a family.
    All(Option<Family>),
}

/// What a verb is about, and the names given.
#[derive(Clone, Debug)]
pub(crate) struct Target<N> {
    pub(crate) what: What,
    pub(crate) names: Vec<String>,
    nouns: PhantomData<N>,
}

impl<N: Nouns> Target<N> {
    /// The one name, for verbs that work on one object: more would be left alone without a word.
    pub(crate) fn one_name(&self, what: &str) -> Result<&str, CommandError> {
        match self.names.as_slice() {
            [name] => Ok(name),
            [] => Err(CommandError::usage(format!("{what} name is required"))),
            [_, more @ ..] => {
                let more = more.join(" ");
                Err(CommandError::usage(format!("one {what} at a time: '{more}' is too much")))
            }
        }
    }

    fn kinds() -> impl Iterator<Item = &'static Kind> {
        KINDS.iter().filter(|kind| kind.verbs.contains(&N::VERB))
    }

    fn families() -> impl Iterator<Item = Family> {
        let used = |family: &Family| Self::kinds().any(|kind| kind.family == Some(*family));
        [Family::Source, Family::Image, Family::Artifact].into_iter().filter(used)
    }

    fn of_kind(kind: &'static Kind) -> Command {
        let [name, other] =
            if N::PLURAL { [kind.plural_word, kind.word] } else { [kind.word, kind.plural_word] };
        let about = format!("{} {} objects", N::ABOUT, kind.kind);
        let mut command =
            Command::new(name).about(about).arg(Arg::new("name").value_name("NAME").num_args(0..));
        for alias in [other, kind.short].into_iter().filter(|alias| !alias.is_empty() && *alias != name) {
            command = command.visible_alias(alias);
        }
        command
    }

    fn of_family(family: Family) -> Command {
        let [one, many] = family.words();
        let [name, alias] = if N::PLURAL { [many, one] } else { [one, many] };
        let about = format!("{} {one} objects", N::ABOUT);
        let mut command = Command::new(name).visible_alias(alias).about(about).subcommand_required(true);
        command = command.arg_required_else_help(true);
        if N::PLURAL && family != Family::Artifact {
            command = command.subcommand(all());
        }
        command.subcommands(Self::kinds().filter(|kind| kind.family == Some(family)).map(Self::of_kind))
    }

    fn read(matches: &ArgMatches, family: Option<Family>) -> Option<Self> {
        let (word, inner) = matches.subcommand()?;
        let is_family = |one: &Family| one.words().contains(&word);
        if let Some(inside) = Self::families().find(is_family).filter(|_| family.is_none()) {
            return Self::read(inner, Some(inside));
        }
        let is_kind = |kind: &&Kind| kind.family == family && [kind.word, kind.plural_word].contains(&word);
        let what = match Self::kinds().find(is_kind) {
            Some(kind) => What::One(kind),
            None => What::All(family),
        };
        let names = inner.try_get_many::<String>("name").ok().flatten().map(|names| names.cloned().collect());
        Some(Self { what, names: names.unwrap_or_default(), nouns: PhantomData })
    }
}

fn all() -> Command {
    Command::new("all").about("Show all of them")
}

impl<N: Nouns> FromArgMatches for Target<N> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Self::read(matches, None).ok_or_else(|| clap::Error::new(ErrorKind::MissingSubcommand))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl<N: Nouns> Subcommand for Target<N> {
    fn augment_subcommands(command: Command) -> Command {
        let command = command.subcommand_required(true).arg_required_else_help(true);
        let command = if N::PLURAL { command.subcommand(all()) } else { command };
        command
            .subcommands(Self::families().map(Self::of_family))
            .subcommands(Self::kinds().filter(|kind| kind.family.is_none()).map(Self::of_kind))
    }

    fn augment_subcommands_for_update(command: Command) -> Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        Self::augment_subcommands(Command::new("verb")).find_subcommand(name).is_some()
    }
}
