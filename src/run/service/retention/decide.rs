//! What goes and what stays. Knows no disk and no clock.

use std::collections::BTreeMap;
use std::fmt;

use crate::config::Retention;

/// A file that ttyscope recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// Its name in the folder.
    pub name: String,
    /// What it is a part of: all parts of one session have the same.
    pub session: String,
    /// Its size.
    pub size_bytes: u64,
    /// When it was last written to, Unix nanoseconds.
    pub written_unix_ns: u64,
    /// How it stands with it.
    pub state: FileState,
    /// Somebody has marked it as to be kept.
    pub is_kept: bool,
    /// The file that lists the parts of its session, if it is not a recording itself.
    pub is_manifest: bool,
}

/// How it stands with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileState {
    /// Closed.
    Finished,
    /// A recorder writes it, or nobody can tell that none does.
    Written,
    /// Left behind by a recorder that was killed: evidence of that, for somebody to look at.
    Torn,
}

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// To be taken away, in this order.
    pub removals: Vec<Removal>,
    /// Bytes that then remain of what counts: finished and not kept, or being written.
    pub remaining_bytes: u64,
    /// Recordings marked as kept, and their bytes. They do not count.
    pub kept: (u64, u64),
    /// Recordings left behind by killed recorders, and their bytes. They do not count.
    pub torn: (u64, u64),
}

/// Files that go together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// Recordings, oldest first, and then the list of them.
    pub files: Vec<Recording>,
    /// Why.
    pub why: Why,
}

/// Why something goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is older than it may be, by whole days.
    Old {
        /// Its age.
        days: u64,
    },
    /// All together are too large, and it is the oldest.
    TooMuch,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Old { days } => write!(f, "as it is {days} days old"),
            Self::TooMuch => f.write_str("as the oldest of too much"),
        }
    }
}

const DAY_NS: u64 = 86_400_000_000_000;

/// Decides what goes.
///
/// Finished sessions go whole, oldest first. Of a session that is still being written, or of which
/// a torn part is left, the finished parts go one by one: a recorder that runs for months never
/// ends its session. Never goes what is being written, torn, or of a session of which any part is
/// marked as kept; and for lack of room never the newest.
pub fn decide(recordings: Vec<Recording>, policy: &Retention, now_ns: u64) -> Plan {
    let mut plan = Plan::default();
    let mut units = Vec::new();
    for files in by_session(recordings) {
        let bytes = files.iter().map(|file| file.size_bytes).sum::<u64>();
        if files.iter().any(|file| file.is_kept) {
            plan.kept.0 += files.iter().filter(|file| !file.is_manifest).count() as u64;
            plan.kept.1 += bytes;
            continue;
        }
        let is_whole = files.iter().all(|file| file.state == FileState::Finished);
        if is_whole {
            units.push(files);
            plan.remaining_bytes += bytes;
            continue;
        }
        for file in files {
            match file.state {
                FileState::Torn => {
                    plan.torn.0 += 1;
                    plan.torn.1 += file.size_bytes;
                }
                FileState::Written => plan.remaining_bytes += file.size_bytes,
                FileState::Finished => {
                    plan.remaining_bytes += file.size_bytes;
                    // The list goes with the last part.
                    if !file.is_manifest {
                        units.push(vec![file]);
                    }
                }
            }
        }
    }
    // A session is as old as its youngest part; its list may have been copied since.
    let written = |unit: &[Recording]| {
        let parts = unit.iter().filter(|file| !file.is_manifest);
        parts.map(|file| file.written_unix_ns).max().unwrap_or(0)
    };
    units.sort_by_key(|unit| written(unit));
    let newest = units.len().saturating_sub(1);
    for (index, files) in units.into_iter().enumerate() {
        let age_ns = now_ns.saturating_sub(written(&files));
        let is_old = policy
            .age
            .is_some_and(|most| u128::from(age_ns) > most.as_nanos());
        let is_too_much = index < newest
            && policy
                .total_bytes
                .is_some_and(|most| plan.remaining_bytes > most);
        let why = match (is_old, is_too_much) {
            (true, _) => Why::Old {
                days: age_ns / DAY_NS,
            },
            (false, true) => Why::TooMuch,
            (false, false) => continue,
        };
        let bytes = files.iter().map(|file| file.size_bytes).sum();
        plan.remaining_bytes = plan.remaining_bytes.saturating_sub(bytes);
        plan.removals.push(Removal { files, why });
    }
    plan
}

/// The files of each session, oldest first, its list last.
fn by_session(recordings: Vec<Recording>) -> Vec<Vec<Recording>> {
    let mut sessions: BTreeMap<String, Vec<Recording>> = BTreeMap::new();
    for recording in recordings {
        let files = sessions.entry(recording.session.clone()).or_default();
        files.push(recording);
    }
    let mut sessions: Vec<Vec<Recording>> = sessions.into_values().collect();
    for files in &mut sessions {
        files.sort_by(|a, b| {
            let key = |file: &Recording| (file.is_manifest, file.written_unix_ns);
            key(a).cmp(&key(b)).then_with(|| a.name.cmp(&b.name))
        });
    }
    sessions
}
