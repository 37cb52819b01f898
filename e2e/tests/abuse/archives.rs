//! Archives that no honest source makes.
use e2e::World;
use flate2::{Compress, Compression, FlushCompress};
use serde_json::json;

use crate::{
    ARTIFACT, BUILD,
    Outcome::{self, Harmless},
    Row, controller, entries, good, hold, nothing_escaped, page,
    tarball::{Entry, gzip, octal, tar},
};

fn raw(name: &'static str, archive: Vec<u8>, outcome: Outcome) -> Row {
    Row { name, archive, spec: json!({}), outcome }
}

/// A file in the folder that is built, with a ConfigMap.
fn config_map(path: &str, name: &str) -> Entry {
    Entry::file(path.as_bytes(), World::config_map(name, "1").as_bytes())
}

fn kustomization(resources: &str) -> Entry {
    Entry::file(b"app/kustomization.yaml", format!("resources: [{resources}]").as_bytes())
}

/// A header that says something of the entry behind it.
fn pax(records: &[u8]) -> Entry {
    Entry::link(b"x", b'x', b"").holding(records)
}

/// Row 1.
fn names() -> Vec<Row> {
    vec![
        entries("a1-parent", &[good(), Entry::file(b"../escaped", b"x")], ARTIFACT),
        entries("a1-absolute", &[good(), Entry::file(b"/tmp/escaped", b"x")], ARTIFACT),
        entries("a1-through", &[good(), Entry::file(b"app/../../escaped", b"x")], ARTIFACT),
        entries(
            "a1-no-text",
            &[config_map("app/cm.yaml", "a1-no-text"), Entry::file(b"app/\xff\xfe", b"x")],
            Harmless,
        ),
        entries("a1-pax", &[pax(b"19 path=../escaped\n"), good()], ARTIFACT),
    ]
}

/// Rows 2 and 3.
fn links_and_devices() -> Vec<Row> {
    let link = |name: &[u8], to: &[u8]| Entry::link(name, b'2', to);
    let reads = |name, links: Vec<Entry>, resource: &str| {
        let all: Vec<Entry> = links.into_iter().chain([kustomization(resource)]).collect();
        entries(name, &all, BUILD)
    };
    vec![
        entries("a2-hard-link", &[good(), Entry::link(b"app/passwd", b'1', b"/etc/passwd")], ARTIFACT),
        reads("a2-symlink", vec![link(b"app/passwd.yaml", b"/etc/passwd")], "passwd.yaml"),
        reads("a3-dangling", vec![link(b"app/none.yaml", b"nowhere")], "none.yaml"),
        reads("a3-loop", vec![link(b"app/a.yaml", b"b.yaml"), link(b"app/b.yaml", b"a.yaml")], "a.yaml"),
        reads("a3-loop-folder", vec![link(b"app/up", b"..")], "up/app"),
        entries("a3-fifo", &[good(), Entry::link(b"app/fifo", b'6', b"")], ARTIFACT),
        entries("a3-device", &[good(), Entry::link(b"app/null", b'3', b"")], ARTIFACT),
        // An archive has no type for a socket; whoever makes one up takes a letter that nobody reads.
        entries("a3-socket", &[good(), Entry::link(b"app/socket", b's', b"")], ARTIFACT),
    ]
}

/// Row 4.
fn bombs() -> Vec<Row> {
    let mut cut = gzip(&tar(&[good()]));
    cut.truncate(cut.len() / 2);
    let bomb = Entry::file(b"app/zero", &vec![0; 200 << 20]);
    let many: Vec<Entry> = (0..120_000).map(|at| Entry::file(format!("app/{at}").as_bytes(), b"")).collect();
    let trailing = |after: &[u8]| [&gzip(&tar(&[good()]))[..], after].concat();
    vec![
        raw("a4-cut", cut, ARTIFACT),
        raw("a4-bomb", gzip(&tar(&[bomb])), ARTIFACT),
        raw("a4-bomb-10-mb", large_bomb(), ARTIFACT),
        raw("a4-many", gzip(&tar(&many)), ARTIFACT),
        raw("a4-trailing", trailing(b"and more"), ARTIFACT),
        raw("a4-second-member", trailing(&gzip(&tar(&[good()]))), ARTIFACT),
        raw("a4-after-the-end", gzip(&[&tar(&[good()])[..], &tar(&[good()])].concat()), ARTIFACT),
        raw("a4-no-gzip", tar(&[good()]), ARTIFACT),
    ]
}

/// 10 MB that unpack to 10 GB: a piece of compressed zeros, which stands alone, again and again.
fn large_bomb() -> Vec<u8> {
    let mut deflate = Compress::new(Compression::best(), false);
    let mut piece = |bytes: &[u8]| {
        let mut out = Vec::with_capacity(64 << 10);
        deflate.compress_vec(bytes, &mut out, FlushCompress::Full).unwrap();
        out
    };
    let header = piece(&tar(&[Entry::file(b"app/zero", b"").saying(*b"77777777777\0")])[..512]);
    let zeros = piece(&vec![0; 1 << 20]);
    assert!((500..2000).contains(&zeros.len()), "a mebibyte in {} bytes", zeros.len());
    let begin = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    [&begin[..], &header, &zeros.repeat(10_000)].concat()
}

/// Row 5: two places that say different sizes, so that two readers would see different entries.
fn sizes() -> Vec<Row> {
    let two_blocks = vec![b'x'; 600];
    vec![
        entries("a5-pax", &[pax(b"99 size=zz\n"), good()], ARTIFACT),
        entries("a5-pax-size", &[pax(b"9 size=7\n"), good()], ARTIFACT),
        entries("a5-pax-large", &[pax(b"27 size=99999999999999999\n"), good()], ARTIFACT),
        entries("a5-header-small", &[Entry::file(b"app/x", &two_blocks).saying(octal(1)), good()], ARTIFACT),
        entries("a5-header-large", &[good(), Entry::file(b"app/x", b"x").saying(octal(1 << 30))], ARTIFACT),
        entries("a5-header-negative", &[good(), Entry::file(b"app/x", b"x").saying([0xff; 12])], ARTIFACT),
        entries("a5-header-binary", &[good(), Entry::file(b"app/x", b"x").saying(binary())], ARTIFACT),
        entries("a5-header-text", &[good(), Entry::file(b"app/x", b"x").saying(*b"size of it!\0")], ARTIFACT),
    ]
}

/// The largest number that eight bytes hold, as GNU tar writes large sizes.
fn binary() -> [u8; 12] {
    let mut field = [0xff; 12];
    field[..4].copy_from_slice(&[0x80, 0, 0, 0]);
    field
}

/// Row 6. Modes mean nothing: what runs is never a file of an archive.
fn modes() -> Vec<Row> {
    let folder = |name: &[u8], mode| Entry::link(name, b'5', b"").mode(mode);
    vec![
        entries(
            "a6-file-as-folder",
            &[Entry::file(b"app", b"x"), Entry::file(b"app/cm.yaml", b"x")],
            ARTIFACT,
        ),
        entries("a6-setuid", &[config_map("app/cm.yaml", "a6-setuid").mode(b"0006755\0")], Harmless),
        entries(
            "a6-no-rights",
            &[folder(b"app", b"0000000\0"), config_map("app/cm.yaml", "a6-no-rights").mode(b"0000000\0")],
            Harmless,
        ),
        entries(
            "a6-case",
            &[config_map("app/A.yaml", "a6-case-upper"), config_map("app/a.yaml", "a6-case-lower")],
            Harmless,
        ),
        entries("a6-twice", &[good(), good()], ARTIFACT),
    ]
}

#[tokio::test]
async fn archives_of_an_enemy_are_refused_whole() {
    let rows = [names(), links_and_devices(), bombs(), sizes(), modes()];
    let rows: Vec<Row> = rows.into_iter().flatten().collect();
    let (world, told) = hold(&rows, "archives").await;
    nothing_escaped(controller(&world));
    let escaped = world.cluster.find("ConfigMap", &world.ns, "escaped").await.unwrap();
    assert!(escaped.is_none(), "a part was used");
    for name in ["a6-setuid", "a6-no-rights", "a6-case-upper", "a6-case-lower"] {
        world.get("ConfigMap", name).await.unwrap();
    }
    page::keep("archives", &told);
}
