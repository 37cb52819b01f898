use std::{
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// The real sshd on a free port, for the user who runs the test.
pub struct Sshd {
    dir: tempfile::TempDir,
    child: Child,
    port: u16,
}

impl Sshd {
    /// A server with an ed25519 and an RSA host key; `lines` are added to its configuration.
    pub fn start(lines: &str) -> Self {
        let program = Path::new("/usr/sbin/sshd");
        assert!(program.exists(), "these tests need openssh-server: {} is missing", program.display());
        let dir = tempfile::tempdir().unwrap();
        keygen(&dir.path().join("host_ed25519"), "ed25519", "");
        keygen(&dir.path().join("host_rsa"), "rsa", "");
        std::fs::write(dir.path().join("authorized_keys"), "").unwrap();
        let port = free_port();
        let at = dir.path().display();
        let config = format!(
            "ListenAddress 127.0.0.1:{port}\nHostKey {at}/host_ed25519\nHostKey {at}/host_rsa\n\
             AuthorizedKeysFile {at}/authorized_keys\nPidFile none\nStrictModes no\nUsePAM no\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n{lines}\n"
        );
        std::fs::write(dir.path().join("config"), config).unwrap();
        // sshd drops its rights into this folder.
        let _ = std::fs::create_dir_all("/run/sshd");
        let log = std::fs::File::create(dir.path().join("log")).unwrap();
        let child = Command::new(program)
            .args(["-D", "-e", "-f"])
            .arg(dir.path().join("config"))
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let server = Self { dir, child, port };
        server.wait();
        server
    }

    fn wait(&self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < deadline, "sshd does not listen: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// A private key that the server accepts, with this passphrase.
    pub fn key(&self, kind: &str, passphrase: &str) -> String {
        let path = self.dir.path().join(format!("key_{kind}_{}", passphrase.len()));
        keygen(&path, kind, passphrase);
        let mut accepted = std::fs::read_to_string(self.dir.path().join("authorized_keys")).unwrap();
        accepted.push_str(&std::fs::read_to_string(path.with_extension("pub")).unwrap());
        std::fs::write(self.dir.path().join("authorized_keys"), accepted).unwrap();
        std::fs::read_to_string(path).unwrap()
    }

    /// A line of known hosts for a host key of the server.
    pub fn known_hosts(&self, kind: &str) -> String {
        let key = std::fs::read_to_string(self.dir.path().join(format!("host_{kind}.pub"))).unwrap();
        format!("[127.0.0.1]:{} {key}", self.port)
    }

    /// The same with the host's name hashed by ssh-keygen.
    pub fn hashed_known_hosts(&self) -> String {
        let path = self.dir.path().join("known");
        std::fs::write(&path, self.known_hosts("ed25519")).unwrap();
        let status = Command::new("ssh-keygen")
            .arg("-qHf")
            .arg(&path)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        assert!(status.unwrap().success());
        let hashed = std::fs::read_to_string(&path).unwrap();
        assert!(hashed.starts_with("|1|"));
        hashed
    }

    pub fn url(&self, path: &Path) -> String {
        let user = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
        format!("ssh://{}@127.0.0.1:{}{}", user.trim(), self.port, path.display())
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn keygen(path: &Path, kind: &str, passphrase: &str) {
    let status =
        Command::new("ssh-keygen").args(["-q", "-t", kind, "-N", passphrase, "-f"]).arg(path).status();
    assert!(status.expect("ssh-keygen is installed").success());
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
