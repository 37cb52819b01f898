use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use ssh_key::{
    Algorithm, PublicKey,
    known_hosts::{Entry, HostPatterns, Marker},
};

use crate::AccessError;

/// The lines of a `known_hosts` file, hashed ones included. Lines that cannot be read are passed over.
pub(crate) struct KnownHosts(Vec<Entry>);

/// What the file says about a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judgement {
    Known,
    /// No line for this host.
    Unknown,
    /// Lines for this host, but with other keys.
    Mismatch,
    /// The key is marked as revoked.
    Revoked,
}

impl KnownHosts {
    pub(crate) fn parse(text: &str) -> Result<Self, AccessError> {
        // A comment may follow the key, so only whole comment lines are cut.
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let entries: Vec<Entry> = lines.filter_map(|line| line.parse().ok()).collect();
        if entries.is_empty() { Err(AccessError::KnownHosts) } else { Ok(Self(entries)) }
    }

    pub(crate) fn judge(&self, host: &str, port: u16, key: &PublicKey) -> Judgement {
        let of_host: Vec<&Entry> = self.of(host, port).collect();
        let same = |entry: &&&Entry| entry.public_key().key_data() == key.key_data();
        if of_host.iter().filter(same).any(|entry| entry.marker() == Some(&Marker::Revoked)) {
            return Judgement::Revoked;
        }
        let mut plain = of_host.iter().filter(|entry| entry.marker().is_none()).peekable();
        match (plain.peek().is_some(), plain.any(|entry| same(&entry))) {
            (false, _) => Judgement::Unknown,
            (true, false) => Judgement::Mismatch,
            (true, true) => Judgement::Known,
        }
    }

    /// The kinds of key known for a host: only these are asked for, so that a server with several keys shows
    /// one that can be judged.
    pub(crate) fn algorithms(&self, host: &str, port: u16) -> Vec<Algorithm> {
        let plain = self.of(host, port).filter(|entry| entry.marker().is_none());
        plain.map(|entry| entry.public_key().algorithm()).collect()
    }

    fn of(&self, host: &str, port: u16) -> impl Iterator<Item = &Entry> {
        let name = match port {
            22 => host.to_lowercase(),
            port => format!("[{}]:{port}", host.to_lowercase()),
        };
        self.0.iter().filter(move |entry| applies(entry.host_patterns(), &name))
    }
}

fn applies(patterns: &HostPatterns, name: &str) -> bool {
    match patterns {
        HostPatterns::HashedName { salt, hash } => {
            let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(salt) else { return false };
            mac.update(name.as_bytes());
            mac.verify_slice(hash).is_ok()
        }
        HostPatterns::Patterns(patterns) => {
            let hit = |pattern: &str| matches(pattern.to_lowercase().as_bytes(), name.as_bytes());
            let denied = patterns.iter().filter_map(|pattern| pattern.strip_prefix('!')).any(hit);
            !denied && patterns.iter().any(|pattern| hit(pattern))
        }
    }
}

/// `*` and `?`, as in OpenSSH.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == b'?' || *c == name[n] => (p, n) = (p + 1, n + 1),
            _ => {
                let Some((at, from)) = star else { return false };
                star = Some((at, from + 1));
                (p, n) = (at + 1, from + 1);
            }
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
    const OTHER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILcbZgTzTXZwSSVRB5WJgUzYEd5rmtYXRZKMKKxLNVJd";

    fn check(file: &str, host: &str, port: u16, expected: Judgement) {
        let key = PublicKey::from_openssh(KEY).unwrap();
        assert_eq!(KnownHosts::parse(file).unwrap().judge(host, port, &key), expected, "{file} {host}");
    }

    #[test]
    fn hosts_match_by_name_port_and_pattern() {
        check(&format!("github.com,140.82.1.1 {KEY} comment # x"), "GitHub.com", 22, Judgement::Known);
        check(&format!("[h]:2222 {KEY}"), "h", 2222, Judgement::Known);
        check(&format!("h {KEY}"), "h", 2222, Judgement::Unknown);
        check(&format!("*.x,!a.x {KEY}"), "b.x", 22, Judgement::Known);
        check(&format!("*.x,!a.x {KEY}"), "a.x", 22, Judgement::Unknown);
    }

    #[test]
    fn other_keys_and_markers_are_judged() {
        check(&format!("h {OTHER}"), "h", 22, Judgement::Mismatch);
        check(&format!("h {OTHER}\nh {KEY}"), "h", 22, Judgement::Known);
        check(&format!("h {KEY}\n@revoked * {KEY}"), "h", 22, Judgement::Revoked);
        check(&format!("@cert-authority h {KEY}"), "h", 22, Judgement::Unknown);
    }

    #[test]
    fn unreadable_lines_are_passed_over_but_not_all_of_them() {
        check(&format!("# c\n\nnonsense\nh ssh-rsa !!!\nh {KEY}"), "h", 22, Judgement::Known);
        assert!(KnownHosts::parse("nonsense\n").is_err());
    }
}
