//! A fleet as it is written: what its server calls things, and how often it is cross-checked.

use std::collections::BTreeMap;

use super::SourceKind;
use crate::protocol::fleet::{PROBE_S, Profile};

/// Source: statistics-feed specification, head.
pub(super) const PORT: u16 = 5000;
/// Longest period between cross-checks.
const LONGEST_PROBE_S: u32 = 3_600;

/// What a URL's parts mean.
///
/// - `events`, `keys`: other names on the wire, `NEUTRAL:WIRE`
pub(super) fn kind(
    path: &str,
    options: &mut BTreeMap<String, String>,
    events: &[String],
    keys: &[String],
) -> Result<SourceKind, String> {
    let name = options.remove("profile");
    let profile = match name.as_deref() {
        None => Ok(Profile::default()),
        Some(name) => Profile::named(name),
    };
    let mut profile = profile.map_err(|error| error.to_string())?;
    for written in events {
        let (neutral, wire) = pair("event", written)?;
        rename_event(&mut profile, neutral, wire)?;
    }
    for written in keys {
        let (neutral, wire) = pair("key", written)?;
        rename_key(&mut profile, neutral, wire)?;
    }
    let probe_s = match options.remove("probe_s") {
        None => PROBE_S,
        Some(written) => written
            .parse()
            .ok()
            .filter(|seconds| *seconds <= LONGEST_PROBE_S)
            .ok_or_else(|| {
                format!(
                    "probe_s is a number of seconds from 0 (no cross-checks) to {LONGEST_PROBE_S}, not \"{written}\""
                )
            })?,
    };
    Ok(SourceKind::Fleet {
        prefix: path.trim_end_matches('/').to_owned(),
        profile: Box::new(profile),
        probe_s,
    })
}

fn pair<'a>(what: &str, written: &'a str) -> Result<(&'a str, &'a str), String> {
    let pair = written.split_once(':');
    pair.ok_or_else(|| format!("{what}={written}: write {what}=NEUTRAL:WIRE"))
}

/// Gives an event another name on the wire.
pub(in crate::config) fn rename_event(
    profile: &mut Profile,
    neutral: &str,
    wire: &str,
) -> Result<(), String> {
    let renamed = profile.rename_event(neutral, wire);
    renamed.map_err(|error| error.to_string())
}

/// Gives a key another name on the wire.
pub(in crate::config) fn rename_key(
    profile: &mut Profile,
    neutral: &str,
    wire: &str,
) -> Result<(), String> {
    let renamed = profile.rename_key(neutral, wire);
    renamed.map_err(|error| error.to_string())
}
