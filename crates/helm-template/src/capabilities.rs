//! What `.Capabilities` tells templates about cluster and renderer.
use std::rc::Rc;

use gotemplate::{Context, FuncError, HostObject, Kind, Signature, Str, Type, Value};

/// API versions that Helm 4.2 knows without a cluster, in its order.
const API_VERSIONS: &str = "v1 admissionregistration.k8s.io/v1 admissionregistration.k8s.io/v1alpha1 \
    admissionregistration.k8s.io/v1beta1 internal.apiserver.k8s.io/v1alpha1 apps/v1 apps/v1beta1 apps/v1beta2 \
    authentication.k8s.io/v1 authentication.k8s.io/v1alpha1 authentication.k8s.io/v1beta1 authorization.k8s.io/v1 \
    authorization.k8s.io/v1beta1 autoscaling/v1 autoscaling/v2 batch/v1 batch/v1beta1 certificates.k8s.io/v1 \
    certificates.k8s.io/v1beta1 certificates.k8s.io/v1alpha1 coordination.k8s.io/v1alpha2 \
    coordination.k8s.io/v1beta1 coordination.k8s.io/v1 discovery.k8s.io/v1 discovery.k8s.io/v1beta1 \
    events.k8s.io/v1 events.k8s.io/v1beta1 extensions/v1beta1 flowcontrol.apiserver.k8s.io/v1 \
    flowcontrol.apiserver.k8s.io/v1beta1 flowcontrol.apiserver.k8s.io/v1beta2 \
    flowcontrol.apiserver.k8s.io/v1beta3 networking.k8s.io/v1 networking.k8s.io/v1beta1 node.k8s.io/v1 \
    node.k8s.io/v1alpha1 node.k8s.io/v1beta1 policy/v1 policy/v1beta1 rbac.authorization.k8s.io/v1 \
    rbac.authorization.k8s.io/v1beta1 rbac.authorization.k8s.io/v1alpha1 resource.k8s.io/v1 \
    resource.k8s.io/v1beta2 resource.k8s.io/v1beta1 resource.k8s.io/v1alpha3 scheduling.k8s.io/v1alpha2 \
    scheduling.k8s.io/v1beta1 scheduling.k8s.io/v1 storage.k8s.io/v1beta1 storage.k8s.io/v1 \
    storage.k8s.io/v1alpha1 storagemigration.k8s.io/v1beta1 apiextensions.k8s.io/v1beta1 apiextensions.k8s.io/v1";

/// API versions that Helm 3.22 knows without a cluster, in its order.
const API_VERSIONS_OF_HELM_3: &str = "v1 admissionregistration.k8s.io/v1 admissionregistration.k8s.io/v1alpha1 \
    admissionregistration.k8s.io/v1beta1 internal.apiserver.k8s.io/v1alpha1 apps/v1 apps/v1beta1 apps/v1beta2 \
    authentication.k8s.io/v1 authentication.k8s.io/v1alpha1 authentication.k8s.io/v1beta1 authorization.k8s.io/v1 \
    authorization.k8s.io/v1beta1 autoscaling/v1 autoscaling/v2 batch/v1 batch/v1beta1 certificates.k8s.io/v1 \
    certificates.k8s.io/v1beta1 certificates.k8s.io/v1alpha1 coordination.k8s.io/v1alpha2 \
    coordination.k8s.io/v1beta1 coordination.k8s.io/v1 discovery.k8s.io/v1 discovery.k8s.io/v1beta1 \
    events.k8s.io/v1 events.k8s.io/v1beta1 extensions/v1beta1 flowcontrol.apiserver.k8s.io/v1 \
    flowcontrol.apiserver.k8s.io/v1beta1 flowcontrol.apiserver.k8s.io/v1beta2 \
    flowcontrol.apiserver.k8s.io/v1beta3 lifecycle.k8s.io/v1alpha1 networking.k8s.io/v1 networking.k8s.io/v1beta1 \
    node.k8s.io/v1 node.k8s.io/v1alpha1 node.k8s.io/v1beta1 policy/v1 policy/v1beta1 rbac.authorization.k8s.io/v1 \
    rbac.authorization.k8s.io/v1beta1 rbac.authorization.k8s.io/v1alpha1 resource.k8s.io/v1 \
    resource.k8s.io/v1beta2 resource.k8s.io/v1beta1 resource.k8s.io/v1alpha3 scheduling.k8s.io/v1alpha3 \
    scheduling.k8s.io/v1beta1 scheduling.k8s.io/v1 storage.k8s.io/v1beta1 storage.k8s.io/v1 \
    storage.k8s.io/v1alpha1 storagemigration.k8s.io/v1 storagemigration.k8s.io/v1beta1 \
    apiextensions.k8s.io/v1beta1 apiextensions.k8s.io/v1";

/// What a chart may ask about its cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Version of the cluster.
    pub kube_version: KubeVersion,
    /// `v1`, `apps/v1`, `apps/v1/Deployment`, …
    pub api_versions: Vec<String>,
    /// Version of the renderer.
    pub helm_version: HelmVersion,
}

/// A version of Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubeVersion {
    /// In full: `v1.33.4-gke.1245000`.
    pub version: String,
    /// Without anything behind the numbers: `v1.33.4`.
    pub normalized: String,
    /// `1`
    pub major: String,
    /// `33`
    pub minor: String,
}

/// The Helm that is stood in for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelmVersion {
    /// `v4.2`
    pub version: String,
    /// Commit, empty in Helm as a library.
    pub git_commit: String,
    /// `clean`, empty in Helm as a library.
    pub git_tree_state: String,
    /// `go1.26.8`
    pub go_version: String,
    /// `v1.36`
    pub kube_client_version: String,
}

/// Which Helm's behaviour is wanted, where two differ. A render does what its [`HelmVersion`] did, see
/// [`HelmVersion::major`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HelmMajor {
    /// Helm 4.
    #[default]
    Four,
    /// Helm 3: nulls of a chart's own values are kept, manifests have no blanks around them, `.Chart` is a struct, values
    /// are the first document of a file, errors of templates stand on one line.
    Three,
}

/// A text that is no version of Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("could not parse {0:?} as version")]
pub struct KubeVersionError(String);

impl KubeVersion {
    /// Reads `1.33`, `v1.33.4` or `v1.33.4-gke.1245000`.
    ///
    /// # Errors
    /// When it does not begin with two or more numbers.
    pub fn parse(text: &str) -> Result<Self, KubeVersionError> {
        let bad = || KubeVersionError(text.chars().take(80).collect());
        let plain = text.trim().trim_start_matches('v');
        let end = plain.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(plain.len());
        let numbers: Option<Vec<u64>> = plain[..end].split('.').map(|part| part.parse().ok()).collect();
        let numbers = numbers.filter(|numbers| numbers.len() >= 2).ok_or_else(bad)?;
        let all: Vec<String> = numbers.iter().map(u64::to_string).collect();
        let version = if text.starts_with('v') { text.to_owned() } else { format!("v{text}") };
        Ok(Self {
            version,
            normalized: format!("v{}", all.join(".")),
            major: all[0].clone(),
            minor: all[1].clone(),
        })
    }
}

impl Capabilities {
    /// What `helm template` of a Helm assumes without a cluster.
    #[must_use]
    pub fn of(helm: HelmMajor) -> Self {
        match helm {
            HelmMajor::Four => Self::built("36", API_VERSIONS, HelmVersion::default()),
            HelmMajor::Three => Self::built("37", API_VERSIONS_OF_HELM_3, HelmVersion::helm_3()),
        }
    }

    fn built(minor: &str, api_versions: &str, helm_version: HelmVersion) -> Self {
        let version = format!("v1.{minor}.0");
        let kube_version = KubeVersion {
            normalized: version.clone(),
            version,
            major: "1".to_owned(),
            minor: minor.to_owned(),
        };
        let api_versions = api_versions.split_whitespace().map(str::to_owned).collect();
        Self { kube_version, api_versions, helm_version }
    }
}

impl Default for Capabilities {
    /// What `helm template` of Helm 4 assumes without a cluster.
    fn default() -> Self {
        Self::of(HelmMajor::Four)
    }
}

impl HelmVersion {
    /// Helm 3.22.
    #[must_use]
    pub fn helm_3() -> Self {
        Self { version: "v3.22".to_owned(), kube_client_version: String::new(), ..Self::default() }
    }

    /// Whose behaviour it is: Helm 3's for every version that begins with `v3`, else Helm 4's.
    #[must_use]
    pub fn major(&self) -> HelmMajor {
        if self.version.starts_with("v3") { HelmMajor::Three } else { HelmMajor::Four }
    }
}

impl Default for HelmVersion {
    /// Helm 4.2 as a library, which is what Flux has.
    fn default() -> Self {
        Self {
            version: "v4.2".to_owned(),
            git_commit: String::new(),
            git_tree_state: String::new(),
            go_version: "go1.26.8".to_owned(),
            kube_client_version: "v1.36".to_owned(),
        }
    }
}

/// The value of `.Capabilities`.
pub(crate) fn capabilities_value(capabilities: &Capabilities) -> Value {
    Value::object(Object(Rc::new(capabilities.clone())))
}

fn is_of_helm_3(capabilities: &Capabilities) -> bool {
    capabilities.helm_version.major() == HelmMajor::Three
}

/// The Go name of a type of `.Capabilities`.
fn named(capabilities: &Capabilities, helm_4: &'static str, helm_3: &'static str) -> &'static str {
    if is_of_helm_3(capabilities) { helm_3 } else { helm_4 }
}

fn shown(object: &impl HostObject, field: &str) -> Option<Value> {
    object.exported().into_iter().find(|(name, _)| *name == field).map(|(_, value)| value)
}

struct Object(Rc<Capabilities>);
struct Kube(Rc<Capabilities>);
struct Versions(Rc<Capabilities>);
struct Helm(Rc<Capabilities>);

impl HostObject for Object {
    fn type_name(&self) -> &'static str {
        named(&self.0, "*common.Capabilities", "*chartutil.Capabilities")
    }

    fn kind(&self) -> Kind {
        Kind::Ptr
    }

    fn field(&self, name: &str) -> Option<Value> {
        shown(self, name)
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("KubeVersion", Value::object(Kube(Rc::clone(&self.0)))),
            ("APIVersions", Value::object(Versions(Rc::clone(&self.0)))),
            ("HelmVersion", Value::object(Helm(Rc::clone(&self.0)))),
        ]
    }
}

impl HostObject for Kube {
    fn type_name(&self) -> &'static str {
        named(&self.0, "common.KubeVersion", "chartutil.KubeVersion")
    }

    fn field(&self, name: &str) -> Option<Value> {
        shown(self, name)
    }

    fn method(&self, name: &str) -> Option<Signature> {
        matches!(name, "String" | "GitVersion").then_some(Signature::fixed(&[]))
    }

    fn call(&self, name: &str, _context: &Context<'_>, _arguments: &[Value]) -> Result<Value, FuncError> {
        let KubeVersion { version, normalized, .. } = &self.0.kube_version;
        let short = name == "String" || is_of_helm_3(&self.0);
        Ok(Value::string(if short { normalized.as_str() } else { version.as_str() }))
    }

    /// `String` is a method of the pointer: functions are given a copy, which prints its fields.
    fn addressed_text(&self) -> Option<String> {
        Some(self.0.kube_version.normalized.clone())
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        let KubeVersion { version, normalized, major, minor } = &self.0.kube_version;
        if is_of_helm_3(&self.0) {
            let fields = [("Version", normalized), ("Major", major), ("Minor", minor)];
            return fields.into_iter().map(|(name, text)| (name, Value::string(text.as_str()))).collect();
        }
        vec![
            ("Version", Value::string(version.as_str())),
            ("normalizedVersion", Value::string(normalized.as_str())),
            ("Major", Value::string(major.as_str())),
            ("Minor", Value::string(minor.as_str())),
        ]
    }
}

impl HostObject for Versions {
    fn type_name(&self) -> &'static str {
        named(&self.0, "common.VersionSet", "chartutil.VersionSet")
    }

    fn kind(&self) -> Kind {
        Kind::Slice
    }

    fn method(&self, name: &str) -> Option<Signature> {
        (name == "Has").then_some(Signature::fixed(&[Type::String]))
    }

    fn call(&self, _name: &str, _context: &Context<'_>, arguments: &[Value]) -> Result<Value, FuncError> {
        let wanted = arguments.first().and_then(Value::as_string).map(Str::text).unwrap_or_default();
        Ok(Value::Bool(self.0.api_versions.iter().any(|version| *version == wanted)))
    }

    fn entries(&self) -> Vec<(Str, Value)> {
        self.0.api_versions.iter().map(|version| (Str::default(), Value::string(version.as_str()))).collect()
    }

    fn element(&self) -> Type {
        Type::String
    }

    fn json(&self) -> Option<Value> {
        Some(Value::strings(self.0.api_versions.iter().map(String::as_str)))
    }
}

impl HostObject for Helm {
    fn type_name(&self) -> &'static str {
        "version.BuildInfo"
    }

    fn field(&self, name: &str) -> Option<Value> {
        shown(self, name)
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        let helm = &self.0.helm_version;
        let mut fields = vec![
            ("Version", Value::string(helm.version.as_str())),
            ("GitCommit", Value::string(helm.git_commit.as_str())),
            ("GitTreeState", Value::string(helm.git_tree_state.as_str())),
            ("GoVersion", Value::string(helm.go_version.as_str())),
        ];
        if helm.major() == HelmMajor::Four {
            fields.push(("KubeClientVersion", Value::string(helm.kube_client_version.as_str())));
        }
        fields
    }

    fn json(&self) -> Option<Value> {
        let helm = &self.0.helm_version;
        let all = [
            ("version", &helm.version),
            ("git_commit", &helm.git_commit),
            ("git_tree_state", &helm.git_tree_state),
            ("go_version", &helm.go_version),
            ("kube_client_version", &helm.kube_client_version),
        ];
        let always = |name: &str| name == "kube_client_version" && helm.major() == HelmMajor::Four;
        let shown = all.into_iter().filter(|(name, text)| !text.is_empty() || always(name));
        Some(Value::map(shown.map(|(name, text)| (name, Value::string(text.as_str())))))
    }
}

#[cfg(test)]
mod tests {
    use super::{Capabilities, HelmMajor, HelmVersion, KubeVersion};

    #[test]
    fn versions_keep_their_suffix_and_are_compared_without() {
        let version = KubeVersion::parse("1.29.3-gke.5").unwrap();
        assert_eq!((version.version.as_str(), version.normalized.as_str()), ("v1.29.3-gke.5", "v1.29.3"));
        assert_eq!((version.major.as_str(), version.minor.as_str()), ("1", "29"));
        assert_eq!(KubeVersion::parse("v1.30").unwrap().normalized, "v1.30");
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for text in ["", "1", "x.y", "v"] {
            assert!(KubeVersion::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_default_is_that_of_helm_4() {
        let default = Capabilities::default();
        assert_eq!(default.api_versions.len(), 55);
        assert_eq!(default.kube_version.minor, "36");
        assert_eq!(default.helm_version.major(), HelmMajor::Four);
    }

    #[test]
    fn the_version_that_templates_see_says_whose_behaviour_it_is() {
        assert_eq!(Capabilities::of(HelmMajor::Three).helm_version.major(), HelmMajor::Three);
        let given = HelmVersion { version: "v3.9.4".to_owned(), ..HelmVersion::default() };
        assert_eq!(given.major(), HelmMajor::Three);
    }
}
