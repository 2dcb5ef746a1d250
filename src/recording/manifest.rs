//! The manifest of a recording: which files it consists of, what is in each, and their hashes.
//!
//! It stands beside the files as JSON, so that it can be kept apart from them: a file that was
//! changed after it was closed, or is missing, is found out. Here are its form, its hash and its
//! reading; the recorder writes it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::session::{RecordedSource, SourceAccount};
use crate::model::text::printable;

/// What every manifest calls itself; another number stands for another form.
const FORMAT: &str = "ttyscope.manifest/1";
/// How names of manifests end.
pub const MANIFEST_ENDING: &str = ".manifest.json";
/// A larger one is none: it would list more files than a recording has.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// What a recording consists of. Times are Unix nanoseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    format: String,
    /// What all its files share: see [`Session::id`](super::Session::id).
    pub session: String,
    /// What its files' names begin with.
    pub name: String,
    /// The program that recorded it, with its version.
    pub program: String,
    /// When it began.
    pub began_unix_ns: u64,
    /// Whom it was recorded from.
    pub sources: Vec<RecordedSource>,
    /// Its files that were closed, in their order.
    pub parts: Vec<PartRecord>,
    /// How it ended; `None` while it goes on, and for ever if its recorder was killed.
    pub end: Option<EndRecord>,
}

/// One file of a recording, once it is closed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartRecord {
    /// Which one, from 1.
    pub part: u32,
    /// Its name in the manifest's folder.
    pub file: String,
    /// Its size.
    pub size_bytes: u64,
    /// SHA-256 of its bytes in hexadecimal digits; `None` if they could not be read back in time.
    pub sha256: Option<String>,
    /// When it began.
    pub began_unix_ns: u64,
    /// When it was closed.
    pub ended_unix_ns: u64,
    /// Items in it.
    pub messages: u64,
    /// It was synced to the disk when it was closed.
    pub durable: bool,
    /// It was closed properly, and everything that was accepted for it is in it.
    pub complete: bool,
    /// Why it ended.
    pub ended: String,
    /// The recorder's books of it, by source: what did not make it, and why.
    pub accounts: Vec<SourceAccount>,
}

/// How a recording ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndRecord {
    /// When.
    pub ended_unix_ns: u64,
    /// Why.
    pub reason: String,
    /// Everything that was accepted is in its files.
    pub complete: bool,
    /// Items in all its files.
    pub messages: u64,
    /// The recorder's books of all its files, by source.
    pub accounts: Vec<SourceAccount>,
}

/// Why a manifest says nothing.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It cannot be read.
    #[error("{path}: {error}")]
    Io {
        /// The manifest.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is damaged, or something else.
    #[error("{path} is no manifest of a recording, or a damaged one: {problem}")]
    Damaged {
        /// The manifest.
        path: PathBuf,
        /// Where and what, without control characters.
        problem: String,
    },
}

impl Manifest {
    /// The manifest of a recording that has just begun.
    pub fn new(session: &str, name: &str, sources: &[RecordedSource], began_unix_ns: u64) -> Self {
        Self {
            format: FORMAT.to_owned(),
            session: session.to_owned(),
            name: name.to_owned(),
            program: concat!("ttyscope ", env!("CARGO_PKG_VERSION")).to_owned(),
            began_unix_ns,
            sources: sources.to_vec(),
            parts: Vec::new(),
            end: None,
        }
    }

    /// As it stands on disk.
    pub fn to_bytes(&self) -> Vec<u8> {
        // Strings and numbers only: there is nothing in it that JSON could not say.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Reads one.
    ///
    /// # Errors
    /// It cannot be read, is too large to be one, or does not have its form.
    pub fn read(path: &Path) -> Result<Self, ManifestError> {
        let damaged = |problem: String| ManifestError::Damaged {
            path: path.to_owned(),
            problem,
        };
        let io = |error| ManifestError::Io {
            path: path.to_owned(),
            error,
        };
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(io)?;
        file.take(MAX_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(io)?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(damaged("it is too large to be one".to_owned()));
        }
        let manifest: Self = serde_json::from_slice(&bytes)
            .map_err(|error| damaged(printable(&error.to_string()).into_owned()))?;
        if manifest.format != FORMAT {
            return Err(damaged(format!(
                "it calls itself {:?}, not {FORMAT:?}",
                printable(&manifest.format)
            )));
        }
        // Only files beside it are looked at, whatever it says.
        if let Some(part) = manifest.parts.iter().find(|p| !is_plain_name(&p.file)) {
            return Err(damaged(format!(
                "{:?} is not the name of a file in its folder",
                printable(&part.file)
            )));
        }
        Ok(manifest)
    }

    /// What the names of all files of a recording begin with: `BASE` of those of
    /// [`Manifest::path_beside`]. `None` if this is no name of a recording.
    pub fn base_of(name: &str) -> Option<&str> {
        let name = name.strip_suffix(".mcap")?;
        let name = name.strip_suffix(".partial").unwrap_or(name);
        Some(match name.rsplit_once(".part") {
            Some((base, number)) if is_part_number(number) => base,
            _ => name,
        })
    }

    /// Where the manifest of a recording is whose file has this name: `BASE.manifest.json` for
    /// `BASE.mcap`, `BASE.part00002.mcap` and both with `.partial` in them.
    pub fn path_beside(file: &Path) -> Option<PathBuf> {
        let base = Self::base_of(file.file_name()?.to_str()?)?;
        Some(file.with_file_name(format!("{base}{MANIFEST_ENDING}")))
    }

    /// What it says of the file of this name.
    pub fn part_of(&self, file: &Path) -> Option<&PartRecord> {
        let name = file.file_name()?.to_str()?;
        self.parts.iter().find(|part| part.file == name)
    }
}

/// `00002`, or `00002-2` where the plain name was taken.
fn is_part_number(text: &str) -> bool {
    text.split('-')
        .all(|digits| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()))
}

fn is_plain_name(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    let first = parts.next();
    matches!(first, Some(std::path::Component::Normal(only)) if only == name)
        && parts.next().is_none()
}

/// The SHA-256 of bytes as they come.
#[derive(Clone, Debug, Default)]
pub struct Fingerprint {
    hash: Sha256,
    bytes: u64,
}

impl Fingerprint {
    /// Takes the next bytes in.
    pub fn update(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    /// How many bytes it took in.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The hash in hexadecimal digits.
    pub fn finish(self) -> String {
        use std::fmt::Write as _;
        let mut text = String::with_capacity(64);
        for byte in self.hash.finalize() {
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    /// The fingerprint of a whole file. `progress` is told bytes read and bytes in all.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn of_file(path: &Path, progress: &mut dyn FnMut(u64, u64)) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let all = file.metadata()?.len();
        let mut print = Self::default();
        let mut buffer = vec![0; 256 * 1024];
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok(print),
                Ok(read) => print.update(buffer.get(..read).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            progress(print.bytes, all);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_found_by_the_name_of_any_of_its_files() {
        let cases = [
            ("a-1.mcap", Some("a-1.manifest.json")),
            ("a-1.partial.mcap", Some("a-1.manifest.json")),
            ("a-1.part00002.mcap", Some("a-1.manifest.json")),
            ("a-1.part00002-3.mcap", Some("a-1.manifest.json")),
            ("a-1.part00002.partial.mcap", Some("a-1.manifest.json")),
            ("a.party.mcap", Some("a.party.manifest.json")),
            ("a-1.csv", None),
        ];
        for (file, manifest) in cases {
            let path = Manifest::path_beside(&Path::new("dir").join(file));
            let expected = manifest.map(|name| Path::new("dir").join(name));
            assert_eq!(path, expected, "{file}");
        }
    }

    #[test]
    fn what_is_no_manifest_is_refused_in_a_sentence() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.manifest.json");
        let mut good = Manifest::new("ab12", "a", &[], 7);
        std::fs::write(&path, good.to_bytes()).unwrap();
        assert_eq!(Manifest::read(&path).unwrap(), good);

        let part = |file: &str| PartRecord {
            part: 1,
            file: file.to_owned(),
            size_bytes: 0,
            sha256: None,
            began_unix_ns: 0,
            ended_unix_ns: 0,
            messages: 0,
            durable: true,
            complete: true,
            ended: String::new(),
            accounts: Vec::new(),
        };
        let other = String::from_utf8(good.to_bytes()).unwrap();
        let mut cases = vec![
            (b"{\"format\":".to_vec(), "EOF"),
            (b"\x00\xff".to_vec(), "expected"),
            (b"[]".to_vec(), "invalid"),
            (other.replace("/1", "/2").into_bytes(), "manifest/2"),
        ];
        for name in ["../a.mcap", "/etc/passwd", "sub/a.mcap", "", ".", "a/"] {
            good.parts = vec![part(name)];
            cases.push((good.to_bytes(), "not the name of a file"));
        }
        for (bytes, words) in cases {
            std::fs::write(&path, &bytes).unwrap();
            let said = Manifest::read(&path).unwrap_err().to_string();
            assert!(
                said.contains(words) && said.contains("a.manifest.json"),
                "{said}"
            );
        }
        let missing = Manifest::read(&dir.path().join("b")).unwrap_err();
        assert!(matches!(missing, ManifestError::Io { .. }));
    }

    #[test]
    fn the_hash_is_the_one_of_the_standard() {
        // Source: FIPS 180-2, appendix B.1.
        let mut print = Fingerprint::default();
        print.update(b"a");
        print.update(b"bc");
        assert_eq!(print.bytes(), 3);
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(print.finish(), hash);
    }
}
