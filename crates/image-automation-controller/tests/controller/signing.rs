use std::process::Command;

use crate::rig::{Rig, message};
use serde_json::json;

/// A GnuPG home with one key without a passphrase; its agent ends with it.
struct Gpg(tempfile::TempDir);

impl Gpg {
    fn new() -> Self {
        let home = tempfile::Builder::new().prefix("gpg").tempdir_in("/tmp").unwrap();
        std::fs::set_permissions(home.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let gpg = Self(home);
        let key = ["--quick-gen-key", "Bot <bot@example.com>", "ed25519", "sign", "never"];
        gpg.run(&[&["--passphrase", ""], &key[..]].concat());
        gpg
    }

    fn run(&self, args: &[&str]) -> String {
        let fixed = ["--batch", "--yes", "--quiet", "--pinentry-mode", "loopback"];
        let done =
            Command::new("gpg").env("GNUPGHOME", self.0.path()).args(fixed).args(args).output().unwrap();
        assert!(done.status.success(), "gpg {args:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf").env("GNUPGHOME", self.0.path()).args(["--kill", "all"]).status();
    }
}

#[tokio::test]
async fn commits_are_signed_with_the_key_of_the_secret() {
    let (rig, gpg) = (Rig::start("sign").await.unwrap(), Gpg::new());
    let line = rig.marked(&format!("{}:1.0.0", rig.image()), "");
    rig.repo.commit(&[("a.yaml", format!("image: {line}\n"))], "first").unwrap();
    rig.registry.push_images("app", &["1.1.0"]).await.unwrap();
    rig.repository(json!({})).await.unwrap();
    rig.policy(json!({})).await.unwrap();
    let author = json!({ "name": "bot", "email": "bot@example.com" });
    let commit = json!({ "author": author, "signingKey": { "secretRef": { "name": "key" } } });
    rig.automation(json!({ "commit": commit }), json!({})).await.unwrap();
    let object = rig.ready("ImageUpdateAutomation", "False").await.unwrap();
    let expected = "failed configuring source manager: could not find signing key secret 'key': secrets \"key\" not found";
    assert_eq!(message(&object), expected);
    let key = gpg.run(&["--passphrase", "", "--armor", "--export-secret-keys"]);
    rig.secret("key", "Opaque", json!({ "git.asc": key })).await.unwrap();
    rig.when("ImageUpdateAutomation", |object| object["status"]["lastPushCommit"].is_string()).await.unwrap();
    let verified = Command::new("git")
        .args(["verify-commit", "--raw", "main"])
        .current_dir(rig.repo.bare())
        .env("GNUPGHOME", gpg.0.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&verified.stderr).into_owned();
    assert!(verified.status.success() && told.contains("GOODSIG"), "{told}");
}
