//! What a row is known by.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::json::{Node, open};
use super::path::Path;
use super::{ExpressionError, KEY_BYTES};
use crate::model::PlainText;

/// What a `*` stood for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place<'a> {
    Name(Cow<'a, str>),
    Index(usize),
}

/// The key of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Keyed {
    pub(super) text: PlainText,
    /// The member of the row that it is, so that it needs no cell.
    pub(super) member: Option<String>,
}

impl Keyed {
    pub(super) fn new(text: &str, member: Option<&str>) -> Self {
        Self {
            text: PlainText::from_peer_head(text, KEY_BYTES),
            member: member.map(str::to_owned),
        }
    }
}

/// How keys are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    InRow(Path),
    InMessage(Path),
    Places,
}

impl Key {
    /// A key as it is written: `symbol`, `$.venue`, `@`, or a text with such in braces.
    pub(super) fn parse(written: &str) -> Result<Self, ExpressionError> {
        if !written.contains('{') && !written.contains('}') {
            return Ok(Self(vec![Part::parse(written)?]));
        }
        let mut parts = Vec::new();
        let mut rest = written;
        let wrong = |rest: &str, problem: &str| ExpressionError {
            written: PlainText::from_peer_head(written, 200),
            at: written
                .chars()
                .count()
                .saturating_sub(rest.chars().count())
                .saturating_add(1),
            problem: problem.to_owned(),
            advice: "write for example {venue}/{symbol}",
        };
        while let Some((text, behind)) = rest.split_once('{') {
            if text.contains('}') {
                return Err(wrong(rest, "here is a } without a { before it"));
            }
            if !text.is_empty() {
                parts.push(Part::Text(text.to_owned()));
            }
            let Some((inner, behind)) = behind.split_once('}') else {
                return Err(wrong(behind, "the { before this has no }"));
            };
            parts.push(Part::parse(inner)?);
            rest = behind;
        }
        if rest.contains('}') {
            return Err(wrong(rest, "here is a } without a { before it"));
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    /// The key of a row; `None` if a part of it is missing or no single value.
    pub(super) fn of(
        &self,
        row: &RawValue,
        message: &RawValue,
        places: &[Place<'_>],
    ) -> Option<Keyed> {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(fixed) => text.push_str(fixed),
                Part::InRow(path) => text.push_str(&path.scalar_in(row)?),
                Part::InMessage(path) => text.push_str(&path.scalar_in(message)?),
                Part::Places => text.push_str(&joined(places)),
            }
        }
        let member = match self.0.as_slice() {
            [Part::InRow(path)] => path.as_member(),
            _ => None,
        };
        Some(Keyed::new(&text, member))
    }
}

impl Part {
    fn parse(written: &str) -> Result<Self, ExpressionError> {
        match written {
            "@" => Ok(Self::Places),
            path if path.starts_with('$') => Path::one(path).map(Self::InMessage),
            path => Path::from_row(path).map(Self::InRow),
        }
    }
}

/// What the `*` of a path stood for, from the outer to the inner: `BTC`, `kraken/BTC`, `3`.
pub(super) fn joined(places: &[Place<'_>]) -> String {
    let mut text = String::new();
    for place in places {
        if !text.is_empty() {
            text.push('/');
        }
        match place {
            Place::Name(name) => text.push_str(name),
            Place::Index(index) => text.push_str(&index.to_string()),
        }
    }
    text
}

/// The text of a value that is one: a text, a number as written, true or false.
pub(super) fn scalar_text(raw: &RawValue) -> Option<String> {
    match open(raw)? {
        Node::Text(text) => Some(text.into_owned()),
        Node::Number(number) => Some(number.to_owned()),
        Node::Bool(is) => Some(is.to_string()),
        Node::Null | Node::Object(_) | Node::Array(_) => None,
    }
}
