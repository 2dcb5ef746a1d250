//! What never reached the recorder, or came in doubt, with its time and its cause, as the file
//! tells it: losses, links that were down or silent, books that were not to be trusted, and a clock
//! that went back. No fault of the file.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::mem::take;

use super::{Finding, MAX_FINDINGS};
use crate::model::text::printable;
use crate::recording::reader::RecordedMessage;
use crate::recording::records::{BookRecord, LinkRecord, LossRecord};

/// Losses of one kind within this time are told as one.
const TOGETHER_NS: u64 = 10_000_000_000;
/// Times that are further back than this are those of a clock that was set: sources stamp side by
/// side, and less is the order in which they were heard.
pub const SET_BACK_NS: u64 = 1_000_000_000;
/// Of a book whose connection ended.
const CLOSED: &str = "the book was not to be trusted: closed";
/// Sources, books and kinds of losses that are told apart; a broken file could make up more.
const MAX_KEPT: usize = 10_000;

/// Whose loss, of what, and why.
type Kind = (String, String, String);

/// What was noted so far.
#[derive(Debug, Default)]
pub(super) struct Missed {
    notes: Vec<Finding>,
    more: u64,
    /// The note that a further loss of the same kind belongs to, and how many it tells of.
    losses: BTreeMap<Kind, (usize, u64)>,
    /// Since when a link brings nothing, and why.
    links: BTreeMap<String, (u64, String)>,
    /// Since when a book is not to be trusted, and why.
    books: BTreeMap<String, (u64, String)>,
    /// Sources that ended as they were asked to.
    ended: BTreeSet<String>,
    newest_ns: u64,
}

impl Missed {
    /// Takes a message in. One that cannot be understood says nothing here.
    pub(super) fn take(&mut self, message: &RecordedMessage) {
        let at_ns = message.log_time_ns;
        self.clock(at_ns);
        let source = || {
            let name = message.channel.metadata.get("source");
            printable(name.map_or("", String::as_str)).into_owned()
        };
        match message.channel.schema.as_str() {
            "ttyscope.Loss" => {
                if let Ok(loss) = serde_json::from_slice::<LossRecord<'_>>(&message.data) {
                    self.loss(source(), &loss, at_ns);
                }
            }
            "ttyscope.Link" => {
                if let Ok(link) = serde_json::from_slice::<LinkRecord<'_>>(&message.data) {
                    self.link(source(), &link, at_ns);
                }
            }
            "ttyscope.Book" => {
                if let Ok(book) = serde_json::from_slice::<BookRecord<'_>>(&message.data) {
                    self.book(&source(), &book, at_ns);
                }
            }
            _ => {}
        }
    }

    fn clock(&mut self, at_ns: u64) {
        let back_ns = self.newest_ns.saturating_sub(at_ns);
        if back_ns > SET_BACK_NS {
            let what = format!(
                "the clock went back by {:.3} s: times before and behind this place do not follow \
                 each other",
                back_ns as f64 / 1e9
            );
            self.note(Finding {
                from_unix_ns: Some(self.newest_ns),
                ..Finding::of("", what)
            });
            self.newest_ns = at_ns;
        }
        self.newest_ns = self.newest_ns.max(at_ns);
    }

    fn loss(&mut self, source: String, loss: &LossRecord<'_>, at_ns: u64) {
        // The recorder's own channel names them.
        let source = match &loss.source {
            Some(named) => printable(named).into_owned(),
            None => source,
        };
        let text = |text: &str| printable(text).into_owned();
        let kind = (source, text(&loss.lane), text(&loss.reason));
        if let Some((index, count)) = self.losses.get_mut(&kind)
            && let Some(note) = self.notes.get_mut(*index)
            && at_ns.saturating_sub(note.to_unix_ns.unwrap_or(0)) <= TOGETHER_NS
        {
            *count = count.saturating_add(loss.count);
            note.to_unix_ns = Some(at_ns);
            note.what = lost(&kind, *count);
            return;
        }
        let index = self.notes.len();
        self.note(Finding {
            from_unix_ns: Some(at_ns),
            to_unix_ns: Some(at_ns),
            ..Finding::of(kind.0.clone(), lost(&kind, loss.count))
        });
        if self.losses.len() < MAX_KEPT || self.losses.contains_key(&kind) {
            self.losses.insert(kind, (index, loss.count));
        }
    }

    fn link(&mut self, source: String, link: &LinkRecord<'_>, at_ns: u64) {
        let text = |text: &Option<Cow<'_, str>>| {
            printable(text.as_deref().unwrap_or("not said why")).into_owned()
        };
        match &*link.state {
            "down" => {
                let why = format!(
                    "the link was down ({}): {}",
                    text(&link.reason),
                    text(&link.detail)
                );
                self.begin_silence(source, at_ns, why);
            }
            "stale" => {
                let why = format!("connected, and silent: {}", text(&link.missing));
                self.begin_silence(source, at_ns, why);
            }
            "ended" if self.ended.len() < MAX_KEPT => {
                self.ended.insert(source);
            }
            "connected" | "live" => {
                if let Some((from_ns, why)) = self.links.remove(&source) {
                    self.between(source, from_ns, Some(at_ns), why);
                }
            }
            _ => {}
        }
    }

    /// The first reason counts: what follows is about trying again.
    fn begin_silence(&mut self, source: String, at_ns: u64, why: String) {
        if self.links.len() < MAX_KEPT {
            self.links.entry(source).or_insert((at_ns, why));
        }
    }

    fn book(&mut self, source: &str, book: &BookRecord<'_>, at_ns: u64) {
        let key = || {
            let (venue, symbol) = (printable(&book.venue), printable(&book.symbol));
            format!("{source} {venue} {symbol}")
        };
        match &*book.change {
            "clear" if self.books.len() < MAX_KEPT => {
                let reason = printable(book.reason.as_deref().unwrap_or("not said why"));
                let why = format!("the book was not to be trusted: {reason}");
                self.books.entry(key()).or_insert((at_ns, why));
            }
            "snapshot" | "replace" if !self.books.is_empty() => {
                let key = key();
                if let Some((from_ns, why)) = self.books.remove(&key) {
                    self.between(key, from_ns, Some(at_ns), why);
                }
            }
            _ => {}
        }
    }

    fn between(&mut self, of: String, from_ns: u64, to_ns: Option<u64>, what: String) {
        self.note(Finding {
            from_unix_ns: Some(from_ns),
            to_unix_ns: to_ns,
            ..Finding::of(of, what)
        });
    }

    fn note(&mut self, note: Finding) {
        match self.notes.len() < MAX_FINDINGS {
            true => self.notes.push(note),
            false => self.more = self.more.saturating_add(1),
        }
    }

    /// All notes, those of what lasted to the end among them, and how many more there were.
    pub(super) fn into_notes(mut self) -> (Vec<Finding>, u64) {
        let open = take(&mut self.links)
            .into_iter()
            .chain(take(&mut self.books));
        for (of, (from_ns, why)) in open {
            // The books of a source that was ended end with it: nothing is in doubt.
            let source =
                |name: &String| of.strip_prefix(name).is_some_and(|of| of.starts_with(' '));
            if why == CLOSED && self.ended.iter().any(source) {
                continue;
            }
            self.between(of, from_ns, None, format!("{why}; to the end"));
        }
        (self.notes, self.more)
    }
}

fn lost((_, lane, reason): &Kind, count: u64) -> String {
    format!("{count} of the {lane} lane lost: {reason}")
}
