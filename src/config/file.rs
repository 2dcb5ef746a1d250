//! The configuration file: what it may hold, and errors that name the line.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::{self, Deserializer, SeqAccess, Visitor};
use toml::Spanned;

use super::source::{SourceSpec, Tls, is_name};

/// The file as it is written.
#[derive(Debug, Default)]
pub struct FileConfig {
    /// The file itself, for messages; empty for a configuration that is in none.
    pub path: PathBuf,
    /// The theme's name.
    pub theme: Option<Spot<String>>,
    /// What goes into the log file, in the words of `tracing`'s filter.
    pub log: Option<String>,
    /// Recording.
    pub record: RecordConfig,
    /// Keys by the name of their action; an action with several is there several times.
    pub keys: Vec<(Spot<String>, Spot<String>)>,
    /// Sources, in the order of the file.
    pub sources: Vec<SourceSpec>,
}

/// Something written, and the line it stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot<T> {
    /// What was written.
    pub value: T,
    /// Line of the file, from 1.
    pub line: usize,
}

/// The table `[record]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordConfig {
    /// The folder for recordings.
    pub dir: Option<PathBuf>,
    /// First part of the files' names.
    pub name: Option<String>,
    /// Begin when the program starts.
    pub at_start: bool,
    /// What to do when the terminal goes away.
    pub on_terminal_loss: OnTerminalLoss,
}

/// What happens when the terminal hangs up or vanishes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnTerminalLoss {
    /// A running recording goes on without a screen until it is told to stop; without a recording
    /// the program ends.
    #[default]
    KeepRecording,
    /// The recording is finished and the program ends.
    Quit,
}

/// Why a configuration cannot be used. The message names file and line.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("configuration {path} cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Something in it is wrong.
    #[error("configuration {path}, line {line}: {problem}")]
    At {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong and what to write instead.
        problem: String,
    },
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Written {
    theme: Option<Spanned<String>>,
    log: Option<String>,
    record: WrittenRecord,
    keys: BTreeMap<Spanned<String>, Spanned<WrittenKeys>>,
    sources: BTreeMap<Spanned<String>, Spanned<WrittenSource>>,
}

/// One key, or a list of them.
#[derive(Debug)]
struct WrittenKeys(Vec<String>);

impl<'de> Deserialize<'de> for WrittenKeys {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(KeysVisitor).map(Self)
    }
}

struct KeysVisitor;

impl<'de> Visitor<'de> for KeysVisitor {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key such as \"f\", or a list of keys such as [\"f\", \"F5\"]")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<Vec<String>, E> {
        Ok(vec![key.to_owned()])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<String>, A::Error> {
        let mut keys = Vec::new();
        while let Some(key) = list.next_element()? {
            keys.push(key);
        }
        match keys.is_empty() {
            true => Err(de::Error::custom(
                "an empty list names no key; write \"none\" to leave the action without one",
            )),
            false => Ok(keys),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct WrittenRecord {
    dir: Option<Spanned<PathBuf>>,
    name: Option<String>,
    at_start: bool,
    on_terminal_loss: OnTerminalLoss,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSource {
    url: Spanned<String>,
    tls_ca: Option<PathBuf>,
    tls_verify: Option<bool>,
    namespace: Option<String>,
    auth_env: Option<String>,
    engineio: Option<u8>,
    transport: Option<String>,
    #[serde(default)]
    emit: Vec<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

impl FileConfig {
    /// Reads a configuration file.
    ///
    /// # Errors
    /// When it cannot be read, or something in it is wrong.
    pub fn open(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text, path)
    }

    /// Understands the text of a configuration file; `path` is for messages.
    ///
    /// # Errors
    /// When something in it is wrong.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let at = |offset: usize, problem: String| ConfigError::At {
            path: path.to_owned(),
            line: line_of(text, offset),
            problem,
        };
        let written: Written = toml::from_str(text).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            at(offset, error.message().trim().to_owned())
        })?;

        let spot = |spanned: &Spanned<String>| Spot {
            value: spanned.get_ref().clone(),
            line: line_of(text, spanned.span().start),
        };
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut record = written.record;
        if let Some(dir) = &mut record.dir {
            let beside = beside(folder, dir.get_ref());
            *dir.get_mut() = beside.map_err(|problem| at(dir.span().start, problem))?;
        }
        let mut sources: Vec<(usize, SourceSpec)> = Vec::new();
        for (name, source) in &written.sources {
            if !is_name(name.get_ref()) {
                let problem = format!(
                    "a source cannot be called {:?}: take at most 32 letters, digits, - and _",
                    name.get_ref()
                );
                return Err(at(name.span().start, problem));
            }
            let spec = source
                .get_ref()
                .resolve(name.get_ref(), folder)
                .map_err(|problem| at(source.get_ref().url.span().start, problem))?;
            sources.push((name.span().start, spec));
        }
        sources.sort_by_key(|(offset, _)| *offset);
        Ok(Self {
            path: path.to_owned(),
            theme: written.theme.as_ref().map(spot),
            log: written.log,
            record: RecordConfig {
                dir: record.dir.map(Spanned::into_inner),
                name: record.name,
                at_start: record.at_start,
                on_terminal_loss: record.on_terminal_loss,
            },
            keys: written
                .keys
                .iter()
                .flat_map(|(action, keys)| {
                    let line = line_of(text, keys.span().start);
                    let key = move |value: &String| Spot {
                        value: value.clone(),
                        line,
                    };
                    let keys = keys.get_ref().0.iter().map(key);
                    keys.map(|key| (spot(action), key))
                })
                .collect(),
            sources: sources.into_iter().map(|(_, spec)| spec).collect(),
        })
    }
}

impl WrittenSource {
    /// The keys of the table are the options of the URL under the same names.
    fn resolve(&self, name: &str, folder: &Path) -> Result<SourceSpec, String> {
        let mut options: Vec<(&str, String)> = Vec::new();
        let mut add = |key, value: Option<String>| options.extend(value.map(|v| (key, v)));
        let ca = self.tls_ca.as_ref().map(|file| beside(folder, file));
        let ca = ca.transpose()?;
        add("tls_ca", ca.map(|file| file.to_string_lossy().into_owned()));
        add("tls_verify", self.tls_verify.map(|v| v.to_string()));
        add("namespace", self.namespace.clone());
        add("auth_env", self.auth_env.clone());
        add("engineio", self.engineio.map(|v| v.to_string()));
        add("transport", self.transport.clone());
        for event in &self.emit {
            add("emit", Some(event.clone()));
        }

        let written = self.url.get_ref();
        let mut full = written.clone();
        if !options.is_empty() {
            let query = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(&options)
                .finish();
            full.push(if written.contains('?') { '&' } else { '?' });
            full.push_str(&query);
        }
        let mut spec = SourceSpec::parse(&full).map_err(|error| error.to_string())?;
        name.clone_into(&mut spec.name);
        spec.endpoint.headers.clone_from(&self.headers);
        if let Tls::PrivateCa(file) = &spec.endpoint.tls
            && !file.is_file()
        {
            return Err(format!("tls_ca: there is no file {}", file.display()));
        }
        Ok(spec)
    }
}

/// A path as it is meant: relative ones stand beside the configuration, wherever ttyscope is
/// started.
fn beside(folder: &Path, written: &Path) -> Result<PathBuf, String> {
    if written.starts_with("~") {
        return Err(format!(
            "{}: only a shell knows ~; write the whole path",
            written.display()
        ));
    }
    Ok(folder.join(written))
}

fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::super::source::SourceKind;
    use super::*;

    fn parse(text: &str) -> Result<FileConfig, String> {
        FileConfig::parse(text, Path::new("/etc/lab/lab.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_whole_file_is_understood() {
        let config = parse(
            r#"
            theme = "light"
            [record]
            dir = "/data"
            at_start = true
            on_terminal_loss = "quit"
            [keys]
            freeze = "F"
            stop = ["ctrl-x", "F12"]
            [sources.scope]
            url = "imswitchs://lab:8001"
            tls_verify = false
            [sources.fleet]
            url = "socketio://h:5000/feed"
            namespace = "/admin"
            emit = ['["start", {"fps": 30}]', '["more"]']
            headers = { X-Lab = "a" }
            "#,
        )
        .unwrap();
        assert_eq!(
            config.theme.map(|t| (t.value, t.line)),
            Some(("light".into(), 2))
        );
        assert_eq!(config.record.on_terminal_loss, OnTerminalLoss::Quit);
        let keys = config
            .keys
            .iter()
            .map(|(action, key)| (action.value.as_str(), key.value.as_str(), key.line));
        assert_eq!(
            keys.collect::<Vec<_>>(),
            [
                ("freeze", "F", 8),
                ("stop", "ctrl-x", 9),
                ("stop", "F12", 9)
            ]
        );
        let addresses: Vec<String> = config.sources.iter().map(ToString::to_string).collect();
        assert_eq!(
            addresses,
            [
                "imswitchs://lab:8001",
                "socketio://h:5000/feed/?namespace=/admin"
            ]
        );
        assert!(config.sources[0].is_unverified());
        assert_eq!(config.sources[1].endpoint.headers["X-Lab"], "a");
        let SourceKind::SocketIo { emit, .. } = &config.sources[1].kind else {
            panic!("not a Socket.IO source");
        };
        assert_eq!(emit, &[r#"["start", {"fps": 30}]"#, r#"["more"]"#]);
    }

    #[test]
    fn an_error_names_file_line_and_remedy() {
        let cases = [
            ("theme = 5", "lab.toml, line 1"),
            (
                "\n\ncolour = \"x\"",
                "lab.toml, line 3: unknown field `colour`",
            ),
            (
                "[sources.a]\nurl = \"http://x\"",
                "line 2: \"http://x\" is not a source",
            ),
            (
                "[sources.a]\nurl = \"imswitch://x\"\ntls_verify = false",
                "line 2: \"imswitch://x\": tls options need imswitchs://",
            ),
            ("[record]\non_terminal_loss = \"maybe\"", "line 2"),
            ("[keys]\nfreeze = []", "line 2: an empty list names no key"),
            (
                "[keys]\nfreeze = 5",
                "line 2: invalid type: integer `5`, expected a key",
            ),
            ("[keys]\nfreeze = [5]", "line 2"),
            (
                "[sources.a]\nurl = \"socketio://x\"\nemit = ['[\"connect\"]']",
                "line 2: \"socketio://x\": emit, entry 1: \"connect\" is a reserved event name",
            ),
            (
                "[sources.a]\nurl = \"imswitchs://x\"\ntls_ca = \"/nope\"",
                "no file /nope",
            ),
            (
                "[sources.a]\nurl = \"imswitchs://x\"\ntls_ca = \"ca.pem\"",
                "no file /etc/lab/ca.pem",
            ),
            ("[record]\ndir = \"~/data\"", "line 2: ~/data: only a shell"),
            (
                "\n[sources.\"\\u001b[2J\"]\nurl = \"imswitch://x\"",
                "line 2: a source cannot be called \"\\u{1b}[2J\"",
            ),
            ("[sources.\"a b\"]\nurl = \"imswitch://x\"", "\"a b\""),
        ];
        for (text, part) in cases {
            let message = parse(text).unwrap_err();
            assert!(message.contains(part), "{text}: {message}");
        }
    }
}
