//! Files that nobody else may read and that never replace another: how everything is written that
//! has to do with recordings.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

/// Makes the folder, and those above it, if it is missing; what is made is the owner's alone.
///
/// # Errors
/// It cannot be made.
pub fn make_private_dir(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// Makes a file that nobody else may read. Never opens one that is there already.
///
/// # Errors
/// It is there already (`AlreadyExists`) or cannot be made.
pub fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Gives a finished file its last name, unless that is taken.
///
/// # Errors
/// The name is taken (`AlreadyExists`) or cannot be given.
pub fn give_name(from: &Path, to: &Path) -> io::Result<()> {
    // A second name fails if it is taken, where renaming would replace the other file.
    match fs::hard_link(from, to) {
        Ok(()) => fs::remove_file(from)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
        // A file system without second names.
        Err(_) if !is_there(to) => fs::rename(from, to)?,
        Err(error) => return Err(error),
    }
    sync_folder_of(to);
    Ok(())
}

/// So that a file's name survives a loss of power as well. Not every system can do it.
pub fn sync_folder_of(path: &Path) {
    if let Some(dir) = path.parent() {
        let _ = File::open(dir).and_then(|dir| dir.sync_all());
    }
}

/// Whether something of that name is there, be it a link that leads nowhere.
pub fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}
