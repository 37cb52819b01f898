use crate::{Lease, PushError, RefUpdate, selector::is_valid};

/// What `push.refspec` says: which local reference goes to which one of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refspec {
    source: String,
    target: String,
    force: bool,
}

impl Refspec {
    /// Reads `[+]<source>:<target>`, or `[+]<name>` for both. One `*` on both sides stands for any text.
    ///
    /// # Errors
    /// An empty side (a deletion is not done here), names that Git does not allow, or a `*` on one side only.
    pub fn parse(text: &str) -> Result<Self, PushError> {
        let refused = || PushError::Refspec(format!("malformed refspec {}", crate::changes::shown(text)));
        let (force, rest) = text.strip_prefix('+').map_or((false, text), |rest| (true, rest));
        let (source, target) = rest.split_once(':').unwrap_or((rest, rest));
        let valid = |side: &str| side.matches('*').count() <= 1 && is_valid(&side.replace('*', "x"));
        if !valid(source) || !valid(target) || source.contains('*') != target.contains('*') {
            return Err(refused());
        }
        Ok(Self { source: source.to_owned(), target: target.to_owned(), force })
    }

    /// The update that the refspec means when the new commit is the head of `branch` (its full name); nothing when the
    /// refspec does not speak of it.
    pub fn update(&self, branch: &str) -> Option<RefUpdate> {
        let short = branch.strip_prefix("refs/heads/").unwrap_or(branch);
        let reference = match self.source.split_once('*') {
            None if [branch, short, "HEAD"].contains(&self.source.as_str()) => self.target.clone(),
            None => return None,
            Some((start, end)) => {
                let matched = branch.strip_prefix(start)?.strip_suffix(end)?;
                self.target.replace('*', matched)
            }
        };
        // A short name stands for a branch.
        let reference = match reference.starts_with("refs/") {
            true => reference,
            false => format!("refs/heads/{reference}"),
        };
        let lease = if self.force { Lease::Force } else { Lease::FastForward };
        Some(RefUpdate { reference, lease })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(refspec: &str, expected: Option<(&str, Lease)>) {
        let update = Refspec::parse(refspec).unwrap().update("refs/heads/main");
        let expected = expected.map(|(name, lease)| RefUpdate { reference: name.into(), lease });
        assert_eq!(update, expected, "{refspec}");
    }

    #[test]
    fn a_refspec_names_where_the_commit_goes() {
        check("refs/heads/main:refs/heads/auto", Some(("refs/heads/auto", Lease::FastForward)));
        check("+HEAD:refs/for/main", Some(("refs/for/main", Lease::Force)));
        check("main:other", Some(("refs/heads/other", Lease::FastForward)));
        check("refs/heads/*:refs/heads/x/*", Some(("refs/heads/x/main", Lease::FastForward)));
        check("refs/heads/main", Some(("refs/heads/main", Lease::FastForward)));
        check("refs/heads/dev:refs/heads/x", None);
        check("refs/tags/*:refs/tags/*", None);
    }

    #[test]
    fn what_git_refuses_and_deletions_are_refused() {
        for bad in ["", ":", ":refs/heads/x", "a:", "a b:c", "refs/*:refs/heads/x", "a:b\nc", "-x:y"] {
            assert!(Refspec::parse(bad).is_err(), "{bad:?}");
        }
    }
}
