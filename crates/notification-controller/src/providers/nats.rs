//! NATS: the event published to a subject, in the text protocol over TCP. No TLS, NKeys or credentials files yet.

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use url::Url;

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
    publish(target, &go_json::marshal(event)).await.map_err(Into::into)
}

async fn publish(target: &Target<'_>, payload: &str) -> Result<(), SendError> {
    let connecting = |cause: &str| SendError(format!("error connecting to server: {cause}"));
    let host = host(&target.address).ok_or_else(|| connecting("address is not nats://host:port"))?;
    let stream = TcpStream::connect(&host).await.map_err(|error| connecting(&error.to_string()))?;
    let mut server = BufReader::new(stream);
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

fn host(address: &str) -> Option<String> {
    let full = if address.contains("://") { address.to_owned() } else { format!("nats://{address}") };
    let url = Url::parse(&full).ok().filter(|url| url.scheme() == "nats")?;
    Some(format!("{}:{}", url.host_str()?, url.port().unwrap_or(4222)))
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
