//! What the configuration and the command line say together: sources, recordings, looks, log.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::{Inputs, Record, Rotate};
use crate::config::{
    BlackBoxConfig, ConfigError, ControlConfig, FileConfig, LogTarget, MetricsConfig, OnExit,
    Retention, SourceSpec, data_dir, default_path, name_sources, parse_days, state_dir,
};
use crate::intent::Keymap;
use crate::model::{Clock, PlainText, size_text};
use crate::pipeline::{BlackBoxPlan, RecordingLimits, RecordingPlan, Rotation};
use crate::run::audit;
use crate::run::commander::Auditing;
use crate::run::console;
use crate::run::journal::{Journal, LogPlace, is_in_journal, parse_filter};
use crate::run::service::{Settings, retention};
use crate::run::session::Feed;
use crate::run::snapshot::SnapshotPlan;
use crate::run::voice::Voice;
use crate::ui::graphics::AUTO;
use crate::ui::{Graphics, Theme};

/// A failure that is the writing's and not the world's.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// What a recorder does by what was written on the command line and in the configuration; what was
/// written on the command line stands.
pub fn settings(record: &Record, config: &FileConfig) -> anyhow::Result<Settings> {
    let sources = match feed(&record.inputs.sources, config)? {
        Feed::Sources(sources) if !record.simulate => sources,
        _ => Vec::new(),
    };
    let metrics = match &record.metrics {
        Some(address) => MetricsConfig::new(address, config.metrics.allow_remote)
            .map_err(|problem| Usage(format!("--metrics: {problem}")))?,
        None => config.metrics,
    };
    let written = config.record.retention;
    let age = record.keep_days.map(parse_days).transpose();
    let age = age.map_err(|problem| Usage(format!("--keep-days: {problem}")))?;
    let target = config.log.target.map_or("", LogTarget::as_str);
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let fixed = [
        ("[record] dir", path(&config.record.dir).unwrap_or_default()),
        (
            "[record] name",
            config.record.name.clone().unwrap_or_default(),
        ),
        ("[black_box]", format!("{:?}", config.black_box)),
        ("[log] to", target.to_owned()),
        ("[black_box]", black_box_words(&config.black_box)),
        (
            "[control] audit",
            path(&config.control.audit).unwrap_or_default(),
        ),
    ];
    Ok(Settings {
        filter: checked_filter(&record.inputs, config)?,
        retention: Retention {
            age: age.or(written.age),
            total_bytes: record.keep_total.or(written.total_bytes),
        },
        rotation: rotation(&record.rotate, config),
        metrics: metrics.listen,
        sources,
        fixed: BTreeMap::from(fixed),
    })
}

/// Where commands and stops are written down.
pub fn auditing(control: &ControlConfig) -> Auditing {
    Auditing {
        path: control.audit.clone().or_else(audit::default_path),
        operator: operator(control),
    }
}

/// Who is said to have asked.
pub fn operator(control: &ControlConfig) -> PlainText {
    match &control.operator {
        Some(name) => name.as_str().into(),
        None => console::operator(),
    }
}

/// What the configuration says of commanding instruments, in one line.
pub fn control_words(control: &ControlConfig) -> String {
    let at_start = match control.at_start {
        true => "taken at the start",
        false => "not taken at the start",
    };
    let on_exit = match control.on_exit {
        OnExit::Leave => "what moves on exit is left to itself",
        OnExit::Halt => "what moves on exit is halted",
    };
    let mut words = format!("  control          {at_start}; {on_exit}");
    if let Some(operator) = &control.operator {
        words.push_str(&format!("; operator {operator}"));
    }
    if let Some(audit) = &control.audit {
        words.push_str(&format!("; audit in {}", audit.display()));
    }
    words
}

/// What the configuration says of a recorder that runs as a service, and what it would take away.
pub fn service_words(config: &FileConfig) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(target) = config.log.target {
        lines.push(format!("  log              to {}", target.as_str()));
    }
    if let Some(address) = config.metrics.listen {
        let warning = match address.ip().is_loopback() {
            true => "",
            false => ", for whoever reaches this machine: nobody is asked who he is",
        };
        let words = format!("  metrics          at http://{address}/metrics{warning}");
        lines.push(words);
    }
    let policy = config.record.retention;
    if !policy.is_on() {
        return lines;
    }
    lines.push(format!("  retention        {policy}"));
    let Some(dir) = config.record.dir.clone().or_else(data_dir) else {
        return lines;
    };
    let plan = retention::plan(&dir, &policy, Clock::system().now().unix_ns);
    let size = size_text(plan.remaining_bytes);
    lines.push(format!(
        "  {:16} would leave {size} in {}",
        "",
        dir.display()
    ));
    for (what, (files, bytes)) in [
        ("marked as kept, not counted", plan.kept),
        ("left unfinished, never removed, not counted", plan.torn),
    ] {
        if files > 0 {
            let size = size_text(bytes);
            lines.push(format!("  {:16} {what}: files {files}, {size}", ""));
        }
    }
    for removal in &plan.removals {
        for file in &removal.files {
            let (name, size, why) = (&file.name, size_text(file.size_bytes), removal.why);
            lines.push(format!(
                "  {:16} would be removed: {name} ({size}), {why}",
                ""
            ));
        }
    }
    lines
}

/// Whether the outcome is for programs or for people.
pub fn spoken(json: bool) -> Voice {
    if json { Voice::Json } else { Voice::People }
}

/// The configuration that was named, or the usual one if it is there.
pub fn load_config(named: Option<&Path>) -> anyhow::Result<FileConfig> {
    if let Some(path) = named {
        return Ok(FileConfig::open(path)?);
    }
    match default_path().map(|path| FileConfig::open(&path)) {
        None => Ok(FileConfig::default()),
        Some(Err(ConfigError::Read { source, .. })) if source.kind() == ErrorKind::NotFound => {
            Ok(FileConfig::default())
        }
        Some(read) => Ok(read?),
    }
}

/// What is read: the sources written, those of the configuration, or the simulators.
pub fn feed(written: &[String], config: &FileConfig) -> anyhow::Result<Feed> {
    if written.is_empty() {
        return Ok(if config.sources.is_empty() {
            Feed::Simulators
        } else {
            Feed::Sources(config.sources.clone())
        });
    }
    let specs = written
        .iter()
        .map(|word| {
            config
                .sources
                .iter()
                .find(|source| source.name == *word)
                .cloned()
                .map_or_else(|| SourceSpec::parse(word), Ok)
        })
        .collect::<Result<Vec<_>, _>>()
        .and_then(name_sources)
        .map_err(|error| Usage(format!("{error}{}", hint(written, config))))?;
    Ok(Feed::Sources(specs))
}

/// A plain word was meant as a name of the configuration, or as a verb.
fn hint(written: &[String], config: &FileConfig) -> String {
    if written.iter().all(|word| word.contains("://")) {
        return String::new();
    }
    let names: Vec<&str> = config.sources.iter().map(|s| s.name.as_str()).collect();
    let sources = match names.as_slice() {
        [] => "the configuration names no sources".to_owned(),
        names => format!("the configuration names {}", names.join(", ")),
    };
    format!("; {sources}, and `ttyscope --help` lists the verbs")
}

/// Where and how it is recorded.
pub fn plan(
    config: &FileConfig,
    out: Option<PathBuf>,
    name: Option<String>,
    limits: RecordingLimits,
    rotate: &Rotate,
) -> anyhow::Result<RecordingPlan> {
    let dir = out
        .or_else(|| config.record.dir.clone())
        .or_else(data_dir)
        .context("no folder for recordings: say --out DIR")?;
    Ok(RecordingPlan {
        dir,
        stem: name
            .or_else(|| config.record.name.clone())
            .unwrap_or_else(|| "ttyscope".to_owned()),
        limits,
        rotation: rotation(rotate, config),
    })
}

fn rotation(rotate: &Rotate, config: &FileConfig) -> Rotation {
    Rotation {
        every: rotate.rotate_every.or(config.record.rotate_every),
        size_bytes: rotate.rotate_size.or(config.record.rotate_size),
    }
}

/// What is kept of the last seconds; it is saved beside the recordings.
pub fn black_box(config: &FileConfig, plan: &RecordingPlan) -> Option<BlackBoxPlan> {
    let written = &config.black_box;
    (!written.span.is_zero()).then(|| BlackBoxPlan {
        dir: plan.dir.clone(),
        stem: plan.stem.clone(),
        span: written.span,
        size_bytes: written.size_bytes,
        after: BlackBoxConfig::AFTER,
        on: written.on.clone(),
    })
}

/// What the configuration says of the last seconds, in one line.
pub fn black_box_words(written: &BlackBoxConfig) -> String {
    if written.span.is_zero() {
        return "  black box        off".to_owned();
    }
    let rules: Vec<String> = written.on.iter().map(ToString::to_string).collect();
    let on = match rules.as_slice() {
        [] => "only when asked".to_owned(),
        rules => format!("on {}", rules.join(", ")),
    };
    format!(
        "  black box        {} s, at most {}; saved {on}",
        written.span.as_secs(),
        size_text(written.size_bytes)
    )
}

/// Where pictures are saved: in a folder of their own beside the recordings.
pub fn snapshots(config: &FileConfig, recordings: Option<&Path>) -> SnapshotPlan {
    let beside = || {
        let dir = recordings.map(Path::to_owned);
        let dir = dir.or_else(|| config.record.dir.clone()).or_else(data_dir);
        dir.map(|dir| dir.join("snapshots"))
    };
    SnapshotPlan {
        dir: config.snapshot.dir.clone().or_else(beside),
        format: config.snapshot.format,
    }
}

/// The theme that was named, or that of the configuration.
pub fn theme(named: Option<&str>, config: &FileConfig) -> anyhow::Result<Theme> {
    let known = || Theme::names().collect::<Vec<_>>().join(", ");
    if let Some(name) = named {
        return Theme::built_in(name)
            .ok_or_else(|| Usage(format!("there is no theme \"{name}\": {}", known())).into());
    }
    let Some(spot) = &config.theme else {
        return Theme::built_in("dark").context("the theme \"dark\" is built in");
    };
    Theme::built_in(&spot.value).with_context(|| {
        format!(
            "configuration {}, line {}: there is no theme \"{}\": {}",
            config.path.display(),
            spot.line,
            spot.value,
            known()
        )
    })
}

/// How pictures are drawn; `None` for as the terminal can.
pub fn graphics(named: Option<&str>, config: &FileConfig) -> anyhow::Result<Option<Graphics>> {
    let known = || Graphics::words().collect::<Vec<_>>().join(", ");
    let of = |name: &str| match Graphics::from_name(name) {
        Some(graphics) => Some(Some(graphics)),
        None => (name == AUTO).then_some(None),
    };
    if let Some(name) = named {
        let wrong = || Usage(format!("there are no graphics \"{name}\": {}", known()));
        return of(name).ok_or_else(|| wrong().into());
    }
    let Some(spot) = &config.graphics else {
        return Ok(None);
    };
    of(&spot.value).with_context(|| {
        format!(
            "configuration {}, line {}: there are no graphics \"{}\": {}",
            config.path.display(),
            spot.line,
            spot.value,
            known()
        )
    })
}

/// The keys, with those of the configuration.
pub fn keymap(config: &FileConfig) -> anyhow::Result<Keymap> {
    let bindings = config
        .keys
        .iter()
        .map(|(action, key)| (action.value.as_str(), key.value.as_str()));
    Keymap::from_bindings(bindings).map_err(|error| {
        let line = config
            .keys
            .iter()
            .find(|(action, _)| error.concerns(&action.value))
            .map_or(0, |(action, _)| action.line);
        let path = config.path.display();
        anyhow::anyhow!("configuration {path}, line {line}: {error}")
    })
}

/// The log of a verb whose screens or answers have the terminal: a file.
pub fn start_log(inputs: &Inputs, config: &FileConfig) -> anyhow::Result<Journal> {
    Journal::start(&log_folder(inputs)?, &checked_filter(inputs, config)?)
}

/// Where the log of a recorder goes.
pub fn log_place(
    inputs: &Inputs,
    named: Option<&str>,
    config: &FileConfig,
) -> anyhow::Result<LogPlace> {
    let target = named.and_then(LogTarget::from_name).or(config.log.target);
    match target {
        Some(LogTarget::Journal) => Ok(LogPlace::Journal),
        Some(LogTarget::StandardError) => Ok(LogPlace::StandardError),
        // Whoever names a folder wants files in it.
        None if inputs.log_dir.is_none() && is_in_journal() => Ok(LogPlace::Journal),
        None | Some(LogTarget::File) => log_folder(inputs),
    }
}

fn log_folder(inputs: &Inputs) -> anyhow::Result<LogPlace> {
    let dir = inputs.log_dir.clone().or_else(state_dir);
    let dir = dir.context("no folder for logs: say --log-dir DIR")?;
    Ok(LogPlace::Folder(dir))
}

/// What goes into the log, if it is understood.
fn checked_filter(inputs: &Inputs, config: &FileConfig) -> anyhow::Result<String> {
    match (&inputs.log, &config.log.filter) {
        (Some(filter), _) => parse_filter(filter).map(|_| filter.clone()),
        (None, Some(filter)) => parse_filter(filter)
            .map(|_| filter.clone())
            .with_context(|| format!("configuration {}", config.path.display())),
        (None, None) => Ok("info".to_owned()),
    }
}
