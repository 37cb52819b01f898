use crate::{Oid, object::Parsed};

/// Who wrote something, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Name.
    pub name: String,
    /// Mail address, without brackets.
    pub email: String,
    /// Seconds since 1970.
    pub time: i64,
}

/// A commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its id.
    pub id: Oid,
    /// Its tree.
    pub tree: Oid,
    /// Who wrote the change.
    pub author: Identity,
    /// Who made the commit.
    pub committer: Identity,
    /// The whole message.
    pub message: String,
    /// The armoured signature in its header.
    pub signature: Option<String>,
    /// The bytes that the signature signs.
    pub signed_payload: Vec<u8>,
}

/// An annotated tag that points to the commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Id of the tag object.
    pub id: Oid,
    /// Name in the object.
    pub name: String,
    /// Who made it.
    pub tagger: Identity,
    /// The message, without a signature at its end.
    pub message: String,
    /// The armoured signature at the end of the message.
    pub signature: Option<String>,
    /// The bytes that the signature signs.
    pub signed_payload: Vec<u8>,
}

/// Starts of an armoured signature.
const ARMOURS: [&str; 4] = [
    "-----BEGIN PGP SIGNATURE-----",
    "-----BEGIN PGP MESSAGE-----",
    "-----BEGIN SSH SIGNATURE-----",
    "-----BEGIN SIGNED MESSAGE-----",
];

impl Commit {
    pub(crate) fn parse(id: Oid, content: &[u8]) -> Option<Self> {
        let parsed = Parsed::parse(content)?;
        Some(Self {
            id,
            tree: parsed.id("tree")?,
            author: identity(parsed.get("author")?),
            committer: identity(parsed.get("committer")?),
            message: String::from_utf8_lossy(parsed.message).into_owned(),
            signature: parsed.text("gpgsig"),
            signed_payload: without_signature(content),
        })
    }

    /// The first line of the message.
    pub fn subject(&self) -> &str {
        self.message.split('\n').next().unwrap_or_default()
    }

    /// The subject as Flux's events show it: its first 50 characters, then `...`.
    pub fn short_subject(&self) -> String {
        let subject = self.subject();
        match subject.char_indices().nth(50) {
            Some((end, _)) => format!("{}...", &subject[..end]),
            None => subject.to_owned(),
        }
    }

    /// Whether the commit carries a signature; it is not verified here.
    pub fn is_signed(&self) -> bool {
        self.signature.is_some()
    }
}

impl Tag {
    /// Gives the tag and what it points to.
    pub(crate) fn parse(id: Oid, content: &[u8]) -> Option<(Self, Oid)> {
        let parsed = Parsed::parse(content)?;
        let target = parsed.id("object")?;
        let text = String::from_utf8_lossy(parsed.message);
        let at = ARMOURS.iter().filter_map(|armour| text.find(armour)).min();
        let (message, signature) = match at {
            Some(at) => (text[..at].to_owned(), Some(text[at..].to_owned())),
            None => (text.to_string(), None),
        };
        let payload = signature
            .as_ref()
            .map_or(content.len(), |signature| content.len().saturating_sub(signature.len()));
        let tag = Self {
            id,
            name: parsed.text("tag").unwrap_or_default(),
            tagger: parsed.get("tagger").map(identity).unwrap_or_default(),
            message,
            signature,
            signed_payload: content[..payload].to_vec(),
        };
        Some((tag, target))
    }
}

/// `Name <mail> seconds zone`; what is malformed stays empty or zero.
fn identity(line: &[u8]) -> Identity {
    let line = String::from_utf8_lossy(line);
    let (name, rest) = line.split_once('<').unwrap_or((&line, ""));
    let (email, rest) = rest.rsplit_once('>').unwrap_or((rest, ""));
    let time = rest.split_whitespace().next().and_then(|seconds| seconds.parse().ok()).unwrap_or(0);
    Identity { name: name.trim().to_owned(), email: email.to_owned(), time }
}

/// The commit without the `gpgsig` header and the lines that continue it.
fn without_signature(content: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(content.len());
    let mut in_headers = true;
    let mut in_signature = false;
    for line in content.split_inclusive(|byte| *byte == b'\n') {
        in_headers &= line != b"\n";
        in_signature = in_headers
            && (line.starts_with(b"gpgsig ")
                || line.starts_with(b"gpgsig-sha256 ")
                || (in_signature && line.starts_with(b" ")));
        if !in_signature {
            kept.extend_from_slice(line);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

    fn commit(message: &str, more: &str) -> Option<Commit> {
        let who = "A B <a@b> 1700000000 +0100";
        let text = format!("tree {ID}\nparent {ID}\nauthor {who}\ncommitter {who}\n{more}\n{message}");
        Commit::parse(Oid::from_hex(ID)?, text.as_bytes())
    }

    #[test]
    fn headers_and_message_are_read() {
        let found = commit("subject\n\nbody\n", "").unwrap();
        assert_eq!((found.subject(), found.is_signed()), ("subject", false));
        assert_eq!(found.author, Identity { name: "A B".into(), email: "a@b".into(), time: 1_700_000_000 });
    }

    #[test]
    fn long_subjects_are_cut_as_flux_cuts_them() {
        let long = "second commit: with a subject that is longer than fifty characters";
        assert_eq!(
            commit(long, "").unwrap().short_subject(),
            "second commit: with a subject that is longer than ..."
        );
    }

    #[test]
    fn signature_is_taken_out_of_what_it_signs() {
        let found =
            commit("m\n", "gpgsig -----BEGIN SSH SIGNATURE-----\n abc\n -----END SSH SIGNATURE-----\n")
                .unwrap();
        assert_eq!(
            found.signature.as_deref(),
            Some("-----BEGIN SSH SIGNATURE-----\nabc\n-----END SSH SIGNATURE-----")
        );
        assert_eq!(found.signed_payload, commit("m\n", "").unwrap().signed_payload);
    }

    #[test]
    fn malformed_commits_are_refused_without_panic() {
        for bad in [&b""[..], b"tree", b"tree \n", b" x\n", b"tree zz\n\n", b"\n", b"author <\xff> x\n\n"] {
            assert!(Commit::parse(Oid::from_hex(ID).unwrap(), bad).is_none(), "{bad:?}");
        }
    }
}
