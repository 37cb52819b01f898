use std::time::Duration;

use reqwest::{Client, StatusCode};

use super::body::Posted;

/// Posts events to notification-controller.
#[derive(Clone)]
pub(super) struct Poster {
    client: Client,
    url: String,
}

/// How long one try may take, as in Flux.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Pauses between tries; as many retries as pauses.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8)];

impl Poster {
    /// None where no address is given or no client can be made.
    pub(super) fn new(address: &str) -> Option<Self> {
        if address.is_empty() {
            return None;
        }
        let url = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
        match Client::builder().timeout(TIMEOUT).build() {
            Ok(client) => Some(Self { client, url }),
            Err(error) => {
                tracing::error!(error = %error, "events are not posted");
                None
            }
        }
    }

    pub(super) async fn post(&self, event: &Posted) {
        for pause in PAUSES.into_iter().map(Some).chain([None]) {
            let answer = self.client.post(&self.url).json(event).send().await;
            let failure = match answer {
                Ok(answer) if is_final(answer.status()) => return told(answer.status()),
                Ok(answer) => answer.status().to_string(),
                Err(error) => error.without_url().to_string(),
            };
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None => tracing::error!(error = failure, "event is not delivered"),
            }
        }
    }
}

/// A duplicate (429) is as good as delivered.
fn told(status: StatusCode) {
    if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS {
        tracing::error!(error = %status, "event is refused");
    }
}

/// Taken, or a duplicate (429), or nothing that a retry helps.
fn is_final(status: StatusCode) -> bool {
    !status.is_server_error()
}
