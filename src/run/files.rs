//! Files that a command needs, read beside the loop.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use crate::intent::CommandOrder;
use crate::model::{Command, PlainText};

/// The largest file that is read. Source: what a light-sheet server takes as text.
const MOST_BYTES: u64 = 1 << 20;

/// The command with the text of its file; waits for the disk.
///
/// # Errors
/// Why the file cannot be used, as a sentence.
pub fn command(order: CommandOrder) -> Result<Command, String> {
    match order {
        CommandOrder::Send(command) => Ok(command),
        CommandOrder::StartWorkflow { path } => {
            let text = read(&path)?.into();
            let name = name(&path);
            Ok(Command::StartWorkflow { name, text })
        }
        CommandOrder::SaveSettings { path } => {
            let text = read(&path)?.into();
            let name = name(&path);
            Ok(Command::SaveSettings { name, text })
        }
    }
}

fn name(path: &Path) -> PlainText {
    PlainText::from(path.display().to_string())
}

fn read(path: &Path) -> Result<String, String> {
    let wrong = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    let metadata = std::fs::metadata(path)
        .map_err(|error| wrong(&format_args!("it cannot be read: {error}")))?;
    // A pipe or a device might never end.
    if !metadata.is_file() {
        return Err(wrong(&"it is no file"));
    }
    let file =
        File::open(path).map_err(|error| wrong(&format_args!("it cannot be read: {error}")))?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| wrong(&format_args!("it cannot be read: {error}")))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(wrong(&format_args!(
            "it has more than {MOST_BYTES} bytes, which no instrument takes"
        )));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        wrong(&format_args!(
            "it is not UTF-8 from byte {at} on; save it as UTF-8"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_sent_says_why() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        std::fs::write(path("good.txt"), "<Workflow Settings>\n").unwrap();
        std::fs::write(path("latin.txt"), b"a\xb0").unwrap();
        std::fs::write(path("long.txt"), vec![b'x'; (1 << 20) + 1]).unwrap();
        let start = |name: &str| command(CommandOrder::StartWorkflow { path: path(name) });
        let good = start("good.txt").unwrap();
        assert!(matches!(good, Command::StartWorkflow { text, .. } if text.starts_with('<')));
        for (name, words) in [
            ("missing.txt", "it cannot be read"),
            (".", "it is no file"),
            ("latin.txt", "it is not UTF-8 from byte 1 on"),
            ("long.txt", "it has more than 1048576 bytes"),
        ] {
            let error = start(name).unwrap_err();
            assert!(error.contains(words), "{name}: {error}");
        }
    }
}
