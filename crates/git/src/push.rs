use bytes::Bytes;
use tokio::time::Instant;

use crate::{
    Git, NewCommit, Oid, PushError, Remote,
    handshake::{Capabilities, Dialect},
    packet::{Message, PacketReader},
    refs::RemoteRef,
    report::{self, Report},
    selector,
    service::Service,
};

/// Where a reference must stand for it to be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lease {
    /// At the commit that the new one stands on, or nowhere yet.
    FastForward,
    /// Anywhere: whatever stands there is given up.
    Force,
}

/// A reference that is to become the new commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefUpdate {
    /// Full name: `refs/heads/main`.
    pub reference: String,
    /// Where it must stand now.
    pub lease: Lease,
}

/// What is to be pushed.
pub struct Push<'a> {
    /// The commit.
    pub commit: &'a NewCommit,
    /// The references that are to become it, all or none where the server can do that.
    pub updates: &'a [RefUpdate],
    /// Push options: `key=value`, or a word alone.
    pub options: &'a [String],
}

/// References in one push, and push options, at most.
const MOST: usize = 100;
/// Bytes of a push option at most.
const LONGEST_OPTION: usize = 4096;

impl Git {
    /// Sends a commit and moves references to it, in one request.
    ///
    /// # Errors
    /// [`PushError::Moved`] when a reference stands elsewhere than the commit's base: build the commit anew on the new
    /// head. See [`PushError`] for the others.
    pub async fn push(&self, remote: &Remote, push: &Push<'_>) -> Result<(), PushError> {
        check(push)?;
        let deadline = Instant::now() + remote.timeout;
        let (mut transport, dialect) = self.shake(remote, Service::ReceivePack, deadline).await?;
        let Dialect::Zero(found, refs) = dialect else {
            return Err(PushError::Network("server answers a push in a protocol for fetching".to_owned()));
        };
        let Some(request) = request(push, &found, &refs)? else { return Ok(()) };
        let sending = async {
            let banded = found.has("side-band-64k");
            let mut reader = PacketReader::new(transport.request(request, false).await?, remote.url.as_str());
            report::read(&mut reader, banded).await
        };
        judge(push, self.within(remote, deadline, sending).await?)
    }

    /// Asks where a reference of the server stands; nothing when there is none.
    ///
    /// # Errors
    /// See [`PushError`].
    pub async fn pushed_head(&self, remote: &Remote, reference: &str) -> Result<Option<Oid>, PushError> {
        let deadline = Instant::now() + remote.timeout;
        let (_, dialect) = self.shake(remote, Service::ReceivePack, deadline).await?;
        match dialect {
            Dialect::Zero(_, refs) => Ok(stand(&refs, reference)),
            Dialect::Two(_) => Ok(None),
        }
    }
}

fn check(push: &Push<'_>) -> Result<(), PushError> {
    let refused = |text: String| Err(PushError::Refspec(text));
    if push.updates.is_empty() || push.updates.len() > MOST || push.options.len() > MOST {
        return refused(format!("a push takes 1 to {MOST} references and at most {MOST} options"));
    }
    for update in push.updates {
        let name = &update.reference;
        if !name.starts_with("refs/") || !selector::is_valid(name) {
            return refused(format!("{} is not a valid git reference name", crate::changes::shown(name)));
        }
    }
    let odd = |option: &&String| option.len() > LONGEST_OPTION || option.contains(['\n', '\0']);
    match push.options.iter().find(odd) {
        Some(option) => refused(format!("push option {} cannot be sent", crate::changes::shown(option))),
        None => Ok(()),
    }
}

fn stand(refs: &[RemoteRef], name: &str) -> Option<Oid> {
    refs.iter().find(|reference| reference.name == name).map(|reference| reference.id)
}

/// `<old> <new> <name>`.
struct Command<'a> {
    old: Option<Oid>,
    name: &'a str,
}

/// What has to move; nothing when all stands where it should.
fn request(push: &Push<'_>, found: &Capabilities, refs: &[RemoteRef]) -> Result<Option<Bytes>, PushError> {
    let mut commands = Vec::new();
    for update in push.updates {
        let (old, name) = (stand(refs, &update.reference), update.reference.as_str());
        let fast_forward = old.is_none() || old == push.commit.base();
        if old == Some(push.commit.id()) {
            continue;
        }
        if update.lease == Lease::FastForward && !fast_forward {
            return Err(PushError::Moved(name.to_owned()));
        }
        commands.push(Command { old, name });
    }
    if commands.is_empty() {
        return Ok(None);
    }
    if !push.options.is_empty() && !found.has("push-options") {
        return Err(PushError::NoOptions);
    }
    Ok(Some(message(push, &commands, &words(push, &commands, found)?)))
}

/// The capabilities we use of those that are offered.
fn words(push: &Push<'_>, commands: &[Command<'_>], found: &Capabilities) -> Result<String, PushError> {
    if !found.has("report-status") {
        return Err(PushError::Network("server does not tell what became of a push".to_owned()));
    }
    let mut words = vec!["report-status"];
    let optional =
        [("side-band-64k", true), ("atomic", commands.len() > 1), ("push-options", !push.options.is_empty())];
    words.extend(
        optional.into_iter().filter(|(word, use_it)| *use_it && found.has(word)).map(|(word, _)| word),
    );
    words.push("agent=sluice");
    Ok(words.join(" "))
}

fn message(push: &Push<'_>, commands: &[Command<'_>], words: &str) -> Bytes {
    let none = Oid::from_bytes([0; 20]);
    let mut message = Message::default();
    for (at, command) in commands.iter().enumerate() {
        let old = command.old.unwrap_or(none);
        let line = format!("{old} {} {}", push.commit.id(), command.name);
        let line = if at == 0 { format!("{line}\0 {words}") } else { line };
        message.packet(line.as_bytes());
    }
    message.flush();
    if !push.options.is_empty() {
        push.options.iter().for_each(|option| message.packet(option.as_bytes()));
        message.flush();
    }
    message.raw(&push.commit.pack());
    message.into_bytes()
}

fn judge(push: &Push<'_>, report: Report) -> Result<(), PushError> {
    let said = match report.said.is_empty() {
        true => String::new(),
        false => format!(": {}", report.said),
    };
    match report.unpack.as_deref() {
        Some("ok") => {}
        Some(cause) => return Err(PushError::Unpack(format!("{cause}{said}"))),
        None => return Err(PushError::Network(format!("server did not tell what became of the push{said}"))),
    }
    let Some((reference, reason)) = report.refused.into_iter().next() else { return Ok(()) };
    let leased =
        push.updates.iter().any(|update| update.reference == reference && update.lease == Lease::FastForward);
    if leased && is_lost_race(&reason) {
        return Err(PushError::Moved(reference));
    }
    Err(PushError::Rejected { reference, reason: format!("{reason}{said}") })
}

/// What receive-pack says when the reference moved between its two answers, or is being moved right now.
fn is_lost_race(reason: &str) -> bool {
    let phrases = [
        "failed to update ref",
        "fetch first",
        "non-fast-forward",
        "stale info",
        "failed to lock",
        "incorrect old value provided",
        "reference already exists",
    ];
    // A reference can also not be locked when its name conflicts with another's ("exists; cannot create"): no try helps.
    let moved = ["cannot lock ref", " is at ", " but expected "];
    phrases.iter().any(|phrase| reason.contains(phrase)) || moved.iter().all(|part| reason.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Changes, Draft, Identity};

    fn commit() -> NewCommit {
        let who = Identity { name: "A".into(), email: "a@b".into(), time: 0 };
        let mut changes = Changes::default();
        changes.write("a", "1");
        let draft = Draft { author: &who, committer: &who, message: "m", signer: None };
        NewCommit::root(&changes, &draft).unwrap()
    }

    fn update(name: &str) -> RefUpdate {
        RefUpdate { reference: name.into(), lease: Lease::FastForward }
    }

    #[test]
    fn names_and_options_that_could_forge_lines_are_refused() {
        let commit = commit();
        for name in ["main", "refs/heads/a b", "refs/heads/a\nb", "refs/heads/", ""] {
            assert!(
                check(&Push { commit: &commit, updates: &[update(name)], options: &[] }).is_err(),
                "{name}"
            );
        }
        let updates = [update("refs/heads/main")];
        assert!(check(&Push { commit: &commit, updates: &updates, options: &["a\nb".into()] }).is_err());
        assert!(check(&Push { commit: &commit, updates: &updates, options: &["ci.skip".into()] }).is_ok());
    }

    #[test]
    fn a_reference_that_moved_is_told_before_anything_is_sent() {
        let commit = commit();
        let other = Oid::from_bytes([1; 20]);
        let refs = [RemoteRef { name: "refs/heads/main".into(), id: other, peeled: None }];
        let updates = [update("refs/heads/main")];
        let push = Push { commit: &commit, updates: &updates, options: &[] };
        let error = request(&push, &Capabilities::default(), &refs).unwrap_err();
        assert_eq!(error.to_string(), "non-fast-forward update: refs/heads/main");
        let at_goal = [RemoteRef { id: commit.id(), ..refs[0].clone() }];
        assert_eq!(request(&push, &Capabilities::default(), &at_goal), Ok(None));
    }

    #[test]
    fn a_hook_that_declines_is_quoted_and_a_lost_race_is_told_apart() {
        let commit = commit();
        let updates = [update("refs/heads/main")];
        let push = Push { commit: &commit, updates: &updates, options: &[] };
        let report = |reason: &str| Report {
            unpack: Some("ok".into()),
            refused: vec![("refs/heads/main".into(), reason.into())],
            said: "not on Fridays".into(),
        };
        let error = judge(&push, report("pre-receive hook declined")).unwrap_err();
        let expected = "command error on refs/heads/main: pre-receive hook declined: not on Fridays";
        assert_eq!(error.to_string(), expected);
        let locked = |why: &str| format!("cannot lock ref 'refs/heads/main': {why}");
        for lost in [
            "failed to update ref",
            "incorrect old value provided",
            "reference already exists",
            &locked(&format!("is at {} but expected {}", "1".repeat(40), "2".repeat(40))),
            &locked("reference already exists"),
        ] {
            let lost = judge(&push, report(lost)).unwrap_err();
            assert_eq!(lost, PushError::Moved("refs/heads/main".into()));
        }
        let conflict = locked("'refs/heads/main/x' exists; cannot create 'refs/heads/main'");
        let error = judge(&push, report(&conflict)).unwrap_err();
        assert!(matches!(error, PushError::Rejected { .. }), "{error}");
    }
}
