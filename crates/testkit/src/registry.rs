//! The CNCF distribution registry, started as a program.
mod push;

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

pub use self::push::OciArtifact;
use crate::{Process, Tls, ports::free_ports, tools::program};

/// A registry is given this long until it answers.
const PATIENCE: Duration = Duration::from_secs(30);

/// How a registry is started.
#[derive(Default)]
pub struct RegistryOptions<'a> {
    /// Asks for this user and password.
    pub basic: Option<(&'a str, &'a str)>,
    /// Serves TLS with a certificate of this authority.
    pub tls: Option<&'a Tls>,
    /// With `tls`: serves only clients that show a certificate of the same authority.
    pub demand_certificate: bool,
    /// Listens on this port of 127.0.0.1 instead of any free one.
    pub port: Option<u16>,
}

/// A real registry on this machine; deletion is allowed, everything is kept in one temporary folder.
pub struct Registry {
    process: Process,
    address: String,
    scheme: &'static str,
    client: reqwest::Client,
    basic: Option<(String, String)>,
    _dir: tempfile::TempDir,
}

impl Registry {
    /// Plain HTTP, anonymous.
    pub async fn start() -> Result<Registry> {
        Registry::start_with(RegistryOptions::default()).await
    }

    /// Starts one and waits until it answers.
    pub async fn start_with(options: RegistryOptions<'_>) -> Result<Registry> {
        let dir = tempfile::Builder::new().prefix("sluice-registry-").tempdir()?;
        crate::Scope::add_dir(dir.path())?;
        let [port] = options.port.map_or_else(free_ports, |port| Ok([port]))?;
        let address = format!("127.0.0.1:{port}");
        let file = dir.path().join("config.json");
        std::fs::write(&file, config(&options, &address, dir.path())?.to_string())?;
        let mut command = Command::new(program("registry")?);
        // Without it every start and upload would look for a collector of traces.
        command.arg("serve").arg(&file).env("OTEL_TRACES_EXPORTER", "none");
        let process = Process::start("registry", command, &dir.path().join("log"))?;
        let registry = Registry {
            process,
            address,
            scheme: if options.tls.is_some() { "https" } else { "http" },
            client: client(&options)?,
            basic: options.basic.map(|(user, password)| (user.into(), password.into())),
            _dir: dir,
        };
        registry.wait_ready().await?;
        Ok(registry)
    }

    /// `127.0.0.1:PORT`, as it begins names of images.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// `oci://127.0.0.1:PORT/REPOSITORY`.
    pub fn url(&self, repository: &str) -> String {
        format!("oci://{}/{repository}", self.address)
    }

    /// The program: log, usage, signals.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// `METHOD /path` of each request so far.
    pub fn requests(&self) -> Vec<String> {
        let log = self.process.log();
        log.lines().filter_map(requested).collect()
    }

    async fn wait_ready(&self) -> Result<()> {
        let since = Instant::now();
        loop {
            if self.get("/v2/").send().await.is_ok() {
                return Ok(());
            }
            if self.process.exit_status().is_some() || since.elapsed() > PATIENCE {
                bail!("the registry does not answer:\n{}", self.process.log_tail(20));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.request(reqwest::Method::GET, &format!("{}://{}{path}", self.scheme, self.address))
    }

    fn request(&self, method: reqwest::Method, url: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, url);
        match &self.basic {
            Some((user, password)) => request.basic_auth(user, Some(password)),
            None => request,
        }
    }
}

/// The path of a line of the access log in Apache's combined form; other lines have no quoted request.
fn requested(line: &str) -> Option<String> {
    let request = line.split_once("] \"")?.1.split_once(" HTTP/")?.0;
    Some(request.to_owned())
}

/// The registry reads YAML, of which this is a part.
fn config(options: &RegistryOptions, address: &str, dir: &Path) -> Result<Value> {
    let mut config = json!({
        "version": "0.1",
        "log": { "level": "error" },
        "storage": {
            "filesystem": { "rootdirectory": dir.join("data") },
            "delete": { "enabled": true },
            "cache": { "blobdescriptor": "inmemory" },
        },
        "http": { "addr": address, "secret": "test" },
    });
    if let Some((user, password)) = options.basic {
        let file = dir.join("htpasswd");
        std::fs::write(&file, format!("{user}:{}\n", bcrypt::hash(password, 4)?))?;
        config["auth"] = json!({ "htpasswd": { "realm": "test", "path": file } });
    }
    if let Some(tls) = options.tls {
        let files = tls.files()?;
        config["http"]["tls"] = json!({ "certificate": files.certificate, "key": files.key });
        if options.demand_certificate {
            config["http"]["tls"]["clientcas"] = json!([files.authority]);
        }
    }
    Ok(config)
}

fn client(options: &RegistryOptions) -> Result<reqwest::Client> {
    crate::install_crypto();
    let mut builder = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30));
    if let Some(tls) = options.tls {
        let identity = format!("{}\n{}", tls.client_certificate, tls.client_key);
        builder = builder
            .add_root_certificate(reqwest::Certificate::from_pem(tls.authority.as_bytes())?)
            .identity(reqwest::Identity::from_pem(identity.as_bytes())?);
    }
    builder.build().context("the registry's client")
}
