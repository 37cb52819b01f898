//! One image, from its binary to its layout.
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::{
    elf, layer,
    layout::{self, About},
    packages, rootfs, sbom,
};

/// What the images are built of.
pub struct Options {
    /// The checkout and what is said of it.
    pub source: Source,
    /// The folder with the binaries.
    pub bin: PathBuf,
    /// The folder for the layouts.
    pub out: PathBuf,
}

/// The checkout that the binaries come from.
pub struct Source {
    /// Its folder, for `cargo metadata`.
    pub checkout: PathBuf,
    /// The commit; may be empty.
    pub revision: String,
    /// Seconds since 1970 of the commit.
    pub created: u64,
}

impl Source {
    /// The time as RFC 3339.
    pub(crate) fn created_text(&self) -> String {
        let (days, seconds) = (self.created / 86_400, self.created % 86_400);
        let (year, month, day) = date(days);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

/// Builds the image of one binary into `out/NAME`, its bill of materials into `out/NAME.spdx.json`, and says what it is.
///
/// # Errors
/// When the binary, one of its libraries or the certificates of this machine cannot be read, or `cargo metadata` fails.
pub fn build(name: &str, options: &Options) -> Result<String> {
    let binary = options.bin.join(name);
    let needs = elf::needs(&binary)?;
    let packages = packages::packages(&options.source.checkout, name)?;
    let base = rootfs::base(&binary)?;
    let mut files = base.clone();
    files.extend(
        rootfs::program(name, &binary, Vec::new())?
            .into_iter()
            .filter(|(path, _)| !path.ends_with(".spdx.json")),
    );
    let sbom = sbom::sbom(&packages, &files, &options.source);
    std::fs::create_dir_all(&options.out).with_context(|| format!("making {}", options.out.display()))?;
    std::fs::write(options.out.join(format!("{name}.spdx.json")), &sbom)?;
    let layers = [layer::layer(&base)?, layer::layer(&rootfs::program(name, &binary, sbom)?)?];
    let created = options.source.created_text();
    let about = About {
        name,
        version: &packages.root.version,
        revision: &options.source.revision,
        created: &created,
        architecture: needs.architecture,
    };
    let digest = layout::write(&options.out.join(name), &layers, &about)?;
    let kind = if needs.loader.is_some() { "gnu, with its libraries" } else { "static" };
    let size: usize = layers.iter().map(|layer| layer.blob.len()).sum();
    Ok(format!("{name} {digest} {} KiB, {kind}, {} packages", size / 1024, packages.all.len()))
}

/// Year, month and day of a day since 1970 (Howard Hinnant's algorithm for the civil calendar).
fn date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::Source;

    #[test]
    fn times_are_written_as_rfc_3339() {
        let text = |created| Source { checkout: "".into(), revision: String::new(), created }.created_text();
        assert_eq!(text(0), "1970-01-01T00:00:00Z");
        assert_eq!(text(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(text(1_709_164_800), "2024-02-29T00:00:00Z");
        assert_eq!(text(1_795_219_200), "2026-11-21T00:00:00Z");
    }
}
