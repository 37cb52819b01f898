use std::io;

use base64::{Engine, prelude::BASE64_STANDARD};
use net::{AddressRule, Auth, Proxy};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Opens a TCP connection to a host, directly or through a proxy. Errors are the cause only.
pub(crate) async fn dial(
    host: &str,
    port: u16,
    proxy: Option<&Proxy>,
    rule: AddressRule,
) -> Result<TcpStream, String> {
    let Some(proxy) = proxy else { return direct(host, port, rule).await };
    let address = proxy.address();
    let proxy_host = address.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let proxy_port = address.port_or_known_default().unwrap_or(1080);
    let stream = direct(proxy_host, proxy_port, rule).await?;
    let through = match address.scheme() {
        "http" => connect_method(stream, host, port, proxy.auth()).await,
        "socks5" | "socks5h" => socks5(stream, host, port, proxy.auth()).await,
        _ => return Err("a proxy by https is not supported for ssh".to_owned()),
    };
    through.map_err(|error| format!("proxy: {error}"))
}

async fn direct(host: &str, port: u16, rule: AddressRule) -> Result<TcpStream, String> {
    let place = format!("{host}:{port}");
    let allowed =
        rule.resolve(host, port).await.map_err(|error| format!("dial tcp: lookup {host}: {error}"))?;
    if allowed.is_empty() {
        return Err(format!("dial tcp {place}: address is not allowed"));
    }
    let stream = TcpStream::connect(&allowed[..]).await.map_err(|error| match error.kind() {
        io::ErrorKind::ConnectionRefused => format!("dial tcp {place}: connect: connection refused"),
        _ => format!("dial tcp {place}: {error}"),
    })?;
    // Packets of the handshake are small and answered one by one.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

/// Longest answer of a proxy.
const LONGEST: usize = 8192;

async fn connect_method(mut stream: TcpStream, host: &str, port: u16, auth: &Auth) -> io::Result<TcpStream> {
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let login = match auth {
        Auth::Basic { username, password } => {
            let login = BASE64_STANDARD.encode(format!("{username}:{password}"));
            format!("Proxy-Authorization: Basic {login}\r\n")
        }
        Auth::None | Auth::Bearer(_) => String::new(),
    };
    let request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n{login}\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() == LONGEST {
            return Err(io::Error::other("answer is too long"));
        }
        // Byte by byte: what follows the answer belongs to SSH.
        answer.push(stream.read_u8().await?);
    }
    let status = answer.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    match status {
        [b'2', ..] => Ok(stream),
        other => Err(io::Error::other(format!("status {}", crate::error::shown(other)))),
    }
}

/// RFC 1928, with the login of RFC 1929.
async fn socks5(mut stream: TcpStream, host: &str, port: u16, auth: &Auth) -> io::Result<TcpStream> {
    let refused = |what: &'static str| io::Error::other(what);
    let login = match auth {
        Auth::Basic { username, password } => Some((username, password)),
        Auth::None | Auth::Bearer(_) => None,
    };
    let method = if login.is_some() { 2 } else { 0 };
    stream.write_all(&[5, 1, method]).await?;
    if stream.read_u16().await? != 0x0500 | u16::from(method) {
        return Err(refused("login method refused"));
    }
    if let Some((username, password)) = login {
        let message = [&[1][..], &counted(username)?, &counted(password)?].concat();
        stream.write_all(&message).await?;
        if stream.read_u16().await? & 0xff != 0 {
            return Err(refused("login refused"));
        }
    }
    let message = [&[5, 1, 0, 3][..], &counted(host)?, &port.to_be_bytes()].concat();
    stream.write_all(&message).await?;
    let mut head = [0; 4];
    stream.read_exact(&mut head).await?;
    if head[1] != 0 {
        return Err(refused("connection refused"));
    }
    let length = match head[3] {
        1 => 4,
        4 => 16,
        _ => usize::from(stream.read_u8().await?),
    };
    let mut bound = vec![0; length + 2];
    stream.read_exact(&mut bound).await?;
    Ok(stream)
}

fn counted(text: &str) -> io::Result<Vec<u8>> {
    let length = u8::try_from(text.len()).map_err(|_| io::Error::other("name or password is too long"))?;
    Ok([&[length], text.as_bytes()].concat())
}
