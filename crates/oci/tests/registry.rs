//! Against the real CNCF registry.
use std::time::Duration;

use net::{AddressRule, Secret, Tls};
use oci::{
    Access, Content, Descriptor, Keychain, Login, Oci, OciError, OciLimits, Range, Reference, Repository,
    Session, Upload,
};
use testkit::{OciArtifact, Registry, RegistryOptions};

fn oci() -> Oci {
    testkit::install_crypto();
    Oci::new(AddressRule::Any, OciLimits { page: 2, ..OciLimits::default() }, "sluice-test")
}

fn session(registry: &Registry, path: &str, access: &Access) -> Session {
    let repository = Repository::parse(&format!("{}/{path}", registry.address())).unwrap();
    oci().session(&repository, access).unwrap()
}

fn insecure() -> Access {
    Access { insecure: true, timeout: Duration::from_secs(10), ..Access::default() }
}

fn upload(text: &str) -> Upload {
    let content = |media_type: &str, text: &str| Content {
        media_type: media_type.into(),
        bytes: text.as_bytes().to_vec().into(),
    };
    Upload {
        config: content("application/vnd.test.config.v1+json", "{}"),
        layers: vec![content("text/plain", text)],
        annotations: [("org.opencontainers.image.revision".to_owned(), "main@sha1:1".to_owned())].into(),
    }
}

#[tokio::test]
async fn a_tag_is_resolved_and_its_layer_pulled() {
    let registry = Registry::start().await.unwrap();
    let artifact = OciArtifact::flux(&[("a.yaml", "a: 1\n")]).unwrap().annotated("custom", "x");
    let pushed = registry.push("apps/web", "v1", &artifact).await.unwrap();
    let session = session(&registry, "apps/web", &insecure());
    let digest = session.resolve(&Reference::tag("v1").unwrap()).await.unwrap();
    assert_eq!(digest, pushed);
    let manifest = session.manifest(&digest).await.unwrap();
    assert_eq!(manifest.annotations["custom"], "x");
    let layer = &manifest.layers[0];
    assert_eq!(session.blob_bytes(layer, 1 << 20).await.unwrap(), artifact.layers[0].1);
    assert!(session.blob_bytes(layer, 10).await.unwrap_err().is_too_large());
}

#[tokio::test]
async fn what_is_missing_is_told_in_the_words_of_the_go_library() {
    let registry = Registry::start().await.unwrap();
    registry.push_images("app", &["v1"]).await.unwrap();
    let there = session(&registry, "app", &insecure());
    let error = there.resolve(&Reference::tag("v2").unwrap()).await.unwrap_err();
    assert!(error.is_not_found());
    let expected = format!(
        "GET http://{}/v2/app/manifests/v2: MANIFEST_UNKNOWN: manifest unknown; unknown tag=v2",
        registry.address()
    );
    assert_eq!(error.to_string(), expected);
    let error = session(&registry, "none", &insecure()).tags().await.unwrap_err();
    assert!(error.to_string().contains("/v2/none/tags/list?n=2: NAME_UNKNOWN: "), "{error}");
}

#[tokio::test]
async fn tags_of_all_pages_are_read_and_the_newest_of_a_range_is_picked() {
    let registry = Registry::start().await.unwrap();
    registry.push_images("app", &["1.0.0", "1.2.0", "1.10.0", "2.0.0", "latest"]).await.unwrap();
    let session = session(&registry, "app", &insecure());
    assert_eq!(session.tags().await.unwrap().len(), 5);
    let picked = session.pick(&Range { semver: "1.x", ..Range::default() }).await.unwrap();
    assert_eq!(picked, Reference::Tag("1.10.0".into()));
    let limits = OciLimits { page: 2, tags: 3, ..OciLimits::default() };
    let few = Oci::new(AddressRule::Any, limits, "").session(session.repository(), &insecure()).unwrap();
    assert!(matches!(few.tags().await, Err(OciError::TooManyTags { limit: 3, .. })));
}

#[tokio::test]
async fn what_we_push_is_there_under_its_tags() {
    let registry = Registry::start().await.unwrap();
    let session = session(&registry, "team/app", &insecure());
    let digest = session.push(&Reference::tag("v1").unwrap(), &upload("hello")).await.unwrap();
    session.tag(&digest, &Reference::tag("latest").unwrap()).await.unwrap();
    let (seen, manifest) = registry.manifest("team/app", "latest").await.unwrap();
    assert_eq!(seen, digest);
    assert_eq!(manifest["layers"][0]["mediaType"], "text/plain");
    assert_eq!(manifest["annotations"]["org.opencontainers.image.revision"], "main@sha1:1");
    let again = session.push(&Reference::tag("v2").unwrap(), &upload("hello")).await.unwrap();
    assert_eq!(again, digest);
}

#[tokio::test]
async fn a_password_is_needed_where_it_is_asked_for_and_never_shown() {
    let options = RegistryOptions { basic: Some(("user", "hunter2-canary")), ..Default::default() };
    let registry = Registry::start_with(options).await.unwrap();
    let digest = registry.push_images("app", &["v1"]).await.unwrap().remove(0);
    let tag = Reference::tag("v1").unwrap();
    let error = session(&registry, "app", &insecure()).resolve(&tag).await.unwrap_err();
    assert!(error.is_refused() && error.to_string().contains("UNAUTHORIZED"), "{error}");
    let wrong = Login::Basic { username: "user".into(), password: "wrong-canary".into() };
    let error =
        session(&registry, "app", &Access { login: wrong, ..insecure() }).resolve(&tag).await.unwrap_err();
    assert!(error.is_refused() && !error.to_string().contains("canary"), "{error}");
    let mut keychain = Keychain::default();
    let config = format!(
        r#"{{"auths":{{"{}":{{"username":"user","password":"hunter2-canary"}}}}}}"#,
        registry.address()
    );
    keychain.add_config_json(config.as_bytes()).unwrap();
    let repository = Repository::parse(&format!("{}/app", registry.address())).unwrap();
    let access = Access { login: keychain.login(&repository), ..insecure() };
    assert_eq!(oci().session(&repository, &access).unwrap().resolve(&tag).await.unwrap(), digest);
}

#[tokio::test]
async fn certificates_of_both_ends_are_checked() {
    let made = testkit::Tls::create().unwrap();
    let options = RegistryOptions { tls: Some(&made), demand_certificate: true, ..Default::default() };
    let registry = Registry::start_with(options).await.unwrap();
    let digest = registry.push_images("app", &["v1"]).await.unwrap().remove(0);
    let tag = Reference::tag("v1").unwrap();
    let secret = |keys: &[(&str, &str)]| {
        let data = keys.iter().map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec())).collect();
        Tls::from_secret(&Secret::new("ns/tls", data)).unwrap()
    };
    let resolve = async |tls: Tls| {
        let access = Access { tls, timeout: Duration::from_secs(5), ..Access::default() };
        session(&registry, "app", &access).resolve(&tag).await
    };
    let whole = secret(&[
        ("ca.crt", &made.authority),
        ("tls.crt", &made.client_certificate),
        ("tls.key", &made.client_key),
    ]);
    assert_eq!(resolve(whole).await.unwrap(), digest);
    assert!(resolve(secret(&[("ca.crt", &made.authority)])).await.is_err());
    let error = resolve(Tls::default()).await.unwrap_err().to_string();
    assert!(error.contains("certificate signed by unknown authority"), "{error}");
}

#[tokio::test]
async fn an_insecure_registry_with_a_certificate_of_its_own_is_taken() {
    let made = testkit::Tls::create().unwrap();
    let registry =
        Registry::start_with(RegistryOptions { tls: Some(&made), ..Default::default() }).await.unwrap();
    let digest = registry.push_images("app", &["v1"]).await.unwrap().remove(0);
    let found = session(&registry, "app", &insecure()).resolve(&Reference::tag("v1").unwrap()).await;
    assert_eq!(found.unwrap(), digest);
}

#[tokio::test]
async fn an_index_gives_the_image_for_linux() {
    let registry = Registry::start().await.unwrap();
    let image = registry.push_images("app", &["amd64"]).await.unwrap().remove(0);
    let index = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[
            {{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{image}","size":1,
              "platform":{{"os":"linux","architecture":"amd64"}}}}]}}"#
    );
    let media_type = "application/vnd.oci.image.index.v1+json";
    let pushed = registry.push_manifest("app", "multi", media_type, index.into_bytes()).await;
    let digest = pushed.unwrap();
    let session = session(&registry, "app", &insecure());
    assert_eq!(session.resolve(&Reference::tag("multi").unwrap()).await.unwrap(), digest);
    assert_eq!(session.manifest(&digest).await.unwrap(), session.manifest(&image).await.unwrap());
}

#[tokio::test]
async fn a_blob_that_is_not_there_is_an_error_and_not_empty() {
    let registry = Registry::start().await.unwrap();
    registry.push_images("app", &["v1"]).await.unwrap();
    let layer = Descriptor { digest: format!("sha256:{}", "0".repeat(64)), ..Descriptor::default() };
    let error = session(&registry, "app", &insecure()).blob_bytes(&layer, 10).await.unwrap_err();
    assert!(error.is_not_found(), "{error}");
}
