//! The tar layer is Flux's to the byte. The compressed file is not: that depends on the gzip implementation.
use std::io::Read;

use artifact::{Digest, PackError, Packer};

const CONFIG_MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: cfg}\ndata: {a: '1'}\n";

fn one_file() -> Vec<u8> {
    let mut packer = Packer::new(Vec::new()).unwrap();
    packer.file("cm.yaml", false, CONFIG_MAP.len() as u64, &mut CONFIG_MAP.as_bytes()).unwrap();
    packer.finish().unwrap()
}

fn tar_layer(archive: &[u8]) -> Vec<u8> {
    let mut tar = Vec::new();
    flate2::read::GzDecoder::new(archive).read_to_end(&mut tar).unwrap();
    tar
}

#[test]
fn tar_layer_equals_the_one_go_writes() {
    // Compressed by Go's gzip these bytes have the digest that source-controller 1.9 showed for this tree,
    // sha256:f61ab9db95f2b72a173ab3e5ebd3be9a4100548329e0172d6d845d742c02fa4f.
    let digest = Digest::of(&tar_layer(&one_file()));
    assert_eq!(digest.to_string(), TAR_OF_ONE_FILE);
}

const TAR_OF_ONE_FILE: &str = "sha256:47979ee004b8544216dbd259cd05d1b17c575c4491dfced64ba4780fb62a5747";

#[test]
fn equal_trees_give_equal_bytes() {
    assert_eq!(one_file(), one_file());
}

#[test]
fn gzip_header_names_no_time_and_no_system() {
    assert_eq!(one_file()[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
}

#[test]
fn entries_out_of_walk_order_are_refused() {
    let mut packer = Packer::new(Vec::new()).unwrap();
    packer.dir("a").unwrap();
    packer.dir("a/b").unwrap();
    packer.file("a.b", false, 0, &mut [].as_slice()).unwrap();
    for late in ["a.b", "a", "a/c", "", "/x"] {
        assert!(matches!(packer.dir(late), Err(PackError::Order(_))), "{late}");
    }
}

#[test]
fn a_file_that_is_not_as_long_as_announced_is_an_error() {
    for content in ["ab", "abcd"] {
        let mut packer = Packer::new(Vec::new()).unwrap();
        assert!(matches!(packer.file("f", false, 3, &mut content.as_bytes()), Err(PackError::Size(_))));
    }
}
