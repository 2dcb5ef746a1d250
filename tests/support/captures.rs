//! Where recorded sessions are found, and how they are read.

use std::io::Read;
use std::path::{Path, PathBuf};

/// The folder `kind` of the captures: in `TTYSCOPE_CAPTURES`, else in `../shared/captures` beside
/// the project. `None`, after saying so on one line, where there is none.
pub fn folder(kind: &str) -> Option<PathBuf> {
    let base = std::env::var_os("TTYSCOPE_CAPTURES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures"),
        PathBuf::from,
    );
    let dir = base.join(kind);
    if dir.is_dir() {
        return Some(dir);
    }
    eprintln!(
        "skipped: no recorded sessions in {} (set TTYSCOPE_CAPTURES to their folder)",
        dir.display()
    );
    None
}

/// The text of a file that is compressed if its name ends in `.gz`.
pub fn read_text(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut text = String::new();
    if path.extension().is_some_and(|ext| ext == "gz") {
        flate2::read::GzDecoder::new(&bytes[..])
            .read_to_string(&mut text)
            .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    } else {
        text = String::from_utf8(bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }
    text
}
