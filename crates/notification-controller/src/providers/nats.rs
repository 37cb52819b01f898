//! NATS: the event published to a subject, in the text protocol over TCP. No TLS, NKeys or credentials files yet.

use net::{Proxy, Tls};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use url::Url;

use super::clients::ADDRESSES;
use super::{PostError, SendError, SetupError, Target};
use crate::event::Event;
use crate::go_json;

/// Longest line a server may send.
const MAX_LINE: u64 = 64 * 1024;

/// Publishes the event and waits until the server has it.
pub(super) async fn post(target: &Target<'_>, event: &Event) -> Result<(), PostError> {
    let empty = |what: &str| SetupError(format!("NATS {what} cannot be empty"));
    if target.address.is_empty() {
        return Err(empty("server (address)").into());
    }
    if target.channel.is_empty() {
        return Err(empty("subject (channel)").into());
    }
    if target.channel.contains(char::is_whitespace) {
        return Err(SetupError("NATS subject (channel) contains white space".to_owned()).into());
    }
    for key in ["creds", "nkey"] {
        if target.secrets.data.bytes(key).is_some() {
            return Err(SetupError(format!("NATS login by '{key}' is not supported")).into());
        }
    }
    way(&target.secrets.proxy, &target.secrets.tls)?;
    publish(target, &go_json::marshal(event)).await.map_err(Into::into)
}

/// Refuses what is asked for and not built: the login would go in the clear, or past the proxy.
fn way(proxy: &Option<Proxy>, tls: &Tls) -> Result<(), SetupError> {
    let unsupported = |what: &str| SetupError(format!("NATS {what} is not supported"));
    match proxy {
        Some(_) => Err(unsupported("through a proxy")),
        None if *tls != Tls::default() => Err(unsupported("with certificates (TLS)")),
        None => Ok(()),
    }
}

async fn publish(target: &Target<'_>, payload: &str) -> Result<(), SendError> {
    let connecting = |cause: &str| SendError(format!("error connecting to server: {cause}"));
    let mut server = BufReader::new(dial(&target.address).await.map_err(|cause| connecting(&cause))?);
    let info = line(&mut server).await?;
    let info: Value = info
        .strip_prefix("INFO ")
        .and_then(|text| serde_json::from_str(text).ok())
        .ok_or_else(|| connecting("no NATS server"))?;
    if info["tls_required"] == true {
        return Err(connecting("TLS is not supported"));
    }
    write(&mut server, &format!("CONNECT {}\r\nPING\r\n", options(target))).await?;
    pong(&mut server).await.map_err(|error| connecting(&error.0))?;
    let publish = format!("PUB {} {}\r\n{payload}\r\nPING\r\n", target.channel, payload.len());
    write(&mut server, &publish).await?;
    let subject = &target.channel;
    let failed = |error: SendError| error.within(&format!("error publishing event to subject {subject}"));
    pong(&mut server).await.map_err(failed)
}

/// Connects to an address that may be called.
async fn dial(address: &str) -> Result<TcpStream, String> {
    let (host, port) = place(address).ok_or_else(|| "address is not nats://host:port".to_owned())?;
    let allowed = ADDRESSES.resolve(&host, port).await.map_err(|error| error.to_string())?;
    if allowed.is_empty() {
        return Err("address is not allowed".to_owned());
    }
    TcpStream::connect(&allowed[..]).await.map_err(|error| error.to_string())
}

/// Host and port.
fn place(address: &str) -> Option<(String, u16)> {
    let full = if address.contains("://") { address.to_owned() } else { format!("nats://{address}") };
    let url = Url::parse(&full).ok().filter(|url| url.scheme() == "nats")?;
    Some((url.host_str()?.trim_matches(['[', ']']).to_owned(), url.port().unwrap_or(4222)))
}

fn options(target: &Target<'_>) -> Value {
    let mut options = json!({ "verbose": false, "pedantic": false });
    if !target.username.is_empty() && !target.password.is_empty() {
        options["user"] = target.username.as_str().into();
        options["pass"] = target.password.as_str().into();
    }
    options["tls_required"] = false.into();
    options["name"] = "NATS Provider Publisher".into();
    options["lang"] = "rust".into();
    options["version"] = env!("CARGO_PKG_VERSION").into();
    options["protocol"] = 1.into();
    options["echo"] = true.into();
    options["headers"] = true.into();
    options["no_responders"] = true.into();
    options
}

async fn write(server: &mut BufReader<TcpStream>, text: &str) -> Result<(), SendError> {
    server.get_mut().write_all(text.as_bytes()).await.map_err(|error| SendError(error.to_string()))
}

async fn line(server: &mut BufReader<TcpStream>) -> Result<String, SendError> {
    let mut line = String::new();
    let read = server.take(MAX_LINE).read_line(&mut line).await;
    match read {
        Ok(0) => Err(SendError("the server closed the connection".to_owned())),
        Ok(_) => Ok(line.trim_end().to_owned()),
        Err(error) => Err(SendError(error.to_string())),
    }
}

/// Reads until the answer to our PING: all before it was taken.
async fn pong(server: &mut BufReader<TcpStream>) -> Result<(), SendError> {
    loop {
        let line = line(server).await?;
        match line.split_whitespace().next() {
            Some("PONG") => return Ok(()),
            Some("PING") => write(server, "PONG\r\n").await?,
            Some("-ERR") => return Err(SendError(line.trim_start_matches("-ERR ").to_owned())),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use net::{Proxy, Secret, Tls};

    use super::{dial, place, way};

    #[tokio::test]
    async fn the_metadata_service_is_not_called_however_it_is_written() {
        for address in [
            "nats://169.254.169.254:80",
            "169.254.169.254:80",
            "nats://[fe80::1]:4222",
            "nats://[::ffff:169.254.169.254]",
            // What the resolver makes an address of.
            "nats://0xa9fea9fe:80",
        ] {
            assert_eq!(dial(address).await.unwrap_err(), "address is not allowed", "{address}");
        }
    }

    #[tokio::test]
    async fn a_server_of_the_cluster_is_called() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        dial(&format!("nats://{}", listener.local_addr().unwrap())).await.unwrap();
        dial(&format!("nats://localhost:{}", listener.local_addr().unwrap().port())).await.unwrap();
        assert_eq!(place("nats.example"), Some(("nats.example".to_owned(), 4222)));
        assert_eq!(place("https://nats.example"), None);
    }

    #[test]
    fn what_would_send_the_login_another_way_than_asked_for_is_refused() {
        let secret = |key: &str, value: &str| {
            Secret::new("ns/x", BTreeMap::from([(key.to_owned(), value.as_bytes().to_vec())]))
        };
        let proxy = Proxy::from_secret(&secret("address", "http://proxy:3128")).unwrap();
        let error = way(&Some(proxy), &Tls::default()).unwrap_err();
        assert_eq!(error.to_string(), "NATS through a proxy is not supported");
        let authority = rcgen::generate_simple_self_signed(["nats".to_owned()]).unwrap().cert.pem();
        let tls = Tls::from_certificates(&secret("ca.crt", &authority)).unwrap();
        let error = way(&None, &tls).unwrap_err();
        assert_eq!(error.to_string(), "NATS with certificates (TLS) is not supported");
        way(&None, &Tls::default()).unwrap();
    }
}
