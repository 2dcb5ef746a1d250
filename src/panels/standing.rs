//! A source's state in a glyph and words, before it is a colour.

use std::time::Duration;

use super::facts::SourceFacts;
use super::market::lamp;
use crate::model::{FleetVerdict, LinkState, Severity, Stamp};
use crate::ui::{Role, number};

/// A link that stands this long without anything arriving is worth a look.
const SILENT_AFTER: Duration = Duration::from_secs(10);

/// How a source stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// One column.
    pub glyph: &'static str,
    /// A few words: `stale 7 s`.
    pub words: String,
    /// How both look.
    pub role: Role,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong and what follows, where something is.
    pub explanation: Option<String>,
}

impl Standing {
    /// How `source` stands at `at`.
    pub fn of(source: &SourceFacts, at: Stamp) -> Self {
        let since = at.since(source.link_since);
        let (glyph, words, role, explanation) = match &source.link {
            None => ("◌", "starting".to_owned(), Role::Starting, None),
            Some(LinkState::Connecting { attempt }) => {
                let words = match attempt {
                    0 | 1 => "connecting".to_owned(),
                    n => format!("connecting, try {n}"),
                };
                ("◌", words, Role::Starting, source.last_trouble.clone())
            }
            Some(LinkState::Connected) => connected(source, since, at),
            Some(LinkState::Live) => match lamp::together(&source.market, at) {
                Some((lamp, why)) => (lamp.glyph, lamp.words, lamp.role, why),
                None => ("●", "live".to_owned(), Role::Good, None),
            },
            Some(LinkState::Stale { missing }) => {
                let quiet = source
                    .snapshot
                    .as_ref()
                    .and_then(|snapshot| snapshot.last_received)
                    // Other things may still arrive: it is stale for as long as was said, at least.
                    .map_or(since, |last| at.since(last).max(since));
                (
                    "◐",
                    format!("stale {}", number::age(quiet)),
                    Role::Warning,
                    // The books know better which of them is stale, and why.
                    lamp::together(&source.market, at)
                        .and_then(|(_, why)| why)
                        .or_else(|| Some(missing.to_string())),
                )
            }
            Some(LinkState::Down {
                reason,
                detail,
                retry_in,
            }) => {
                let follows = match retry_in {
                    Some(wait) => next_try(*wait, since),
                    None => "no further try".to_owned(),
                };
                (
                    "✕",
                    format!("down: {reason}"),
                    Role::Error,
                    Some(format!("{follows} · {detail}")),
                )
            }
            Some(LinkState::Ended) => ("■", "ended".to_owned(), Role::Dim, None),
        };
        let severity = match role {
            Role::Error => Severity::Error,
            Role::Warning => Severity::Warning,
            _ => source
                .link
                .as_ref()
                .map_or(Severity::Info, LinkState::severity),
        };
        Self {
            glyph,
            words,
            role,
            severity,
            explanation,
        }
    }

    /// Glyph and words.
    pub fn text(&self) -> String {
        format!("{} {}", self.glyph, self.words)
    }
}

type Told = (&'static str, String, Role, Option<String>);

/// Connected and not live: what is wrong with the books or the fleet behind it is known better
/// there than here.
fn connected(source: &SourceFacts, since: Duration, at: Stamp) -> Told {
    if let Some((lamp, why)) = lamp::together(&source.market, at)
        && lamp.role != Role::Starting
    {
        return (lamp.glyph, lamp.words, lamp.role, why);
    }
    let fleet = source.fleet.as_ref().map(|known| &*known.state);
    if let Some(fleet) = fleet.filter(|fleet| fleet.verdict == FleetVerdict::Idle) {
        let words = format!("idle {}", number::age(at.since(fleet.verdict_since)));
        return ("‖", words, Role::Held, Some(fleet.evidence.to_string()));
    }
    if since <= SILENT_AFTER {
        return ("◌", "connected".to_owned(), Role::Starting, None);
    }
    let why = match fleet {
        Some(fleet) if !fleet.evidence.is_empty() => fleet.evidence.to_string(),
        _ => "connected, and nothing has arrived yet".to_owned(),
    };
    let words = format!("silent {}", number::age(since));
    ("◐", words, Role::Warning, Some(why))
}

fn next_try(wait: Duration, since: Duration) -> String {
    match wait.checked_sub(since) {
        Some(left) if left.as_millis() > 0 => {
            // Counted up, so that it never says 0 s while there is still time.
            let seconds = left.as_millis().div_ceil(1_000);
            format!("next try in {seconds} s")
        }
        _ => "next try now".to_owned(),
    }
}
