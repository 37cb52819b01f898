use std::borrow::Cow;

/// Where objects of a kind are found in the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    pub(crate) group: Cow<'static, str>,
    pub(crate) version: Cow<'static, str>,
    pub(crate) plural: Cow<'static, str>,
    pub(crate) kind: Cow<'static, str>,
    pub(crate) namespaced: bool,
}

impl Resource {
    /// One that is known beforehand and has a namespace.
    pub(crate) const fn fixed(
        group: &'static str,
        version: &'static str,
        plural: &'static str,
        kind: &'static str,
    ) -> Self {
        Self {
            group: Cow::Borrowed(group),
            version: Cow::Borrowed(version),
            plural: Cow::Borrowed(plural),
            kind: Cow::Borrowed(kind),
            namespaced: true,
        }
    }

    /// One that is known beforehand and has no namespace.
    pub(crate) const fn of_cluster(
        group: &'static str,
        version: &'static str,
        plural: &'static str,
        kind: &'static str,
    ) -> Self {
        let mut resource = Self::fixed(group, version, plural, kind);
        resource.namespaced = false;
        resource
    }

    /// `group/version`, or the version of the core group.
    pub(crate) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_string()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// The path of all objects, of those of a namespace.
    pub(crate) fn path(&self, namespace: Option<&str>) -> String {
        let root = if self.group.is_empty() { "/api" } else { "/apis" };
        let plural = &self.plural;
        match namespace.filter(|_| self.namespaced) {
            Some(namespace) => {
                format!("{root}/{}/namespaces/{}/{plural}", self.api_version(), escaped(namespace))
            }
            None => format!("{root}/{}/{plural}", self.api_version()),
        }
    }

    /// The path of one object.
    pub(crate) fn object(&self, namespace: &str, name: &str) -> String {
        format!("{}/{}", self.path(Some(namespace)), escaped(name))
    }

    /// `plural.group`, as kubectl names it.
    pub(crate) fn full_name(&self) -> String {
        if self.group.is_empty() {
            self.plural.to_string()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }
}

/// A name as one segment of a path: what a user types must not lead to another path or query.
pub(crate) fn escaped(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~' | b':');
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        if plain(b) && text != "." && text != ".." {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Resource, escaped};

    #[test]
    fn a_name_cannot_leave_its_segment() {
        assert_eq!(escaped("a/../b?x=1&y#z"), "a%2F..%2Fb%3Fx%3D1%26y%23z");
        assert_eq!(escaped(".."), "%2E%2E");
        assert_eq!(escaped("system:masters"), "system:masters");
    }

    #[test]
    fn paths_have_a_namespace_only_where_the_kind_has() {
        let pods = Resource::fixed("", "v1", "pods", "Pod");
        assert_eq!(pods.object("a", "b"), "/api/v1/namespaces/a/pods/b");
        let nodes = Resource::of_cluster("", "v1", "nodes", "Node");
        assert_eq!(nodes.object("a", "b"), "/api/v1/nodes/b");
        assert_eq!(Resource::fixed("apps", "v1", "x", "X").path(None), "/apis/apps/v1/x");
    }
}
