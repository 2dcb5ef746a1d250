//! `verify` on several files of one recording: which belong together, and what is said of them
//! together.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::list;
use crate::recording::{self, Beside, MANIFEST_ENDING, Manifest, SessionVerdict, Verdict};

/// What was judged so far.
#[derive(Default)]
pub(super) struct Together {
    /// By session.
    sessions: BTreeMap<String, Files>,
    /// What stands beside the file that is being judged.
    beside: Option<(PathBuf, Beside)>,
}

#[derive(Default)]
struct Files {
    verdicts: Vec<Verdict>,
    /// The manifest was named, so all of its files are meant.
    named: Option<Manifest>,
    /// The manifest beside them.
    found: Option<Manifest>,
}

impl Together {
    /// The files to judge: in place of a manifest those that it names.
    ///
    /// # Errors
    /// A manifest cannot be read.
    pub(super) fn with_manifests(&mut self, files: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
        let mut all = Vec::new();
        for file in files {
            if !file.to_string_lossy().ends_with(MANIFEST_ENDING) {
                all.push(file.clone());
                continue;
            }
            let manifest = Manifest::read(file)?;
            // One that is not there is told as missing, by its part.
            let listed = manifest
                .parts
                .iter()
                .map(|part| file.with_file_name(&part.file));
            all.extend(listed.filter(|path| path.exists() && !files.contains(path)));
            let session = manifest.session.clone();
            self.sessions.entry(session).or_default().named = Some(manifest);
        }
        Ok(all)
    }

    /// What stands beside a file; a manifest that was named goes before one that was found.
    pub(super) fn beside(&mut self, file: &Path, verdict: &Verdict) -> &Beside {
        let session = verdict.summary.session.as_deref().unwrap_or_default();
        let named = self
            .sessions
            .get(session)
            .and_then(|files| files.named.clone());
        let place = Manifest::path_beside(file).unwrap_or_default();
        let is_read = self.beside.as_ref().is_some_and(|(path, _)| *path == place);
        let beside = match (named, self.beside.take()) {
            (Some(named), _) => Beside::Manifest(Box::new(named)),
            // That of many files is read once.
            (None, Some((_, beside))) if is_read => beside,
            (None, _) => Beside::of(file),
        };
        &self.beside.insert((place, beside)).1
    }

    /// Keeps what is to be said of a file together with others.
    pub(super) fn take(&mut self, verdict: Verdict) {
        let Some(session) = verdict.summary.session.clone() else {
            return;
        };
        let files = self.sessions.entry(session.clone()).or_default();
        if files.found.is_none()
            && let Some((_, Beside::Manifest(manifest))) = &self.beside
            && manifest.session == session
        {
            files.found = Some((**manifest).clone());
        }
        files.verdicts.push(verdict);
    }

    /// The verdict on each recording of which several files or the manifest were named.
    pub(super) fn judge(self) -> Vec<SessionVerdict> {
        let several = self
            .sessions
            .into_iter()
            .filter(|(_, files)| files.verdicts.len() > 1 || files.named.is_some());
        several
            .map(|(session, files)| {
                let verdicts: Vec<&Verdict> = files.verdicts.iter().collect();
                let manifest = files.named.as_ref().or(files.found.as_ref());
                recording::judge(&session, &verdicts, manifest)
            })
            .collect()
    }
}

/// The verdict for people.
pub(super) fn text(verdict: &SessionVerdict) -> String {
    let parts = match verdict.parts.as_slice() {
        [] => "no part is here".to_owned(),
        [only] => format!("part {only}"),
        [first, .., last] => format!("{} parts from {first} to {last}", verdict.parts.len()),
    };
    let mut text = format!(
        "\nrecording    {}\ntogether     {parts}, {} messages\n",
        verdict.session, verdict.messages
    );
    if verdict.findings.is_empty() && verdict.parts.len() > 1 {
        text.push_str("between      no message is missing between two parts\n");
    }
    list(&mut text, "missing", &verdict.findings, 0);
    let _ = writeln!(
        text,
        "\n{}",
        match verdict.whole {
            true => "the recording is whole",
            false => "THE RECORDING IS NOT WHOLE",
        }
    );
    text
}
