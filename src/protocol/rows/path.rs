//! Paths: which values of a message are meant.

use serde_json::value::RawValue;

use super::auto::Found;
use super::json::{Node, open};
use super::key::{Place, scalar_text};
use super::{ExpressionError, MOST_ROWS};
use crate::model::PlainText;

/// Steps from the message to its values, one inside the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Member(String),
    Item(usize),
    EveryMember,
    EveryItem,
}

/// Steps of one path; each reads its part of the message again.
const MOST_STEPS: usize = 16;

/// Characters that a name has only between quotes.
fn is_special(c: char) -> bool {
    matches!(
        c,
        '.' | '[' | ']' | '*' | '"' | '\'' | '{' | '}' | '$' | '@'
    ) || c.is_whitespace()
        || c.is_control()
}

impl Path {
    /// A path that begins at the message, e.g. `$.data[*]`.
    pub(super) fn from_root(written: &str) -> Result<Self, ExpressionError> {
        let mut reader = Reader::new(written);
        if !reader.takes('$') {
            return Err(reader.error(
                "a path begins with $, the message".to_owned(),
                "write for example $.data[*]",
            ));
        }
        reader.steps(false).map(Self)
    }

    /// A path that begins at a row, e.g. `symbol` or `info.ids[0]`, and means one value.
    pub(super) fn from_row(written: &str) -> Result<Self, ExpressionError> {
        Reader::new(written).steps(true).map(Self)?.alone(written)
    }

    /// A path that begins at the message and means one value, e.g. `$.channel`.
    pub(super) fn one(written: &str) -> Result<Self, ExpressionError> {
        Self::from_root(written)?.alone(written)
    }

    fn alone(self, written: &str) -> Result<Self, ExpressionError> {
        match written.find('*') {
            Some(at)
                if self
                    .0
                    .iter()
                    .any(|step| matches!(step, Step::EveryMember | Step::EveryItem)) =>
            {
                let mut reader = Reader::new(written);
                reader.at = written.get(..at).map_or(0, |head| head.chars().count());
                Err(reader.error(
                    "* means several values where one is needed".to_owned(),
                    "write a name or a number there, or @ for the name that the * in rows= stands for",
                ))
            }
            _ => Ok(self),
        }
    }

    /// The member that this is, if it is a member of the row itself.
    pub(super) fn as_member(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Step::Member(name)] => Some(name),
            _ => None,
        }
    }

    /// Finds the values that are meant.
    pub(super) fn visit<'a>(&self, root: &'a RawValue, found: &mut Found<'a>) {
        walk(&self.0, root, &mut Vec::new(), found);
    }

    /// The text of the one value that is meant, if it is a text, a number, true or false.
    pub(super) fn scalar_in(&self, root: &RawValue) -> Option<String> {
        let mut found = Found::default();
        self.visit(root, &mut found);
        let (_, raw) = found.values.first()?;
        scalar_text(raw)
    }
}

fn walk<'a>(steps: &[Step], raw: &'a RawValue, places: &mut Vec<Place<'a>>, found: &mut Found<'a>) {
    let Some((step, rest)) = steps.split_first() else {
        found.add(places, raw);
        return;
    };
    let Some(node) = open(raw) else {
        found.unreadable = found.unreadable.saturating_add(1);
        return;
    };
    match (step, node) {
        (Step::Member(name), Node::Object(members)) => {
            if let Some(raw) = members.get(name) {
                walk(rest, raw, places, found);
            }
        }
        (Step::Item(index), Node::Array(items)) => {
            if let Some(raw) = items.items.get(*index) {
                walk(rest, raw, places, found);
            }
        }
        (Step::EveryMember, Node::Object(members)) => {
            found.matched = true;
            found.more = found.more.saturating_add(members.more);
            for (name, raw) in members.members {
                places.push(Place::Name(name));
                walk(rest, raw, places, found);
                places.pop();
            }
        }
        (Step::EveryItem, Node::Array(items)) => {
            found.matched = true;
            found.more = found.more.saturating_add(items.more);
            for (index, raw) in items.items.into_iter().enumerate() {
                places.push(Place::Index(index));
                walk(rest, raw, places, found);
                places.pop();
            }
        }
        // The message is of another kind.
        _ => {}
    }
}

/// Reads an expression character by character.
struct Reader<'a> {
    written: &'a str,
    chars: Vec<char>,
    at: usize,
}

impl<'a> Reader<'a> {
    fn new(written: &'a str) -> Self {
        Self {
            written,
            chars: written.chars().collect(),
            at: 0,
        }
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at = self.at.saturating_add(1);
        Some(next)
    }

    fn takes(&mut self, wanted: char) -> bool {
        let is_there = self.peek() == Some(wanted);
        if is_there {
            self.at = self.at.saturating_add(1);
        }
        is_there
    }

    fn error(&self, problem: String, advice: &'static str) -> ExpressionError {
        ExpressionError {
            written: PlainText::from_peer_head(self.written, 200),
            at: self.at.saturating_add(1),
            problem,
            advice,
        }
    }

    /// What stands here, for an error.
    fn here(&self) -> String {
        match self.peek() {
            Some(c) => format!("not {}", PlainText::from(format!("\"{c}\""))),
            None => "not the end".to_owned(),
        }
    }

    /// All steps to the end; with `bare_start` the first may be a name without a dot.
    fn steps(&mut self, bare_start: bool) -> Result<Vec<Step>, ExpressionError> {
        let mut steps = Vec::new();
        if bare_start && self.peek() != Some('[') {
            steps.push(Step::Member(self.name()?));
        }
        while let Some(c) = self.peek() {
            if steps.len() >= MOST_STEPS {
                return Err(self.error(
                    format!("there are more than {MOST_STEPS} steps"),
                    "pick something nearer to the message",
                ));
            }
            steps.push(match c {
                '.' => {
                    self.at = self.at.saturating_add(1);
                    match self.takes('*') {
                        true => Step::EveryMember,
                        false => Step::Member(self.name()?),
                    }
                }
                '[' => {
                    self.at = self.at.saturating_add(1);
                    self.in_brackets()?
                }
                _ => {
                    return Err(self.error(
                        format!("a step begins with . or [, {}", self.here()),
                        "write .name, .*, [0], [*] or [\"any name\"]",
                    ));
                }
            });
        }
        Ok(steps)
    }

    fn name(&mut self) -> Result<String, ExpressionError> {
        let mut name = String::new();
        while let Some(c) = self.peek().filter(|c| !is_special(*c)) {
            name.push(c);
            self.at = self.at.saturating_add(1);
        }
        match name.is_empty() {
            false => Ok(name),
            true => Err(self.error(
                format!("a name is needed here, {}", self.here()),
                "write the name of a member, or [\"any name\"] if it has other characters than letters, digits, - and _",
            )),
        }
    }

    fn in_brackets(&mut self) -> Result<Step, ExpressionError> {
        const ADVICE: &str = "write [0], [*] or [\"any name\"]";
        let step = match self.peek() {
            Some('*') => {
                self.at = self.at.saturating_add(1);
                Step::EveryItem
            }
            Some('"') => {
                self.at = self.at.saturating_add(1);
                Step::Member(self.quoted()?)
            }
            Some(c) if c.is_ascii_digit() => {
                let begin = self.at;
                let mut index = 0_usize;
                while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
                    index = index.saturating_mul(10).saturating_add(digit as usize);
                    self.at = self.at.saturating_add(1);
                }
                if index >= MOST_ROWS {
                    self.at = begin;
                    return Err(self.error(
                        format!(
                            "no list is read further than item {}",
                            MOST_ROWS.saturating_sub(1)
                        ),
                        "write a smaller number, or [*] for all",
                    ));
                }
                Step::Item(index)
            }
            _ => {
                let problem = format!("a number, * or a name in quotes is needed, {}", self.here());
                return Err(self.error(problem, ADVICE));
            }
        };
        match self.takes(']') {
            true => Ok(step),
            false => Err(self.error(format!("a ] is needed here, {}", self.here()), ADVICE)),
        }
    }

    /// A name after its opening quote; `\"` and `\\` stand for themselves.
    fn quoted(&mut self) -> Result<String, ExpressionError> {
        let begin = self.at;
        let mut name = String::new();
        while let Some(c) = self.next() {
            match c {
                '"' => return Ok(name),
                '\\' => match self.next() {
                    Some(c @ ('"' | '\\')) => name.push(c),
                    _ => {
                        self.at = self.at.saturating_sub(1);
                        return Err(self.error(
                            "a backslash stands before a quote or another backslash".to_owned(),
                            r#"write \" or \\"#,
                        ));
                    }
                },
                c => name.push(c),
            }
        }
        self.at = begin;
        Err(self.error(
            "the name has no closing quote".to_owned(),
            "write [\"any name\"]",
        ))
    }
}
