//! The byte vectors of the protocol description, for tests.

const TEXT: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/fixtures/flamingo/vectors.txt"
));

/// The bytes of `V1`, `V2` and so on.
pub fn vector(name: &str) -> Vec<u8> {
    let bytes: Vec<u8> = TEXT
        .lines()
        .skip_while(|line| line.split(' ').next() != Some(name))
        .skip(1)
        .take_while(|line| !line.is_empty())
        .flat_map(|line| line.split_whitespace().skip(1))
        .map(|byte| u8::from_str_radix(byte, 16).unwrap())
        .collect();
    assert!(!bytes.is_empty(), "there is no vector {name}");
    bytes
}
