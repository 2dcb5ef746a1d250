//! The rules where no path is given, always the same for the same message:
//!
//! 1. A list: each item is a row.
//! 2. An object whose members are all objects: each member is a row, keyed by its name.
//! 3. An object with exactly one member that is a list of objects: each item of that is a row.
//! 4. Any other object: one row.
//!
//! Without a key expression a row is known by the first of [`KEY_NAMES`] that it has as a text or
//! number, else by the name or place it stands at, else by the name of its table.

use serde_json::value::RawValue;

use super::MOST_ROWS;
use super::json::{Node, open};
use super::key::{Keyed, Place, joined, scalar_text};
use crate::model::PlainText;

/// Members that a row is known by, the first that is there; upper or lower case.
pub(super) const KEY_NAMES: [&str; 8] = [
    "id",
    "key",
    "name",
    "symbol",
    "pair",
    "product_id",
    "instId",
    "uuid",
];

/// Values that are to be rows.
#[derive(Debug, Default)]
pub(super) struct Found<'a> {
    /// Each with the places of the `*` that led to it.
    pub(super) values: Vec<(Vec<Place<'a>>, &'a RawValue)>,
    /// Values that were not kept.
    pub(super) more: u64,
    /// Values that cannot be looked into.
    pub(super) unreadable: u64,
    /// Whether there was a place for rows, be it empty.
    pub(super) matched: bool,
}

impl<'a> Found<'a> {
    pub(super) fn add(&mut self, places: &[Place<'a>], raw: &'a RawValue) {
        if self.values.len() < MOST_ROWS {
            self.values.push((places.to_vec(), raw));
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    fn add_items(&mut self, items: super::json::Items<'a>) {
        self.matched = true;
        self.more = self.more.saturating_add(items.more);
        for (index, raw) in items.items.into_iter().enumerate() {
            self.add(&[Place::Index(index)], raw);
        }
    }
}

/// Finds the rows of a message by the rules above.
pub(super) fn visit<'a>(root: &'a RawValue, found: &mut Found<'a>) {
    let members = match open(root) {
        Some(Node::Object(members)) => members,
        Some(Node::Array(items)) => return found.add_items(items),
        Some(_) => return,
        None => {
            found.unreadable = found.unreadable.saturating_add(1);
            return;
        }
    };
    let is_object = |raw: &RawValue| raw.get().starts_with('{');
    let all = &members.members;
    if !all.is_empty() && all.iter().all(|(_, raw)| is_object(raw)) {
        found.matched = true;
        found.more = found.more.saturating_add(members.more);
        for (name, raw) in members.members {
            found.add(&[Place::Name(name)], raw);
        }
        return;
    }
    let mut lists = all.iter().filter_map(|(_, raw)| match open(raw) {
        Some(Node::Array(items)) if items.items.first().is_some_and(|raw| is_object(raw)) => {
            Some(items)
        }
        _ => None,
    });
    match (lists.next(), lists.next()) {
        (Some(items), None) => found.add_items(items),
        _ if !all.is_empty() => found.add(&[], root),
        _ => {}
    }
}

/// What a row is known by where nothing is said about it.
pub(super) fn key(row: &RawValue, places: &[Place<'_>], table: &PlainText) -> Keyed {
    // A member's name is a better key than anything inside of it.
    if let [.., Place::Name(_)] = places {
        return Keyed::new(&joined(places), None);
    }
    if let Some(Node::Object(members)) = open(row) {
        for wanted in KEY_NAMES {
            let mut same = members.members.iter();
            let named = same.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            if let Some((name, raw)) = named
                && let Some(text) = scalar_text(raw).filter(|text| !text.is_empty())
            {
                return Keyed::new(&text, Some(name));
            }
        }
    }
    match places {
        [] => Keyed::new(table, None),
        places => Keyed::new(&joined(places), None),
    }
}
