//! Azure Event Hubs, by its REST API: a shared key, or a token that the user keeps fresh.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http::Method;
use k8s_openapi::jiff::Timestamp;
use sha2::Sha256;
use url::Url;

use super::address::form_value;
use super::outgoing::{Outgoing, send};
use super::{PostError, SendError, SetupError, Target};
use crate::event::Event;
use crate::go_json;

/// How long a signature is valid, in seconds.
const VALID: i64 = 300;

/// Sends the event to a hub.
pub(super) async fn post(target: &Target<'_>, event: &Event) -> Result<(), PostError> {
    let outgoing = request(target, Timestamp::now().as_second())?;
    let outgoing = outgoing.header("content-type", "application/json").body(go_json::marshal(event));
    let failed = |error: SendError| error.within("failed to send msg");
    let answer = send(&target.client, &outgoing).await.map_err(failed)?;
    if answer.status.is_success() {
        return Ok(());
    }
    Err(failed(SendError(format!("{}: {}", answer.status, answer.text()))).into())
}

fn request(target: &Target<'_>, now: i64) -> Result<Outgoing, SetupError> {
    let options = |cause: &str| SetupError(format!("invalid authentication options: {cause}"));
    if target.address.is_empty() {
        return Err(options("endpoint URL cannot be empty"));
    }
    if target.address.contains("SharedAccessKey") {
        if !target.token.is_empty() {
            return Err(options("jwt token and SAS authentication cannot be set at the same time"));
        }
        return signed(&target.address, now);
    }
    if target.token.is_empty() {
        let cause = "managed identities are not supported, the secret needs a token";
        return Err(SetupError(format!("failed to create a eventhub using managed identity: {cause}")));
    }
    let namespace = match target.channel.contains(".servicebus.") {
        true => target.channel.clone(),
        false => format!("{}.servicebus.windows.net", target.channel),
    };
    let url = messages(&namespace, &target.address)?;
    Ok(Outgoing::new(Method::POST, url).bearer(&target.token))
}

fn messages(host: &str, hub: &str) -> Result<Url, SetupError> {
    let bad = |_| SetupError("failed to create a eventhub: no valid address".to_owned());
    Url::parse(&format!("https://{host}/{hub}/messages?api-version=2014-01")).map_err(bad)
}

/// `Endpoint=sb://host/;SharedAccessKeyName=n;SharedAccessKey=k;EntityPath=hub`.
fn signed(connection: &str, now: i64) -> Result<Outgoing, SetupError> {
    let part = |wanted: &str| {
        let mut parts = connection.split(';').filter_map(|part| part.split_once('='));
        let missing = || SetupError(format!("failed to create a eventhub using SAS: {wanted} is missing"));
        parts.find(|(name, _)| *name == wanted).map(|(_, value)| value.trim()).ok_or_else(missing)
    };
    let endpoint = part("Endpoint")?;
    let host = endpoint.trim_start_matches("sb://").trim_end_matches('/');
    let (hub, name, key) = (part("EntityPath")?, part("SharedAccessKeyName")?, part("SharedAccessKey")?);
    let resource = form_value(&format!("https://{host}/{hub}"));
    let ends = now + VALID;
    let bad = |_| SetupError("failed to create a eventhub using SAS: the key cannot be used".to_owned());
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).map_err(bad)?;
    mac.update(format!("{resource}\n{ends}").as_bytes());
    let signature = form_value(&BASE64_STANDARD.encode(mac.finalize().into_bytes()));
    let login = format!("SharedAccessSignature sr={resource}&sig={signature}&se={ends}&skn={name}");
    Ok(Outgoing::new(Method::POST, messages(host, hub)?).header("authorization", login))
}

#[cfg(test)]
mod tests {
    use super::signed;

    #[test]
    fn a_connection_string_names_hub_and_key() {
        let text = "Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=n;SharedAccessKey=a2V5=;EntityPath=hub";
        let request = signed(text, 1000).unwrap();
        assert_eq!(
            request.url.as_str(),
            "https://ns.servicebus.windows.net/hub/messages?api-version=2014-01"
        );
        let (name, login) = &request.headers[0];
        assert_eq!(*name, "authorization");
        assert!(
            login.starts_with("SharedAccessSignature sr=https%3A%2F%2Fns.servicebus.windows.net%2Fhub&sig=")
        );
        assert!(login.ends_with("&se=1300&skn=n"), "{login}");
        assert!(signed("SharedAccessKey=x", 0).is_err());
    }
}
