use manifest::yaml::{Mapping, Node};
use serde::Deserialize;

use super::GeneratorError;
use crate::resource::Resource;

/// The `IAMPolicyGenerator`: a service account tied to one of the cloud.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct IamPolicy {
    cloud: String,
    kubernetes_service: KubernetesService,
    service_account: ServiceAccount,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct KubernetesService {
    name: String,
    namespace: String,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ServiceAccount {
    name: String,
    project_id: String,
}

/// Generates the service account.
pub(crate) fn iam_resource(policy: &IamPolicy) -> Result<Resource, GeneratorError> {
    if policy.cloud != "gke" {
        return Err(GeneratorError::Cloud(policy.cloud.clone()));
    }
    let (service, account) = (&policy.kubernetes_service, &policy.service_account);
    let email = format!("{}@{}.iam.gserviceaccount.com", account.name, account.project_id);
    let mut annotations = Mapping::default();
    annotations.push("iam.gke.io/gcp-service-account", Node::string(email));
    let mut metadata = Mapping::default();
    metadata.push("annotations", annotations.into());
    metadata.push("name", Node::string(service.name.clone()));
    if !service.namespace.is_empty() {
        metadata.push("namespace", Node::string(service.namespace.clone()));
    }
    let mut object = Mapping::default();
    object.push("apiVersion", Node::string("v1"));
    object.push("kind", Node::string("ServiceAccount"));
    object.push("metadata", metadata.into());
    Ok(Resource::new(object.into()))
}
