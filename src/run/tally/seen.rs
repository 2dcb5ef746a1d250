//! What the sources of a run have said so far, as far as a table shows it. Bounded, whatever they
//! send.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::{
    BookId, BookView, FRESH_FOR_NS, FeedHealth, Fleet, FleetVerdict, LinkState, Payload, PlainText,
    Reading, Sample, SourceInfo, Stamp, Table,
};

/// Books, venues, tables and readings that are kept of each source.
const MAX_KEPT: usize = 4096;

/// What one source has said.
#[derive(Debug)]
pub struct Seen {
    /// Who it is.
    pub info: SourceInfo,
    /// Whether it gave itself away as one of our simulators.
    pub is_simulated: bool,
    /// The state of its connection, and the last sentence about a broken one.
    pub link: Option<LinkState>,
    /// Why its connection was last lost or refused.
    pub trouble: Option<String>,
    /// When it said something last.
    pub last: Option<Stamp>,
    /// Its books.
    pub books: BTreeMap<BookId, Arc<BookView>>,
    /// Its venues.
    pub feeds: BTreeMap<PlainText, Arc<FeedHealth>>,
    /// Its fleet.
    pub fleet: Option<Arc<Fleet>>,
    /// Its live tables.
    pub tables: BTreeMap<PlainText, Table>,
    /// Its readings, and when each was received.
    pub readings: BTreeMap<PlainText, (Reading, Stamp)>,
    /// Verdicts in their order, without repeats in a row.
    verdicts: Vec<FleetVerdict>,
}

/// Something that is said at once and not in a table.
#[derive(Clone, Debug, PartialEq)]
pub struct VerdictChange {
    /// When.
    pub at: Stamp,
    /// The new verdict.
    pub verdict: FleetVerdict,
    /// What it rests on.
    pub evidence: PlainText,
}

impl Seen {
    /// Nothing yet.
    pub fn new(info: SourceInfo) -> Self {
        Self {
            info,
            is_simulated: false,
            link: None,
            trouble: None,
            last: None,
            books: BTreeMap::new(),
            feeds: BTreeMap::new(),
            fleet: None,
            tables: BTreeMap::new(),
            readings: BTreeMap::new(),
            verdicts: Vec::new(),
        }
    }

    /// Takes in what it says. Returns the change of a fleet's verdict, if it is one.
    pub fn take(&mut self, sample: &Sample) -> Option<VerdictChange> {
        let at = sample.received;
        self.is_simulated |= sample.payload.tells_simulated();
        match &sample.payload {
            Payload::Link(state) => {
                if let LinkState::Down { detail, .. } = state {
                    self.trouble = Some(detail.to_string());
                }
                self.link = Some(state.clone());
                return None;
            }
            Payload::Fault(fault) => {
                if self.trouble.is_none() {
                    self.trouble = Some(fault.text.to_string());
                }
                return None;
            }
            Payload::Loss(_) => return None,
            Payload::Book(view) => {
                keep(&mut self.books, &view.book, Arc::clone(view));
            }
            Payload::Feed(feed) => {
                keep(&mut self.feeds, &feed.venue, Arc::clone(feed));
            }
            Payload::Rows(rows) => {
                let has_room = self.tables.len() < MAX_KEPT;
                let is_known = self.tables.contains_key(&rows.table);
                if has_room || is_known {
                    let table = self.tables.entry(rows.table.clone()).or_default();
                    table.take(rows, at);
                }
            }
            Payload::Readings(readings) => {
                for reading in readings {
                    keep(&mut self.readings, &reading.name, (reading.clone(), at));
                }
            }
            Payload::Fleet(fleet) => {
                self.last = Some(at);
                return self.take_fleet(fleet);
            }
            _ => {}
        }
        self.last = Some(at);
        None
    }

    fn take_fleet(&mut self, fleet: &Arc<Fleet>) -> Option<VerdictChange> {
        let before = self.fleet.replace(Arc::clone(fleet));
        if before.is_some_and(|before| before.verdict == fleet.verdict) {
            return None;
        }
        // The worst wins and the last decides, so one of each is enough.
        self.verdicts.retain(|verdict| *verdict != fleet.verdict);
        self.verdicts.push(fleet.verdict);
        Some(VerdictChange {
            at: fleet.verdict_since,
            verdict: fleet.verdict,
            evidence: fleet.evidence.clone(),
        })
    }

    /// What was wrong with its fleet, from the verdicts so far; `None` if nothing was, or there is
    /// none.
    pub fn fleet_trouble(&self) -> Option<String> {
        let fleet = self.fleet.as_ref()?;
        let last = fleet.verdict.as_str();
        let words = match FleetVerdict::exit_code(self.verdicts.iter().copied()) {
            0 => return None,
            1 => return Some(format!("no verdict was reached: {}", fleet.evidence)),
            4 => "the fleet was down",
            5 => "its connection brought no heart-beat",
            _ => "what the fleet pushed could not be believed all the time",
        };
        Some(format!("{words}; at the end: {last}"))
    }

    /// Whether it has said anything that a table shows.
    pub fn has_data(&self) -> bool {
        !self.books.is_empty()
            || self.fleet.is_some()
            || !self.tables.is_empty()
            || !self.readings.is_empty()
    }

    /// How long a live book of `venue` may be silent.
    pub fn fresh_for_ns(&self, venue: &PlainText) -> u64 {
        let feed = self.feeds.get(venue);
        feed.map_or(FRESH_FOR_NS, |feed| feed.fresh_for_ns)
    }

    /// Whether it will say nothing more.
    pub fn has_ended(&self) -> bool {
        matches!(
            self.link,
            Some(LinkState::Ended | LinkState::Down { retry_in: None, .. })
        )
    }
}

fn keep<K: Ord + Clone, V>(all: &mut BTreeMap<K, V>, key: &K, value: V) {
    if all.len() < MAX_KEPT || all.contains_key(key) {
        all.insert(key.clone(), value);
    }
}
