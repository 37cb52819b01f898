//! A namespace for one test.
use std::{
    ops::Deref,
    path::PathBuf,
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::Result;
use serde_json::json;

use crate::{ControlPlane, tools};

/// A namespace that is deleted when dropped, without waiting; `SLUICE_TEST_KEEP` keeps it. Reads as its name.
pub struct TestNamespace {
    name: String,
    kubeconfig: PathBuf,
}

impl TestNamespace {
    pub(crate) async fn create(plane: &ControlPlane, prefix: &str) -> Result<TestNamespace> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.subsec_nanos();
        let name = format!("{prefix}-{:x}-{count:x}{:x}", std::process::id(), now & 0xffff);
        let object = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        plane.cluster().await?.create(&object).await?;
        Ok(TestNamespace { name, kubeconfig: plane.kubeconfig() })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Deref for TestNamespace {
    type Target = str;

    fn deref(&self) -> &str {
        &self.name
    }
}

impl Drop for TestNamespace {
    fn drop(&mut self) {
        if std::env::var_os("SLUICE_TEST_KEEP").is_some() {
            return;
        }
        // Nobody waits for it: a test that failed has other things to tell than that its namespace is slow to go.
        let Ok(kubectl) = tools::program("kubectl") else { return };
        let _ = Command::new(kubectl)
            .args(["delete", "namespace", "--wait=false", &self.name])
            .env("KUBECONFIG", &self.kubeconfig)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
    }
}
