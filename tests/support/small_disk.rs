//! A disk of a certain size that is really there: a tmpfs in a namespace of its own, reached through
//! `/proc`, which goes with the test.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A mounted disk.
pub struct SmallDisk {
    holder: Child,
    path: PathBuf,
    _mount_point: tempfile::TempDir,
}

impl SmallDisk {
    /// One of that many MiB.
    ///
    /// # Errors
    /// Why none can be mounted here, for the line that says so.
    pub fn mount(mib: u32) -> Result<Self, String> {
        if !cfg!(target_os = "linux") {
            return Err("no tmpfs here".to_owned());
        }
        // A user may mount in a namespace of users of his own; root may where that is not allowed.
        Self::mount_by("-rm", mib)
            .or_else(|why| Self::mount_by("-m", mib).map_err(|second| format!("{why}; {second}")))
    }

    fn mount_by(namespaces: &str, mib: u32) -> Result<Self, String> {
        const SCRIPT: &str =
            r#"mount -t tmpfs -o "size=$1m,mode=700" none "$0" && echo mounted && exec cat"#;
        let mount_point = tempfile::tempdir().map_err(|error| error.to_string())?;
        let mut holder = Command::new("unshare")
            .args([namespaces, "sh", "-c", SCRIPT])
            .arg(mount_point.path())
            .arg(mib.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("unshare: {error}"))?;
        let mut word = String::new();
        if let Some(out) = holder.stdout.take() {
            // Nothing more comes: it waits for the end of its input.
            let _ = BufReader::new(out).read_line(&mut word);
        }
        if word.trim() != "mounted" {
            let mut why = String::new();
            if let Some(mut errors) = holder.stderr.take() {
                let _ = errors.read_to_string(&mut why);
            }
            let _ = holder.wait();
            return Err(why.trim().to_owned());
        }
        let inside = mount_point.path().to_string_lossy().into_owned();
        let path = PathBuf::from(format!("/proc/{}/root{inside}", holder.id()));
        match std::fs::metadata(&path) {
            Ok(_) => Ok(Self {
                holder,
                path,
                _mount_point: mount_point,
            }),
            Err(error) => {
                end(&mut holder);
                Err(format!("{}: {error}", path.display()))
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts a file of so many MiB on it, or as large as there is room for.
    pub fn put_ballast(&self, name: &str, mib: usize) {
        let mut file = std::fs::File::create(self.path.join(name)).unwrap();
        let part = vec![0; 64 * 1024];
        for _ in 0..mib * 16 {
            if file.write_all(&part).is_err() {
                return;
            }
        }
    }

    /// Takes a file away.
    pub fn remove(&self, name: &str) {
        std::fs::remove_file(self.path.join(name)).unwrap();
    }
}

fn end(holder: &mut Child) {
    drop(holder.stdin.take());
    let _ = holder.wait();
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        end(&mut self.holder);
    }
}
