//! The light of a book in a glyph, a letter and words, before it is a colour.

use super::{KnownBook, Market};
use crate::model::market::Light;
use crate::model::{BookState, BookView, FeedWay, Integrity, Stamp};
use crate::ui::{Role, number};

/// How a book stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lamp {
    /// The light.
    pub light: Light,
    /// One column.
    pub glyph: &'static str,
    /// The same for eyes and fonts that take letters: `~` starting, `+` fresh, `!` stale, `x`
    /// failed. Source: order-book specification, section 14.
    pub letter: &'static str,
    /// A word or two.
    pub words: String,
    /// How it looks.
    pub role: Role,
}

impl Lamp {
    /// How `book` stands at `at`.
    pub fn of(book: &KnownBook, at: Stamp) -> Self {
        let view = &*book.view;
        let light = book.light(at);
        let (glyph, letter, role) = match light {
            Light::Fresh => ("●", "+", Role::Good),
            Light::Starting => ("◌", "~", Role::Starting),
            Light::Stale => ("◐", "!", Role::Warning),
            Light::Failed => ("✕", "x", Role::Error),
        };
        let words = match &view.state {
            BookState::Starting(_) => "starting".to_owned(),
            BookState::Closed(_) => "closed".to_owned(),
            BookState::Failed(_) => "failed".to_owned(),
            BookState::Desync(_) => "resync".to_owned(),
            BookState::Live if light == Light::Fresh => "live".to_owned(),
            BookState::Live if view.is_crossed => "crossed".to_owned(),
            BookState::Live if is_old(book, at) => match view.age_ns(at) {
                Some(_) => format!("stale {}", age(view, at)),
                None => "stale".to_owned(),
            },
            BookState::Live => match view.way {
                FeedWay::Fallback => "polling".to_owned(),
                FeedWay::Stream | FeedWay::Polling => "no checksum".to_owned(),
            },
        };
        Self {
            light,
            glyph,
            letter,
            words,
            role,
        }
    }

    /// Glyph, letter and words.
    pub fn text(&self) -> String {
        format!("{} {} {}", self.glyph, self.letter, self.words)
    }

    /// Whether nothing is wrong with it.
    pub fn is_fresh(&self) -> bool {
        self.light == Light::Fresh
    }
}

/// Why a book is not fresh at `at`, in a sentence; `None` if it is.
pub fn reason(book: &KnownBook, at: Stamp) -> Option<String> {
    let view = &*book.view;
    if let Some(words) = view.state.detail() {
        return Some(words.to_string());
    }
    let mut reasons = Vec::new();
    if view.is_crossed {
        reasons.push("best bid at or above best ask".to_owned());
    }
    if is_old(book, at) {
        reasons.push(match view.age_ns(at) {
            Some(_) => format!("nothing for {}", age(view, at)),
            None => "nothing has come yet".to_owned(),
        });
    }
    if view.integrity == Integrity::ChecksumOff {
        reasons.push("checksum failed again and again: not checked any more".to_owned());
    }
    if view.way == FeedWay::Fallback {
        reasons.push("the stream does not stand: asked for over HTTP".to_owned());
    }
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

/// How the books of a source stand together: `3 of 3 books`, as bad as the worst of them, and what is
/// wrong with that one. `None` without a book.
pub fn together(market: &Market, at: Stamp) -> Option<(Lamp, Option<String>)> {
    let is_fresh = |light: Light| light == Light::Fresh;
    let (mut books, mut fresh) = (0_u64, 0_u64);
    let mut worst: Option<(Light, &KnownBook)> = None;
    for book in market.books() {
        let light = book.light(at);
        books += 1;
        fresh += u64::from(is_fresh(light));
        // Of equals the first.
        if worst.is_none_or(|(known, _)| light > known) {
            worst = Some((light, book));
        }
    }
    let (_, book) = worst?;
    let mut lamp = Lamp::of(book, at);
    let why = reason(book, at).map(|why| {
        let name = &book.view.book.symbol;
        match books - fresh {
            0 | 1 => format!("{name} {}: {why}", lamp.words),
            more => format!("{name} {}: {why} · {} more", lamp.words, more - 1),
        }
    });
    if lamp.light == Light::Failed && fresh > 0 {
        // One book that is refused is no feed that is down.
        (lamp.glyph, lamp.role) = ("◐", Role::Warning);
    }
    let noun = if books == 1 { "book" } else { "books" };
    lamp.words = format!("{fresh} of {books} {noun}");
    Some((lamp, why))
}

fn is_old(book: &KnownBook, at: Stamp) -> bool {
    let age_ns = book.view.age_ns(at);
    age_ns.is_none_or(|age| age >= book.fresh_for_ns)
}

/// The age of a book in whole seconds, cut: `0 s`, `12 s`, `4 min`; `-` if it never came.
pub fn age(view: &BookView, at: Stamp) -> String {
    match view.age_ns(at) {
        Some(ns) => seconds(ns),
        None => "-".to_owned(),
    }
}

/// As [`age`], of nanoseconds.
pub fn seconds(ns: u64) -> String {
    match ns / 1_000_000_000 {
        0 => "0 s".to_owned(),
        s => number::age(std::time::Duration::from_secs(s)),
    }
}
