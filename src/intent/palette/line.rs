//! A line in its parts: the source it is addressed to, the word, and what follows.

use super::error::PaletteError;
use super::verbs::{VERBS, Verb, find};
use super::vocabulary::Vocabulary;

/// A line in its parts.
#[derive(Debug)]
pub(super) struct Line<'a> {
    /// The source in front, as it is called.
    pub source: Option<String>,
    /// The word.
    pub verb: &'static Verb,
    /// What follows, without blanks around it.
    pub rest: &'a str,
}

impl<'a> Line<'a> {
    pub fn split(line: &'a str, vocabulary: &Vocabulary) -> Result<Self, PaletteError> {
        let line = without_colon(line).trim_end();
        let (source, body) = match address(line) {
            None => (None, line),
            Some((name, body)) => match vocabulary.source(name) {
                Some(source) => (Some(source.to_owned()), body),
                None => return Err(unknown_source(name, vocabulary)),
            },
        };
        let (word, rest) = first_word(body);
        let verb = find(word).ok_or_else(|| unknown_verb(word, source.as_deref(), vocabulary))?;
        Ok(Self { source, verb, rest })
    }
}

/// The line as it counts: the palette's own colon may have been typed again.
pub(super) fn without_colon(line: &str) -> &str {
    line.trim_start().trim_start_matches(':').trim_start()
}

/// The source that a line names in front, and the line behind its colon.
pub(super) fn address(line: &str) -> Option<(&str, &str)> {
    let (name, body) = line.split_once(':')?;
    (!name.contains(char::is_whitespace)).then(|| (name, body.trim_start()))
}

/// The first word, and the rest without blanks around it.
pub(super) fn first_word(text: &str) -> (&str, &str) {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    (word, rest.trim())
}

fn unknown_source(name: &str, vocabulary: &Vocabulary) -> PaletteError {
    PaletteError::UnknownSource {
        got: name.to_owned(),
        known: vocabulary.sources.iter().map(|s| format!("{s}:")).collect(),
    }
}

fn unknown_verb(word: &str, source: Option<&str>, vocabulary: &Vocabulary) -> PaletteError {
    let shown = || VERBS.iter().filter(|verb| vocabulary.shows(verb, source));
    let head: String = word.chars().take(2).collect();
    let mut known: Vec<String> = shown()
        .filter(|verb| !head.is_empty() && verb.name.starts_with(&head))
        .map(|verb| verb.name.to_owned())
        .collect();
    if known.is_empty() {
        known.extend(shown().map(|verb| verb.name.to_owned()));
    }
    PaletteError::UnknownVerb {
        got: word.to_owned(),
        known,
    }
}
