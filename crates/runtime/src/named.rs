//! Objects that users name. A name is a part of the request's address, which it must not leave.

use std::fmt::Debug;

use k8s_openapi::NamespaceResourceScope;
use kube::core::request;
use kube::{Api, Client, Resource};
use serde::de::DeserializeOwned;

use crate::key::Key;

/// The text, if it can be a name of an object or a namespace: nothing that is a path, a query or an escape.
///
/// # Errors
/// Otherwise; the message says so.
pub fn checked_name(text: &str) -> Result<&str, kube::Error> {
    let is_bad = |character: char| matches!(character, '/' | '?' | '#' | '%') || character.is_control();
    match matches!(text, "" | "." | "..") || text.contains(is_bad) {
        true => {
            let message = format!("invalid resource name {text:?}");
            Err(kube::Error::BuildRequest(request::Error::Validation(message)))
        }
        false => Ok(text),
    }
}

/// Reads the object of a namespace that a user named; none where there is none.
///
/// # Errors
/// When it cannot be a name, and when the API server refuses or does not answer.
pub async fn read_named<K>(client: &Client, key: &Key) -> Result<Option<K>, kube::Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
{
    let api: Api<K> = Api::namespaced(client.clone(), checked_name(&key.namespace)?);
    api.get_opt(checked_name(&key.name)?).await
}

#[cfg(test)]
mod tests {
    use super::{checked_name, read_named};
    use crate::key::Key;
    use k8s_openapi::api::core::v1::Secret;

    #[test]
    fn what_the_api_server_takes_is_a_name() {
        for name in ["app", "system:node", "things.g.io", "a..b", "Ünicode", "odd one"] {
            assert!(checked_name(name).is_ok(), "{name}");
        }
    }

    #[tokio::test]
    async fn what_is_no_name_is_not_asked_for() {
        let server = tower::service_fn(|request: http::Request<kube::client::Body>| async move {
            panic!("{}", request.uri());
            #[expect(unreachable_code, reason = "the type of the answer")]
            Ok::<http::Response<kube::client::Body>, tower::BoxError>(unreachable!())
        });
        let client = kube::Client::new(server, "ns");
        for name in ["", ".", "..", "?watch=true", "a/b", "a#b", "a%2fb", "a\nb", "../b/secrets/c"] {
            for key in [Key::new("own", name), Key::new(name, "own")] {
                let error = read_named::<Secret>(&client, &key).await.unwrap_err().to_string();
                assert!(error.contains("invalid resource name"), "{error}");
            }
        }
    }
}
