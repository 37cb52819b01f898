//! The software bill of materials: SPDX 2.3 as JSON, with one package a crate and one file a file of the image.
use serde_json::{Value, json};

use crate::{
    build::Source,
    layer::hex,
    packages::{Package, Packages},
    rootfs::Files,
};

/// The document of one image.
pub(crate) fn sbom(packages: &Packages, files: &Files, source: &Source) -> Vec<u8> {
    let Packages { root, all, edges } = packages;
    let of_us = json!({ "spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": id(root) });
    let mut relations = vec![of_us];
    relations.extend(edges.iter().map(|(from, to)| relation(id(from), "DEPENDS_ON", id(to))));
    relations.extend(
        files
            .iter()
            .filter(|(_, entry)| entry.content.is_some())
            .map(|(path, _)| relation(id(root), "CONTAINS", file_id(path))),
    );
    let document = json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": format!("{}-{}", root.name, root.version),
        "documentNamespace": format!("urn:sluice:sbom:{}:{}:{}", root.name, root.version, fingerprint(all, files)),
        "creationInfo": { "created": source.created_text(), "creators": [format!("Tool: sluice-images-{}", env!("CARGO_PKG_VERSION"))] },
        "packages": all.iter().map(package).collect::<Vec<Value>>(),
        "files": files.iter().filter_map(|(path, entry)| Some(file(path, entry.content.as_deref()?))).collect::<Vec<Value>>(),
        "relationships": relations,
    });
    format!("{document:#}\n").into_bytes()
}

fn relation(from: String, kind: &str, to: String) -> Value {
    json!({ "spdxElementId": from, "relationshipType": kind, "relatedSpdxElement": to })
}

fn package(package: &Package) -> Value {
    let Package { name, version, license, registry } = package;
    let license = if license.is_empty() { "NOASSERTION" } else { license };
    let mut value = json!({
        "SPDXID": id(package),
        "name": name,
        "versionInfo": version,
        "downloadLocation": if registry.is_empty() { "NOASSERTION".to_owned() } else { format!("https://crates.io/crates/{name}/{version}") },
        "filesAnalyzed": false,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": license,
        "copyrightText": "NOASSERTION",
    });
    if !registry.is_empty() {
        let locator = format!("pkg:cargo/{name}@{version}");
        value["externalRefs"] = json!([{ "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": locator }]);
    }
    value
}

fn file(path: &str, content: &[u8]) -> Value {
    json!({
        "SPDXID": file_id(path),
        "fileName": format!("/{path}"),
        "checksums": [{ "algorithm": "SHA256", "checksumValue": hex(content) }],
        "licenseConcluded": "NOASSERTION",
        "copyrightText": "NOASSERTION",
    })
}

fn id(package: &Package) -> String {
    format!("SPDXRef-Package-{}", plain(&format!("{}-{}", package.name, package.version)))
}

fn file_id(path: &str) -> String {
    format!("SPDXRef-File-{}", plain(path))
}

/// Letters, digits, dots and dashes: all that SPDX takes in an identifier.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '-' }).collect()
}

fn fingerprint<'a>(packages: impl IntoIterator<Item = &'a Package>, files: &Files) -> String {
    let mut text: String = packages.into_iter().map(|p| format!("{}@{}\n", p.name, p.version)).collect();
    for (path, entry) in files {
        text.push_str(&format!("{path} {}\n", hex(entry.content.as_deref().unwrap_or_default())));
    }
    hex(text.as_bytes())
}
