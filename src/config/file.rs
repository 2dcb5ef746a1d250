//! The configuration file: what it may hold, and errors that name the line.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::black_box::BlackBoxConfig;
use super::control::{ControlConfig, check_operator};
use super::limits::{add_limit, limits_from};
use super::service::{LogConfig, LogTarget, MetricsConfig, Retention, keep_total, parse_days};
use super::source::{SourceKind, SourceSpec, Tls, fleet, is_name};
use super::values::{parse_rotate_every, parse_rotate_size};
use super::written::{Written, WrittenLog, WrittenMetrics, WrittenRecord, WrittenSource};
use crate::model::PictureFormat;
use crate::protocol::flamingo::{Override, Profile};

/// The file as it is written.
#[derive(Debug, Default)]
pub struct FileConfig {
    /// The file itself, for messages; empty for a configuration that is in none.
    pub path: PathBuf,
    /// The theme's name.
    pub theme: Option<Spot<String>>,
    /// How pictures are drawn.
    pub graphics: Option<Spot<String>>,
    /// What is logged, and where to.
    pub log: LogConfig,
    /// Whether the terminal is to report its mouse, if that was said.
    pub mouse: Option<bool>,
    /// Recording.
    pub record: RecordConfig,
    /// Pictures saved one by one.
    pub snapshot: SnapshotConfig,
    /// Commanding instruments.
    pub control: ControlConfig,
    /// Figures for other programs.
    pub metrics: MetricsConfig,
    /// What is kept of the last seconds.
    pub black_box: BlackBoxConfig,
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
    /// How much of them is kept.
    pub retention: Retention,
    /// Go on in another file after this time.
    pub rotate_every: Option<Duration>,
    /// Go on in another file before it grows over this many bytes.
    pub rotate_size: Option<u64>,
}

/// The table `[snapshot]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SnapshotConfig {
    /// The folder for them; `snapshots` in the folder for recordings if none is named.
    pub dir: Option<PathBuf>,
    /// What they are written as unless something else is asked for.
    pub format: PictureFormat,
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
        let resolve = |path: Option<Spanned<PathBuf>>| {
            let beside = |path: Spanned<PathBuf>| {
                beside(folder, path.get_ref()).map_err(|problem| at(path.span().start, problem))
            };
            path.map(beside).transpose()
        };
        let wrong = |(offset, problem)| at(offset, problem);
        let (record, control) = (written.record, written.control);
        let retention = record.retention().map_err(wrong)?;
        if let Some(name) = &control.operator {
            check_operator(name.get_ref()).map_err(|problem| at(name.span().start, problem))?;
        }
        let snapshot = SnapshotConfig {
            dir: resolve(written.snapshot.dir)?,
            format: match written.snapshot.format {
                None => PictureFormat::default(),
                Some(word) => PictureFormat::from_name(word.get_ref()).ok_or_else(|| {
                    let known = PictureFormat::ALL.map(PictureFormat::as_str).join(", ");
                    let problem = format!(
                        "a picture cannot be saved as {:?}: write one of {known}",
                        word.get_ref()
                    );
                    at(word.span().start, problem)
                })?,
            },
        };
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
                .map_err(|(offset, problem)| at(offset, problem))?;
            sources.push((name.span().start, spec));
        }
        sources.sort_by_key(|(offset, _)| *offset);
        let names = sources.iter().map(|(_, spec)| spec.name.as_str()).collect();
        let black_box = written.black_box.resolve(&names).map_err(wrong)?;
        Ok(Self {
            path: path.to_owned(),
            theme: written.theme.as_ref().map(spot),
            graphics: written.graphics.as_ref().map(spot),
            log: written.log.resolve().map_err(wrong)?,
            mouse: written.mouse,
            record: RecordConfig {
                dir: resolve(record.dir)?,
                name: record.name,
                at_start: record.at_start,
                on_terminal_loss: record.on_terminal_loss,
                retention,
                rotate_every: amount(record.rotate_every, parse_rotate_every)
                    .map_err(|(offset, problem)| at(offset, format!("rotate_every: {problem}")))?,
                rotate_size: amount(record.rotate_size, parse_rotate_size)
                    .map_err(|(offset, problem)| at(offset, format!("rotate_size: {problem}")))?,
            },
            snapshot,
            control: ControlConfig {
                at_start: control.at_start,
                audit: resolve(control.audit)?,
                on_exit: control.on_exit,
                operator: control.operator.map(Spanned::into_inner),
            },
            metrics: written.metrics.resolve().map_err(wrong)?,
            black_box,
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

impl FileConfig {
    /// Whether the terminal reports its mouse: unless it is told not to.
    pub fn uses_mouse(&self) -> bool {
        self.mouse.unwrap_or(true)
    }
}

/// What is wrong, and where in the text.
type Wrong = (usize, String);

impl WrittenRecord {
    /// How much of the recordings is kept.
    fn retention(&self) -> Result<Retention, Wrong> {
        let age = self.keep_days.as_ref().map(|days| {
            parse_days(*days.get_ref()).map_err(|problem| (days.span().start, problem))
        });
        let total = self
            .keep_total
            .as_ref()
            .map(|size| keep_total(size.get_ref()).map_err(|problem| (size.span().start, problem)));
        Ok(Retention {
            age: age.transpose()?,
            total_bytes: total.transpose()?,
        })
    }
}

impl WrittenLog {
    fn resolve(self) -> Result<LogConfig, Wrong> {
        let target = self.to.map(|word| {
            LogTarget::from_name(word.get_ref()).ok_or_else(|| {
                let known = LogTarget::ALL.map(LogTarget::as_str).join(", ");
                let problem = format!(
                    "a log cannot go to {:?}: write one of {known}",
                    word.get_ref()
                );
                (word.span().start, problem)
            })
        });
        Ok(LogConfig {
            filter: self.filter,
            target: target.transpose()?,
        })
    }
}

impl WrittenMetrics {
    fn resolve(self) -> Result<MetricsConfig, Wrong> {
        match self.listen {
            None => Ok(MetricsConfig {
                listen: None,
                allow_remote: self.allow_remote,
            }),
            Some(listen) => MetricsConfig::new(listen.get_ref(), self.allow_remote)
                .map_err(|problem| (listen.span().start, problem)),
        }
    }
}

impl WrittenSource {
    /// What the table means.
    fn resolve(&self, name: &str, folder: &Path) -> Result<SourceSpec, Wrong> {
        let at_url = |problem: String| (self.url.span().start, problem);
        let url = self.as_url(folder).map_err(at_url)?;
        let mut spec = SourceSpec::parse(&url).map_err(|error| at_url(error.to_string()))?;
        name.clone_into(&mut spec.name);
        let no_http = match spec.kind {
            SourceKind::Flamingo { .. } => Some("flamingo://"),
            SourceKind::Camera(_) => Some("camera:"),
            _ => None,
        };
        if let Some(scheme) = no_http.filter(|_| !self.headers.is_empty()) {
            return Err(at_url(format!(
                "headers: {scheme} is no HTTP and has none; leave them out"
            )));
        }
        if let Some(endpoint) = &mut spec.endpoint {
            endpoint.headers.clone_from(&self.headers);
            if let Tls::PrivateCa(file) = &endpoint.tls
                && !file.is_file()
            {
                return Err(at_url(format!(
                    "tls_ca: there is no file {}",
                    file.display()
                )));
            }
        }
        for (axis, numbers) in &self.limits {
            let added = limits_from(axis.get_ref(), numbers.get_ref())
                .and_then(|limit| add_limit(&mut spec.limits, axis.get_ref().clone(), limit))
                .and_then(|()| spec.kind.check_limits(&spec.limits));
            added.map_err(|problem| (axis.span().start, problem))?;
        }
        spec.measuring.is_on = self.measure.unwrap_or(spec.measuring.is_on);
        for (camera, numbers) in &self.roi {
            let added = spec.measuring.add_roi(camera.get_ref(), numbers.get_ref());
            added.map_err(|problem| (camera.span().start, problem))?;
        }
        self.resolve_codes(&mut spec)?;
        self.resolve_names(&mut spec)?;
        Ok(spec)
    }

    /// The keys of the table are the options of the URL under the same names.
    fn as_url(&self, folder: &Path) -> Result<String, String> {
        let mut options: Vec<(&str, String)> = Vec::new();
        let mut add = |key, value: Option<String>| options.extend(value.map(|v| (key, v)));
        let ca = self.tls_ca.as_ref().map(|file| beside(folder, file));
        let ca = ca.transpose()?;
        add("tls_ca", ca.map(|file| file.to_string_lossy().into_owned()));
        add("tls_verify", self.tls_verify.map(|v| v.to_string()));
        add("simulated", self.simulated.map(|v| v.to_string()));
        add("namespace", self.namespace.clone());
        add("auth_env", self.auth_env.clone());
        add("engineio", self.engineio.map(|v| v.to_string()));
        add("transport", self.transport.clone());
        add("profile", self.profile.clone());
        add("live_port", self.live_port.map(|v| v.to_string()));
        add("endpoint", self.endpoint.clone());
        add("rest", self.rest.clone());
        add("depth", self.depth.map(|v| v.to_string()));
        add("poll_ms", self.poll_ms.map(|v| v.to_string()));
        add("channel", self.channel.clone());
        add("key_env", self.key_env.clone());
        add("fresh_s", self.fresh_s.map(|v| v.to_string()));
        add("snapshot_s", self.snapshot_s.map(|v| v.to_string()));
        let symbols = self.symbols.join(",");
        add("symbols", (!symbols.is_empty()).then_some(symbols));
        add("probe_s", self.probe_s.map(|v| v.to_string()));
        add("format", self.format.clone());
        add("size", self.size.clone());
        add("rate", self.rate.as_ref().map(|v| v.0.clone()));
        add("backend", self.backend.clone());
        add(
            "pixel_size_um",
            self.pixel_size_um.as_ref().map(|v| v.0.clone()),
        );
        for event in &self.emit {
            add("emit", Some(event.clone()));
        }
        for (option, texts) in [
            ("subscribe", &self.subscribe),
            ("events", &self.events),
            ("rows", &self.rows),
            ("key", &self.key),
            ("whole", &self.whole),
        ] {
            for text in &texts.0 {
                add(option, Some(text.clone()));
            }
        }
        add("table", self.table.clone());
        add("query", self.query.clone());
        add("ping_s", self.ping_s.as_ref().map(|code| code.0.clone()));
        add(
            "silence_s",
            self.silence_s.as_ref().map(|code| code.0.clone()),
        );

        let mut full = self.url.get_ref().clone();
        if !options.is_empty() {
            let query = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(&options)
                .finish();
            full.push(if full.contains('?') { '&' } else { '?' });
            full.push_str(&query);
        }
        Ok(full)
    }

    /// The codes that a Flamingo's server speaks, each with its own line.
    fn resolve_codes(&self, spec: &mut SourceSpec) -> Result<(), Wrong> {
        let Some(first) = self.codes.keys().next() else {
            return Ok(());
        };
        let at_first = |problem: String| (first.span().start, problem);
        let SourceKind::Flamingo { profile, .. } = &mut spec.kind else {
            return Err(at_first(
                "codes are for flamingo:// alone; leave them out".to_owned(),
            ));
        };
        let mut overrides = Vec::new();
        for (name, code) in &self.codes {
            let one = Override::new(name.get_ref(), &code.get_ref().0);
            overrides.push(one.map_err(|error| (name.span().start, error.to_string()))?);
        }
        // Two names with one code are a matter of all of them together.
        let with = Profile::clone(profile).with(&overrides);
        **profile = with.map_err(|error| at_first(error.to_string()))?;
        Ok(())
    }
}

impl WrittenSource {
    /// What a fleet's server calls events and keys, each with its own line.
    fn resolve_names(&self, spec: &mut SourceSpec) -> Result<(), Wrong> {
        let Some(first) = self.event_names.keys().chain(self.key_names.keys()).next() else {
            return Ok(());
        };
        let SourceKind::Fleet { profile, .. } = &mut spec.kind else {
            let problem = "event_names and key_names are for fleet:// alone; leave them out";
            return Err((first.span().start, problem.to_owned()));
        };
        for (neutral, wire) in &self.event_names {
            fleet::rename_event(profile, neutral.get_ref(), wire)
                .map_err(|problem| (neutral.span().start, problem))?;
        }
        for (neutral, wire) in &self.key_names {
            fleet::rename_key(profile, neutral.get_ref(), wire)
                .map_err(|problem| (neutral.span().start, problem))?;
        }
        Ok(())
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

/// What a word of the file stands for; the problem with the place where it is written.
fn amount<T>(
    written: Option<Spanned<String>>,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, (usize, String)> {
    let written =
        written.map(|word| parse(word.get_ref()).map_err(|problem| (word.span().start, problem)));
    written.transpose()
}

#[cfg(test)]
mod tests;
