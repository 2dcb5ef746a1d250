//! Which files are exported together: the parts of one recording, each once, in their order.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{ExportError, ExportPlan};
use crate::recording::{ReadError, session_of};

/// The plan with its files in their order, and with what is not among them. Files that do not say
/// which part they are stay as they were named.
///
/// # Errors
/// A file is there twice, they are of different recordings, or one cannot be read.
pub(super) fn in_order(plan: &ExportPlan) -> Result<ExportPlan, ExportError> {
    let mut plan = plan.clone();
    let mut seen = BTreeMap::new();
    for file in &plan.files {
        let real = file.canonicalize().unwrap_or_else(|_| file.clone());
        if let Some(first) = seen.insert(real, file) {
            return Err(twice(first.clone(), file.clone()));
        }
    }
    if plan.files.len() < 2 {
        return Ok(plan);
    }
    let mut parts = Vec::new();
    let mut sources = None;
    for file in &plan.files {
        let session = match session_of(file) {
            Ok(session) => session,
            Err(ReadError::NoSession { .. }) => return Ok(plan),
            Err(error) => return Err(error.into()),
        };
        let (known, first) = sources.get_or_insert_with(|| (session.sources.clone(), file));
        let is_known = session.sources.iter().any(|one| {
            let mut known = known.iter();
            known.any(|other| other.name == one.name && other.address == one.address)
        });
        if !is_known {
            return Err(ExportError::Strangers {
                first: first.to_path_buf(),
                second: file.clone(),
            });
        }
        parts.push((session.part, session.id, file.clone()));
    }
    // Older ones do not say whose part they are.
    if parts.iter().any(|(_, id, _)| id.is_empty()) {
        return Ok(plan);
    }
    parts.sort();
    let mut expected = 1;
    for pair in parts.windows(2) {
        let [(first_part, first_id, first), (part, id, second)] = pair else {
            continue;
        };
        if first_id != id {
            return Err(ExportError::Strangers {
                first: first.clone(),
                second: second.clone(),
            });
        }
        if first_part == part {
            return Err(twice(first.clone(), second.clone()));
        }
    }
    for (part, ..) in &parts {
        if *part > expected {
            plan.absent.push(match part - expected {
                1 => format!("part {expected} of the recording is not among the files"),
                _ => format!(
                    "parts {expected} to {} of the recording are not among the files",
                    part - 1
                ),
            });
        }
        expected = part.saturating_add(1);
    }
    plan.files = parts.into_iter().map(|(.., file)| file).collect();
    Ok(plan)
}

fn twice(first: PathBuf, second: PathBuf) -> ExportError {
    ExportError::Twice { first, second }
}
