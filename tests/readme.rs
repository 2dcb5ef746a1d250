//! What the README says of keys and pictures is what the program says.
#![allow(clippy::unwrap_used)]

use std::path::Path;

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

#[test]
fn the_keys_are_those_of_the_table() {
    let readme = read("README.md");
    let (_, rest) = readme.split_once("<!-- keys -->\n").unwrap();
    let (keys, _) = rest.split_once("<!-- /keys -->").unwrap();
    let table = ttyscope::intent::markdown_table();
    assert!(
        keys == table,
        "put this between <!-- keys --> and <!-- /keys --> in README.md:\n{table}"
    );
}

#[test]
fn every_picture_is_there() {
    let readme = read("README.md");
    let pictures: Vec<&str> = readme
        .split(['(', ')'])
        .filter(|part| part.ends_with(".svg"))
        .collect();
    assert!(!pictures.is_empty());
    for picture in pictures {
        assert!(
            read(picture).starts_with("<svg"),
            "{picture}: write it with `cargo run --example screens`"
        );
    }
}
