//! One recording: what it holds, and how it is played.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use anyhow::{Context, Result};
use api::notification::v1beta3::{Alert, Provider};
use net::Secret;
use notification_controller::{
    Clients, DeliveryError, DispatchError, Event, ProviderSecrets, clean, message, post,
};
use serde_json::{Value, json};

use crate::compare;
use crate::sink::{Reply, Sink};

/// The namespace of the recordings.
const NAMESPACE: &str = "rec-notify";

pub(crate) struct Case {
    provider: Provider,
    alert: Alert,
    secrets: BTreeMap<&'static str, Option<Secret>>,
    event: Event,
    recording: Value,
}

impl Case {
    /// Reads a recording, its fixed ports replaced by those of the sink.
    pub(crate) fn read(file: &Path, sink: &Sink) -> Result<Self> {
        let ports = sink.ports;
        let mut text = std::fs::read_to_string(file)?;
        for (recorded, ours) in
            [(9650, ports.http), (9651, ports.https), (9652, ports.proxy), (9653, ports.nats)]
        {
            text = text.replace(&format!("127.0.0.1:{recorded}"), &format!("127.0.0.1:{ours}"));
        }
        let recording: Value = serde_json::from_str(&text)?;
        let object = |kind: &str| {
            let key = |part: &str| recording[format!("{kind}_{part}")].clone();
            json!({ "metadata": { "namespace": NAMESPACE, "name": key("name"), "uid": key("uid") },
                "spec": recording[kind] })
        };
        let mut event = Event::decode(recording["event"].to_string().as_bytes())?;
        clean(&mut event);
        Ok(Self {
            provider: serde_json::from_value(object("provider"))?,
            alert: serde_json::from_value(object("alert"))?,
            secrets: secrets(&recording, &sink.ca)?,
            event,
            recording,
        })
    }

    /// Sends the event and tells where the requests and the verdict differ from the recorded ones.
    pub(crate) async fn play(&self, sink: &Sink, clients: &Clients) -> Result<Vec<String>> {
        let requests = self.recording["requests"].as_array().context("requests")?;
        sink.reset(requests.iter().map(|request| {
            Reply {
                status: request["reply"]["status"]
                    .as_u64()
                    .and_then(|status| u16::try_from(status).ok())
                    .unwrap_or(200),
                body: self.completed(request["reply"]["body"].as_str().unwrap_or_default()),
            }
        }));
        let outcome = self.send(clients).await;
        let kind = self.recording["provider"]["type"].as_str().unwrap_or_default();
        let mut differences = compare::requests(kind, requests, &sink.seen());
        differences.extend(self.verdict(outcome.err()));
        Ok(differences)
    }

    /// The recordings cut long answers: what a client needs of them is put back.
    fn completed(&self, body: &str) -> String {
        if serde_json::from_str::<Value>(body).is_ok() || !body.starts_with(['[', '{']) {
            return body.to_owned();
        }
        if body.contains("routeTemplate") {
            return crate::sink::RESOURCES.to_owned();
        }
        let whole = body.rsplit_once("}, {").map(|(whole, _)| format!("{whole}}}]"));
        if let Some(whole) = whole.filter(|whole| serde_json::from_str::<Value>(whole).is_ok()) {
            return whole;
        }
        let id = body.split_once("\"id\": ").and_then(|(_, rest)| rest.split(',').next()).unwrap_or("0");
        let id: i64 = id.trim().parse().unwrap_or_default();
        let mark = body
            .split_once("<!-- ")
            .and_then(|(_, rest)| rest.split_once(" -->"))
            .map_or("", |(mark, _)| mark);
        let other = self.recording["provider"]["secretRef"]["name"]
            .as_str()
            .is_some_and(|name| name.ends_with("other-author"));
        let author = if other { "somebody" } else { "flux-bot" };
        json!([{ "id": id, "body": format!("<!-- {mark} -->"), "user": { "login": author },
            "author": { "username": author } }])
        .to_string()
    }

    async fn send(&self, clients: &Clients) -> Result<(), DeliveryError> {
        let Some(message) = message(&self.alert, &self.provider, &self.event)? else { return Ok(()) };
        let name = self.provider.metadata.name.clone().unwrap_or_default();
        let [own, proxy, certificates] = ["secretRef", "proxySecretRef", "certSecretRef"]
            .map(|key| self.secrets.get(key).cloned().flatten());
        let secrets = ProviderSecrets::new(&self.provider, own, proxy, certificates)
            .map_err(|cause| DispatchError::Secret { provider: name.clone(), cause })?;
        let posted = post(clients, &self.provider, &secrets, &self.alert, message).await;
        posted.map_err(|error| DeliveryError::Post { provider: name, error })
    }

    /// The warning on the Alert, where one was recorded for this event; and none where none was logged.
    fn verdict(&self, error: Option<DeliveryError>) -> Option<String> {
        let object = self.event.involved_object.to_string();
        let told = error.map(|error| error.told(&self.event));
        let all = self.recording["k8s_events"].as_array().into_iter().flatten();
        let mut own =
            all.filter_map(|event| event["message"].as_str()).filter(|message| message.contains(&object));
        match (own.next(), told) {
            (Some(expected), Some(told)) if compare::same_text(expected, &told) => None,
            (Some(expected), told) => Some(format!("warning\n  flux: {expected}\n  ours: {told:?}")),
            (None, Some(told)) if !self.failed() => Some(format!("warning that Flux does not have: {told}")),
            (None, _) => None,
        }
    }

    /// Warnings are put together by the API server's clients, so that some are recorded elsewhere.
    fn failed(&self) -> bool {
        let lines = self.recording["log"].as_array().into_iter().flatten();
        lines.filter_map(|line| line["msg"].as_str()).any(|line| line.starts_with("failed to"))
    }
}

fn secrets(recording: &Value, ca: &str) -> Result<BTreeMap<&'static str, Option<Secret>>> {
    let mut found = BTreeMap::new();
    let own = &recording["secret_keys"];
    let named = recording["provider"]["secretRef"].is_object();
    let fresh = recording["requests"].to_string().contains("access_tokens");
    found.insert("secretRef", if named { Some(secret("own", own, ca, fresh)?) } else { None });
    for key in ["proxySecretRef", "certSecretRef"] {
        let data = &recording["other_secrets"][key];
        found.insert(key, if data.is_object() { Some(secret(key, data, ca, false)?) } else { None });
    }
    Ok(found)
}

/// What the recording masks is put in.
fn secret(name: &str, data: &Value, ca: &str, fresh: bool) -> Result<Secret> {
    let mut bytes = BTreeMap::new();
    for (key, value) in data.as_object().context("secret")? {
        let value = match value.as_str().context("secret value")? {
            "<CA certificate of the sink>" => ca.to_owned(),
            "<RSA private key>" => rsa_key(fresh)?,
            "<service account JSON with an RSA private key>" => {
                json!({ "client_email": "pusher@proj.iam.gserviceaccount.com", "private_key": rsa_key(false)? }).to_string()
            }
            plain => plain.to_owned(),
        };
        bytes.insert(key.clone(), value.into_bytes());
    }
    Ok(Secret::new(format!("{NAMESPACE}/{name}"), bytes))
}

/// A new key has no kept token; where the recording shows no exchange, the last one's is used.
fn rsa_key(fresh: bool) -> Result<String> {
    static LAST: OnceLock<Mutex<Option<String>>> = OnceLock::new();
    let mut last = LAST.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if fresh || last.is_none() {
        let key = rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048)?;
        *last = Some(key.serialize_pem());
    }
    last.clone().context("key")
}
