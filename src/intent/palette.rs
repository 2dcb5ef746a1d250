//! The words of the `:` palette: what may be typed, what it means, how it is completed.

/// A command typed into the palette.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Go to the screen of this name.
    Screen(String),
    /// Start writing to disk.
    Record,
    /// Stop writing to disk.
    StopRecording,
    /// Ask a source to start its live view; the current one if none is named.
    LiveStart(Option<String>),
    /// Ask a source to stop the live view that was started here.
    LiveStop(Option<String>),
    /// Ask a source for its state again.
    Refresh(Option<String>),
    /// Show only what contains this text; empty shows all.
    Filter(String),
    /// Sort the signals.
    Sort(String),
    /// Look different.
    Theme(String),
    /// Show the camera of this name.
    Camera(String),
    /// Hold the screen, or let it go on.
    Freeze,
    /// Show the help.
    Help,
    /// Leave the program.
    Quit,
}

/// A word the palette knows.
#[derive(Clone, Copy, Debug)]
pub struct Verb {
    /// The word.
    pub name: &'static str,
    /// What may follow, as help writes it.
    pub arguments: &'static str,
    /// What it does.
    pub sentence: &'static str,
    takes: Takes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    Nothing,
    Screen,
    StartOrStop,
    Source,
    Text,
    Column,
    Theme,
    Camera,
}

const fn verb(
    name: &'static str,
    arguments: &'static str,
    takes: Takes,
    sentence: &'static str,
) -> Verb {
    Verb {
        name,
        arguments,
        sentence,
        takes,
    }
}

/// All words, in the order of the help.
pub const VERBS: [Verb; 12] = [
    verb("screen", "NAME", Takes::Screen, "Go to a screen."),
    verb("record", "", Takes::Nothing, "Start writing to disk."),
    verb(
        "stop-recording",
        "",
        Takes::Nothing,
        "Stop writing to disk.",
    ),
    verb(
        "live",
        "start|stop [SOURCE]",
        Takes::StartOrStop,
        "Start or stop the live view of a source.",
    ),
    verb(
        "refresh",
        "[SOURCE]",
        Takes::Source,
        "Read positions, detectors and streams again.",
    ),
    verb(
        "filter",
        "TEXT",
        Takes::Text,
        "Show only what contains a text; no text shows all.",
    ),
    verb("sort", "COLUMN", Takes::Column, "Sort the signals."),
    verb("theme", "NAME", Takes::Theme, "Look different."),
    verb(
        "camera",
        "NAME",
        Takes::Camera,
        "Show a camera or source on the scope screen.",
    ),
    verb(
        "freeze",
        "",
        Takes::Nothing,
        "Hold the screen, or let it go on.",
    ),
    verb("help", "", Takes::Nothing, "Show the keys and these words."),
    verb(
        "quit",
        "",
        Takes::Nothing,
        "Leave the program; asks while it records.",
    ),
];

/// The names a command may refer to just now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vocabulary {
    /// Screens.
    pub screens: Vec<String>,
    /// Sources.
    pub sources: Vec<String>,
    /// Cameras and sources without one.
    pub cameras: Vec<String>,
    /// Ways to sort.
    pub columns: Vec<String>,
    /// Themes.
    pub themes: Vec<String>,
}

/// A command that cannot be carried out as typed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaletteError {
    /// The first word is not known.
    #[error("there is no command \"{got}\"; write {}, or press Tab", any_of(.known))]
    UnknownVerb {
        /// What was typed.
        got: String,
        /// The words that begin like it, or all.
        known: Vec<String>,
    },
    /// Something has to follow.
    #[error("{verb}: which? write {verb} and {}", any_of(.known))]
    Missing {
        /// The command.
        verb: &'static str,
        /// What may follow.
        known: Vec<String>,
    },
    /// The name is not known.
    #[error("{verb}: there is no \"{got}\"; write {}", any_of(.known))]
    UnknownName {
        /// The command.
        verb: &'static str,
        /// What was typed.
        got: String,
        /// What may be written.
        known: Vec<String>,
    },
    /// Nothing may follow.
    #[error("{verb}: \"{got}\" is too much; write {verb} alone")]
    TooMuch {
        /// The command.
        verb: &'static str,
        /// What was typed behind it.
        got: String,
    },
}

fn any_of(known: &[String]) -> String {
    match known {
        [] => "nothing: there is none yet".to_owned(),
        [only] => only.clone(),
        [head @ .., last] => format!("{} or {last}", head.join(", ")),
    }
}

/// What a line means. A leading colon and blanks around it do not matter.
pub fn parse(line: &str, vocabulary: &Vocabulary) -> Result<Order, PaletteError> {
    let line = line.trim().trim_start_matches(':').trim_start();
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    let Some(verb) = VERBS.iter().find(|verb| verb.name == word) else {
        let all = || VERBS.iter().map(|verb| verb.name);
        let head: String = word.chars().take(2).collect();
        let near: Vec<&str> = all()
            .filter(|name| !head.is_empty() && name.starts_with(&head))
            .collect();
        let known = if near.is_empty() {
            all().collect()
        } else {
            near
        };
        return Err(PaletteError::UnknownVerb {
            got: word.to_owned(),
            known: known.into_iter().map(str::to_owned).collect(),
        });
    };
    let optional = |given: &str| -> Result<Option<String>, PaletteError> {
        if given.is_empty() {
            return Ok(None);
        }
        one_of(verb.name, given, &vocabulary.sources).map(Some)
    };
    match verb.takes {
        Takes::Nothing if !rest.is_empty() => Err(PaletteError::TooMuch {
            verb: verb.name,
            got: rest.to_owned(),
        }),
        Takes::Nothing => Ok(match verb.name {
            "record" => Order::Record,
            "stop-recording" => Order::StopRecording,
            "freeze" => Order::Freeze,
            "quit" => Order::Quit,
            _ => Order::Help,
        }),
        Takes::Screen => one_of(verb.name, rest, &vocabulary.screens).map(Order::Screen),
        Takes::Column => one_of(verb.name, rest, &vocabulary.columns).map(Order::Sort),
        Takes::Theme => one_of(verb.name, rest, &vocabulary.themes).map(Order::Theme),
        Takes::Camera => one_of(verb.name, rest, &vocabulary.cameras).map(Order::Camera),
        Takes::Text => Ok(Order::Filter(rest.to_owned())),
        Takes::Source => optional(rest).map(Order::Refresh),
        Takes::StartOrStop => {
            let (which, source) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
            let which = one_of(verb.name, which, &start_or_stop())?;
            let source = optional(source.trim())?;
            Ok(if which == "start" {
                Order::LiveStart(source)
            } else {
                Order::LiveStop(source)
            })
        }
    }
}

fn start_or_stop() -> Vec<String> {
    vec!["start".to_owned(), "stop".to_owned()]
}

fn one_of(verb: &'static str, given: &str, known: &[String]) -> Result<String, PaletteError> {
    if given.is_empty() {
        return Err(PaletteError::Missing {
            verb,
            known: known.to_vec(),
        });
    }
    known
        .iter()
        .find(|name| name.eq_ignore_ascii_case(given))
        .cloned()
        .ok_or_else(|| PaletteError::UnknownName {
            verb,
            got: given.to_owned(),
            known: known.to_vec(),
        })
}

/// Whole lines that `line` may become, in the order of the table.
pub fn completions(line: &str, vocabulary: &Vocabulary) -> Vec<String> {
    let line = line.trim_start();
    let Some((word, rest)) = line.split_once(char::is_whitespace) else {
        return VERBS
            .iter()
            .filter(|verb| verb.name.starts_with(line))
            .map(|verb| match verb.takes {
                Takes::Nothing => verb.name.to_owned(),
                _ => format!("{} ", verb.name),
            })
            .collect();
    };
    let Some(verb) = VERBS.iter().find(|verb| verb.name == word) else {
        return Vec::new();
    };
    let rest = rest.trim_start();
    let start_or_stop = start_or_stop();
    let (before, typed, known) = match verb.takes {
        Takes::Nothing | Takes::Text => return Vec::new(),
        Takes::Screen => (String::new(), rest, &vocabulary.screens),
        Takes::Column => (String::new(), rest, &vocabulary.columns),
        Takes::Theme => (String::new(), rest, &vocabulary.themes),
        Takes::Camera => (String::new(), rest, &vocabulary.cameras),
        Takes::Source => (String::new(), rest, &vocabulary.sources),
        Takes::StartOrStop => match rest.split_once(char::is_whitespace) {
            Some((which, source)) => (
                format!("{which} "),
                source.trim_start(),
                &vocabulary.sources,
            ),
            None => (String::new(), rest, &start_or_stop),
        },
    };
    let typed = typed.to_lowercase();
    known
        .iter()
        .filter(|name| name.to_lowercase().starts_with(&typed))
        .map(|name| format!("{word} {before}{name}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary() -> Vocabulary {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect();
        Vocabulary {
            screens: words("overview scope pipeline journal"),
            sources: words("scope kraken"),
            cameras: words("WidefieldCamera FocusLock"),
            columns: words("name age change"),
            themes: words("dark light"),
        }
    }

    #[test]
    fn lines_and_their_meaning() {
        let cases = [
            ("screen journal", Order::Screen("journal".into())),
            (":screen  Overview ", Order::Screen("overview".into())),
            ("record", Order::Record),
            ("stop-recording", Order::StopRecording),
            ("live start", Order::LiveStart(None)),
            ("live stop kraken", Order::LiveStop(Some("kraken".into()))),
            ("refresh", Order::Refresh(None)),
            ("filter stage X", Order::Filter("stage X".into())),
            ("filter", Order::Filter(String::new())),
            ("sort age", Order::Sort("age".into())),
            ("theme light", Order::Theme("light".into())),
            ("camera focuslock", Order::Camera("FocusLock".into())),
            ("freeze", Order::Freeze),
            ("help", Order::Help),
            ("quit", Order::Quit),
        ];
        for (line, order) in cases {
            assert_eq!(parse(line, &vocabulary()), Ok(order), "{line}");
        }
    }

    #[test]
    fn mistakes_say_what_to_write() {
        let cases = [
            (
                "qiut",
                "there is no command \"qiut\"; write screen, record,",
            ),
            (
                "rec",
                "there is no command \"rec\"; write record or refresh, or press Tab",
            ),
            ("theme", "theme: which? write theme and dark or light"),
            (
                "theme dusk",
                "theme: there is no \"dusk\"; write dark or light",
            ),
            ("live on", "live: there is no \"on\"; write start or stop"),
            (
                "live stop x",
                "live: there is no \"x\"; write scope or kraken",
            ),
            ("quit now", "quit: \"now\" is too much; write quit alone"),
        ];
        for (line, sentence) in cases {
            let error = parse(line, &vocabulary()).unwrap_err().to_string();
            assert!(error.starts_with(sentence), "{line}: {error}");
        }
    }

    #[test]
    fn completion_offers_whole_lines() {
        let cases: [(&str, &[&str]); 8] = [
            ("re", &["record", "refresh "]),
            ("screen p", &["screen pipeline"]),
            ("theme ", &["theme dark", "theme light"]),
            ("live ", &["live start", "live stop"]),
            ("live start k", &["live start kraken"]),
            ("camera wide", &["camera WidefieldCamera"]),
            ("quit ", &[]),
            ("nonsense x", &[]),
        ];
        for (line, offered) in cases {
            assert_eq!(completions(line, &vocabulary()), offered, "{line}");
        }
        assert_eq!(completions("", &vocabulary()).len(), VERBS.len());
    }
}
