//! The real sshd of OpenSSH, for Git over SSH.
use std::{
    net::TcpStream,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{Process, Scope, ports::free_ports};

const SSHD: &str = "/usr/sbin/sshd";
/// How long it may take until it listens.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server on a free port, for the user who runs the test; nobody may log in before [`SshServer::allow`].
pub struct SshServer {
    process: Process,
    dir: tempfile::TempDir,
    port: u16,
}

impl SshServer {
    /// Starts it with a new host key.
    ///
    /// # Errors
    /// When openssh-server is not installed or does not listen within 20 s.
    pub fn start() -> Result<SshServer> {
        if !Path::new(SSHD).is_file() {
            bail!("{SSHD} is missing: openssh-server is needed");
        }
        let dir = tempfile::Builder::new().prefix("sluice-ssh-").tempdir()?;
        Scope::add_dir(dir.path())?;
        let at = dir.path().display();
        run(Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f", &format!("{at}/host")]))?;
        std::fs::write(dir.path().join("authorized_keys"), "")?;
        let [port] = free_ports()?;
        let config = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {at}/host\nAuthorizedKeysFile {at}/authorized_keys\n\
             PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             PermitRootLogin yes\nAcceptEnv GIT_PROTOCOL\nMaxStartups 100\n"
        );
        std::fs::write(dir.path().join("config"), config)?;
        // sshd drops its rights into this folder.
        drop(std::fs::create_dir_all("/run/sshd"));
        let mut command = Command::new(SSHD);
        command.args(["-D", "-e", "-f"]).arg(dir.path().join("config"));
        let process = Process::start("sshd", command, &dir.path().join("log"))?;
        let server = SshServer { process, dir, port };
        server.wait()?;
        Ok(server)
    }

    fn wait(&self) -> Result<()> {
        let since = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            if since.elapsed() > PATIENCE {
                bail!("sshd does not listen: {}", self.process.log_tail(20));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Lets the holder of a key in; `line` is the public key as `authorized_keys` has it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn allow(&self, line: &str) -> Result<()> {
        let file = self.dir.path().join("authorized_keys");
        let before = std::fs::read_to_string(&file)?;
        std::fs::write(&file, format!("{before}{}\n", line.trim())).context("writing authorized_keys")
    }

    /// The server's key as a line of `known_hosts`.
    ///
    /// # Errors
    /// When the key cannot be read.
    pub fn known_hosts(&self) -> Result<String> {
        let key = std::fs::read_to_string(self.dir.path().join("host.pub"))?;
        Ok(format!("[127.0.0.1]:{} {key}", self.port))
    }

    /// The address of a bare repository on this machine.
    ///
    /// # Errors
    /// When the user's name cannot be told.
    pub fn url(&self, bare: &Path) -> Result<String> {
        let user = Command::new("id").arg("-un").output()?;
        let user = String::from_utf8(user.stdout)?;
        Ok(format!("ssh://{}@127.0.0.1:{}{}", user.trim(), self.port, bare.display()))
    }
}

fn run(command: &mut Command) -> Result<()> {
    let done = command.output().with_context(|| format!("{command:?}"))?;
    if !done.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
    Ok(())
}
