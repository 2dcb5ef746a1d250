//! Which events of a server are listened to, and how each becomes rows.

use std::collections::{BTreeMap, BTreeSet};

use super::Picker;
use crate::model::text::printable;

/// Pickers by the name of the event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventPickers {
    /// Empty for all.
    wanted: BTreeSet<String>,
    pickers: BTreeMap<String, Picker>,
    other: Picker,
}

/// What is written for one event, or for all that nothing else is written for.
#[derive(Clone, Copy, Debug, Default)]
struct Written<'a> {
    rows: Option<&'a str>,
    key: Option<&'a str>,
    is_whole: bool,
}

impl EventPickers {
    /// Pickers as they are written:
    ///
    /// - `events`: lists with commas of the events to listen to; none for all of them
    /// - `rows`: `$.data[*]` for any event, or `EVENT:$.data[*]`
    /// - `keys`: `symbol` for any event, or `EVENT:symbol`
    /// - `whole`: `true` for any event, or a list with commas of those that have all rows there are
    ///
    /// # Errors
    /// A sentence that says what is wrong with which of them.
    pub fn parse(
        events: &[String],
        rows: &[String],
        keys: &[String],
        whole: &[String],
    ) -> Result<Self, String> {
        let wanted: BTreeSet<String> = listed(events);
        if wanted.is_empty() && !events.is_empty() {
            return Err("events= names no event: write events=NAME,NAME".to_owned());
        }
        let mut all = Written::default();
        let mut each: BTreeMap<&str, Written<'_>> = BTreeMap::new();
        for written in rows {
            let split = written.find(":$").filter(|_| !written.starts_with('$'));
            let event = split.and_then(|at| written.get(..at));
            let path = split.map_or(Some(written.as_str()), |at| {
                written.get(at.saturating_add(1)..)
            });
            set(&mut all, &mut each, event, "rows", |w| &mut w.rows, path)?;
        }
        for written in keys {
            let named = wanted
                .iter()
                .map(String::as_str)
                .chain(each.keys().copied());
            let known = named
                .filter(|event| {
                    let rest = written.strip_prefix(event);
                    rest.is_some_and(|rest| rest.starts_with(':'))
                })
                .max_by_key(|event| event.len())
                .map(str::len);
            let bare = || written.find(':').filter(|at| !has_brace(written, *at));
            let split = known.or_else(bare);
            let event = split.and_then(|at| written.get(..at));
            let key = split.map_or(Some(written.as_str()), |at| {
                written.get(at.saturating_add(1)..)
            });
            set(&mut all, &mut each, event, "key", |w| &mut w.key, key)?;
        }
        let whole = listed(whole);
        for name in &whole {
            match name.as_str() {
                "true" => all.is_whole = true,
                "false" => {}
                event => each.entry(event).or_default().is_whole = true,
            }
        }
        let left_out = |event: &&&str| !wanted.is_empty() && !wanted.contains(**event);
        if let Some(event) = each.keys().find(left_out) {
            return Err(format!(
                "something is written for the event \"{}\", which events= leaves out: add it there",
                printable(event)
            ));
        }
        let picker = |event: Option<&str>, own: Written<'_>| {
            let (rows, key) = (own.rows.or(all.rows), own.key.or(all.key));
            let whole = own.is_whole || all.is_whole;
            Picker::new(rows, key, None, whole).map_err(|error| match event {
                Some(event) => format!("{}: {error}", printable(event)),
                None => error.to_string(),
            })
        };
        let pickers = each.iter().map(|(event, own)| {
            let made = picker(Some(event), *own)?;
            Ok(((*event).to_owned(), made))
        });
        Ok(Self {
            pickers: pickers.collect::<Result<_, String>>()?,
            other: picker(None, Written::default())?,
            wanted,
        })
    }

    /// Whether an event is listened to.
    pub fn wants(&self, event: &str) -> bool {
        self.wanted.is_empty() || self.wanted.contains(event)
    }

    /// What makes rows of an event.
    pub fn of(&self, event: &str) -> &Picker {
        self.pickers.get(event).unwrap_or(&self.other)
    }
}

/// Names from lists with commas.
fn listed(written: &[String]) -> BTreeSet<String> {
    let names = written.iter().flat_map(|list| list.split(','));
    let names = names.map(str::trim).filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

/// Whether a colon stands behind a brace, in the text of a key and not behind a name.
fn has_brace(written: &str, colon: usize) -> bool {
    written.get(..colon).is_some_and(|head| head.contains('{'))
}

fn set<'a>(
    all: &mut Written<'a>,
    each: &mut BTreeMap<&'a str, Written<'a>>,
    event: Option<&'a str>,
    option: &str,
    field: impl for<'w> Fn(&'w mut Written<'a>) -> &'w mut Option<&'a str>,
    value: Option<&'a str>,
) -> Result<(), String> {
    let place = field(match event {
        Some(event) => each.entry(event).or_default(),
        None => all,
    });
    if place.is_some() {
        let whose = event.map_or("any event".to_owned(), |event| {
            format!("the event \"{}\"", printable(event))
        });
        return Err(format!(
            "{option}= is there twice for {whose}: leave one out"
        ));
    }
    *place = value;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn each_event_has_its_own_picker_or_that_of_all() {
        let found = EventPickers::parse(
            &texts(&["tick, a:b", "log"]),
            &texts(&["$.data[*]", "a:b:$.x.*"]),
            &texts(&["tick:{v}:{s}", "id", "a:b:@"]),
            &texts(&["a:b"]),
        )
        .unwrap();
        let made = |rows, key, whole| Picker::new(Some(rows), Some(key), None, whole).unwrap();
        assert_eq!(found.of("tick"), &made("$.data[*]", "{v}:{s}", false));
        assert_eq!(found.of("a:b"), &made("$.x.*", "@", true));
        assert_eq!(found.of("log"), &made("$.data[*]", "id", false));
        assert!(found.wants("log") && !found.wants("frame"));

        let nothing = EventPickers::parse(&[], &[], &[], &[]).unwrap();
        assert_eq!(nothing, EventPickers::default());
        assert!(nothing.wants("anything"));

        let braces =
            EventPickers::parse(&[], &[], &texts(&["{v}:{s}"]), &texts(&["true"])).unwrap();
        let made = Picker::new(None, Some("{v}:{s}"), None, true).unwrap();
        assert_eq!(braces.of("tick"), &made);
    }

    #[test]
    fn what_is_written_wrongly_is_said() {
        type Case = (
            &'static [&'static str],
            &'static [&'static str],
            &'static [&'static str],
            &'static str,
        );
        let cases: [Case; 6] = [
            (&[" , "], &[], &[], "events=NAME,NAME"),
            (&["a"], &["b:$.x"], &[], "\"b\", which events= leaves out"),
            (
                &[],
                &["$.x", "$.y"],
                &[],
                "rows= is there twice for any event",
            ),
            (
                &[],
                &[],
                &["t:a", "t:b"],
                "key= is there twice for the event \"t\"",
            ),
            (&[], &["t:$x"], &[], "t: \"$x\", character 2"),
            (&[], &["data"], &[], "begins with $"),
        ];
        for (events, rows, keys, part) in cases {
            let (events, rows, keys) = (texts(events), texts(rows), texts(keys));
            let error = EventPickers::parse(&events, &rows, &keys, &[]).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
