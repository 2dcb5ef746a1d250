//! What each verb means: from its arguments and the configuration to what is to be run.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use super::values::Moment;
use super::{
    Book, Cameras, Check, Export, Get, Inputs, OneSource, Record, Replay, Rotate, Send, Sim, Snap,
    Stats, Stop, Wait, Watch, Watched, simulators,
};
use crate::config::{
    BlackBoxConfig, ConfigError, ControlConfig, FileConfig, LogTarget, MetricsConfig, OnExit,
    OnTerminalLoss, Retention, SourceSpec, data_dir, default_path, name_sources, parse_days,
    state_dir,
};
use crate::export::{self, ExportPlan, Pattern};
use crate::intent::Keymap;
use crate::model::condition::Condition;
use crate::model::{Clock, PictureFormat, PlainText, StopLevel, size_text};
use crate::pipeline::{BlackBoxPlan, RecordingLimits, RecordingPlan, Rotation};
use crate::run;
use crate::run::audit;
use crate::run::commander::Auditing;
use crate::run::connect::missing_variables;
use crate::run::console;
use crate::run::journal::{Journal, LogPlace, is_in_journal, parse_filter};
use crate::run::mission::{self, Exit, Look};
use crate::run::oneshot::{self, Wish};
use crate::run::service::{ServicePlan, Settings, retention};
use crate::run::session::Feed;
use crate::run::snapshot::{Place, SnapshotPlan};
use crate::run::tally::{self, Format, Wanted};
use crate::run::voice::{self, Patience, Voice, people};
use crate::sources::replay::Playing;
use crate::ui::graphics::AUTO;
use crate::ui::{Graphics, Theme};

/// A failure that is the writing's and not the world's.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(String);

type Outcome = anyhow::Result<Exit>;

/// The screens.
pub fn watch(watch: Watch) -> Outcome {
    let config = load_config(watch.inputs.config.as_deref())?;
    let feed = feed(&watch.inputs.sources, &config)?;
    let look = Look {
        theme: theme(watch.theme.as_deref(), &config)?,
        graphics: graphics(watch.graphics.as_deref(), &config)?,
        keymap: keymap(&config)?,
        mouse: config.uses_mouse(),
        snapshots: snapshots(&config, watch.out.as_deref()),
        on_terminal_loss: config.record.on_terminal_loss,
        control: watch.control || config.control.at_start,
        operator: operator(&config.control),
        auditing: Some(auditing(&config.control)),
        on_exit: config.control.on_exit,
    };
    let limits = RecordingLimits::default();
    let plan = plan(&config, watch.out, None, limits, &watch.rotate)?;
    let record = watch.record || config.record.at_start;
    let journal = start_log(&watch.inputs, &config)?;
    let black_box = black_box(&config, &plan);
    mission::watch(feed, look, Some(plan), black_box, record, journal)
}

/// Without a screen, to disk.
pub fn record(record: Record) -> Outcome {
    let config = load_config(record.inputs.config.as_deref())?;
    let feed = if record.simulate {
        Feed::Simulators
    } else {
        feed(&record.inputs.sources, &config)?
    };
    if matches!(feed, Feed::Simulators) && !record.simulate {
        let sentence = "nothing to record: name a source such as imswitch://HOST:8001, \
             or write --simulate for the simulators";
        return Err(Usage(sentence.to_owned()).into());
    }
    let limits = RecordingLimits {
        duration: record.duration,
        size_bytes: record.max_size,
        messages: record.max_messages,
    };
    let told = settings(&record, &config)?;
    let plan = plan(
        &config,
        record.out.clone(),
        record.name.clone(),
        limits,
        &record.rotate,
    )?;
    let place = log_place(&record.inputs, record.log_to.as_deref(), &config)?;
    let voice = match place {
        // What people would be told is in the log, which goes to the same place.
        LogPlace::Journal | LogPlace::StandardError if !record.json => Voice::Silent,
        _ => voice(record.json),
    };
    let journal = Journal::start(&place, &told.filter)?;
    let service = ServicePlan {
        dir: plan.dir.clone(),
        settings: told,
        reread: Arc::new(move || {
            let config = load_config(record.inputs.config.as_deref())?;
            settings(&record, &config)
        }),
    };
    let black_box = black_box(&config, &plan);
    mission::record(
        feed,
        plan,
        black_box,
        service,
        voice,
        auditing(&config.control),
        journal,
    )
}

/// What a recorder does by what was written on the command line and in the configuration; what was
/// written on the command line stands.
fn settings(record: &Record, config: &FileConfig) -> anyhow::Result<Settings> {
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

/// A recording, through the same screens or none.
pub fn replay(replay: Replay) -> Outcome {
    let config = FileConfig::default();
    let look = Look {
        theme: theme(replay.theme.as_deref(), &config)?,
        graphics: graphics(replay.graphics.as_deref(), &config)?,
        keymap: Keymap::default(),
        mouse: config.uses_mouse(),
        snapshots: snapshots(&config, None),
        on_terminal_loss: OnTerminalLoss::Quit,
        control: false,
        operator: console::operator(),
        auditing: None,
        on_exit: OnExit::Leave,
    };
    let feed = Feed::Replay {
        paths: replay.files,
        playing: Playing {
            pace: replay.speed,
            from: replay.from,
            paused: replay.paused,
            loops: replay.loops,
            views: !replay.headless,
        },
        controlled: !replay.headless,
    };
    let inputs = Inputs {
        sources: Vec::new(),
        config: None,
        log: None,
        log_dir: replay.log_dir,
    };
    let journal = start_log(&inputs, &config)?;
    if replay.headless {
        mission::play(feed, voice(replay.json), journal)
    } else {
        mission::watch(feed, look, None, None, false, journal)
    }
}

/// Recordings as other files.
pub fn export(export: Export) -> Outcome {
    if export.every.is_some()
        && !matches!(export.format, export::Format::Png | export::Format::Jpeg)
    {
        return Err(Usage("--every is for png and jpeg".to_owned()).into());
    }
    if !export.cameras.is_empty() && !export.format.is_of_pictures() {
        return Err(Usage("--camera is for pictures, previews and reports".to_owned()).into());
    }
    let began = |file: &PathBuf| export::beginning_of(file).map(Option::unwrap_or_default);
    let at = |moment: Option<Moment>| match (moment, export.files.first()) {
        (Some(Moment::At(unix_ns)), _) => Ok(Some(unix_ns)),
        (Some(Moment::After(time)), Some(file)) => {
            let after_ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
            began(file).map(|began| Some(began.saturating_add(after_ns)))
        }
        _ => Ok(None),
    };
    let plan = ExportPlan {
        from_unix_ns: at(export.from)?,
        until_unix_ns: at(export.until)?,
        topics: export
            .topics
            .iter()
            .map(|text| Pattern::new(text))
            .collect(),
        files: export.files,
        out: export.out,
        sources: export.sources,
        cameras: export.cameras,
        every: export.every,
        interrupted: Arc::default(),
    };
    run::export::export(plan, export.format, export.json)
}

/// A command, and what became of it.
pub fn send(send: Send) -> Outcome {
    let (plan, journal, control) = one_source(&send.to, send.timeout)?;
    let line = send.command.join(" ");
    oneshot::send(&plan, &line, send.fire, auditing(&control), journal)
}

/// A value.
pub fn get(get: Get) -> Outcome {
    let (plan, journal, _) = one_source(&get.of, get.timeout)?;
    oneshot::get(&plan, &get.what, journal)
}

/// A condition.
pub fn wait(wait: Wait) -> Outcome {
    let condition: Condition = wait.condition.parse().map_err(Usage)?;
    let (plan, journal, _) = one_source(&wait.of, wait.timeout)?;
    oneshot::wait(&plan, &condition, journal)
}

fn one_source(
    written: &OneSource,
    patience: Duration,
) -> anyhow::Result<(oneshot::Plan, Journal, ControlConfig)> {
    let config = load_config(written.config.as_deref())?;
    let Feed::Sources(specs) = feed(std::slice::from_ref(&written.source), &config)? else {
        return Err(Usage("name one source".to_owned()).into());
    };
    let source = specs.into_iter().next().context("one was named")?;
    let inputs = Inputs {
        sources: Vec::new(),
        config: None,
        log: None,
        log_dir: written.log_dir.clone(),
    };
    let plan = oneshot::Plan {
        source,
        patience,
        voice: voice(written.json),
    };
    let journal = start_log(&inputs, &config)?;
    Ok((plan, journal, config.control))
}

/// Pictures to files.
pub fn snap(snap: Snap) -> Outcome {
    let config = load_config(snap.of.config.as_deref())?;
    let plan = snapshots(&config, None);
    let (place, by_name) = match &snap.out {
        Some(path) if !path.is_dir() && !ends_like_a_folder(path) => {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            (Place::File(path.clone()), PictureFormat::of_file(&name))
        }
        out => {
            let dir = out.clone().or(plan.dir);
            let dir = dir.context("no folder for pictures: say --out DIR")?;
            let name = String::new();
            (Place::Folder { dir, name }, None)
        }
    };
    let named = snap.format.as_deref().and_then(PictureFormat::from_name);
    let format = match (&place, named.or(by_name)) {
        (_, Some(format)) => format,
        (Place::Folder { .. }, None) => plan.format,
        (Place::File(path), None) => {
            let path = path.display();
            let words =
                format!("--out {path}: end it with .ome.tiff, .png or .jpg, or say --format");
            return Err(Usage(words).into());
        }
    };
    if snap.count > 1 && matches!(place, Place::File(_)) {
        let words = "--count: several pictures need a folder; write --out DIR/";
        return Err(Usage(words.to_owned()).into());
    }
    let wish = Wish {
        camera: snap.camera,
        count: snap.count,
        format,
        place,
        voice: voice(snap.of.json),
    };
    if let Some(recording) = recording(&snap.of.source) {
        if snap.live {
            return Err(Usage("--live: a recording has no live view".to_owned()).into());
        }
        return oneshot::snap_recorded(&recording, snap.at.unwrap_or_default(), &wish);
    }
    if snap.at.is_some() {
        return Err(Usage("--at is for recordings (.mcap)".to_owned()).into());
    }
    let (plan, journal, control) = one_source(&snap.of, snap.timeout)?;
    let live = snap.live.then(|| auditing(&control));
    oneshot::snap(&plan, &wish, live, journal)
}

/// Whether a path that is not there yet is meant as a folder.
fn ends_like_a_folder(path: &Path) -> bool {
    path.to_string_lossy().ends_with(std::path::is_separator)
}

/// The recording of that name, if one is meant; whether it can be read is seen when it is.
fn recording(source: &str) -> Option<PathBuf> {
    let path = PathBuf::from(source);
    let ends_so = path.extension().is_some_and(|end| end == "mcap");
    (ends_so && !source.contains("://")).then_some(path)
}

/// All figures of a source.
pub fn stats(stats: Stats) -> Outcome {
    tally(stats.of, Wanted::Figures)
}

/// The levels of a source's books.
pub fn book(book: Book) -> Outcome {
    let wanted = Wanted::Ladders {
        depth: book.depth.into(),
        every: book.every,
    };
    tally(book.of, wanted)
}

fn tally(written: Watched, wanted: Wanted) -> Outcome {
    let config = load_config(written.config.as_deref())?;
    let feed = match recording(&written.source) {
        Some(path) => Feed::Replay {
            paths: vec![path],
            playing: Playing::THROUGH,
            controlled: false,
        },
        None => feed(std::slice::from_ref(&written.source), &config)?,
    };
    let inputs = Inputs {
        sources: Vec::new(),
        config: None,
        log: None,
        log_dir: written.log_dir,
    };
    let plan = tally::Plan {
        feed,
        duration: written.duration,
        format: match written.format.as_str() {
            "json" => Format::Json,
            "csv" => Format::Csv,
            _ => Format::Table,
        },
        wanted,
    };
    tally::run(&plan, start_log(&inputs, &config)?)
}

/// The stop, from outside.
pub fn stop(stop: &Stop) -> Outcome {
    let level = match stop.safe {
        true => StopLevel::Safe,
        false => StopLevel::Halt,
    };
    let voice = voice(stop.json);
    let named = load_config(stop.config.as_deref()).and_then(|config| feed(&stop.sources, &config));
    // Whatever is wrong with what was written, the ttyscopes that run are told first.
    match named {
        Ok(Feed::Sources(specs)) => run::stop::stop(&specs, level, voice),
        Ok(_) => run::stop::stop(&[], level, voice),
        Err(error) => {
            if let Err(also) = run::stop::stop(&[], level, voice) {
                people(voice, Patience::Word, format_args!("ttyscope: {also:#}"));
            }
            Err(error)
        }
    }
}

/// Simulators alone.
pub fn sim(sim: &Sim) -> Outcome {
    if sim.faults.iter().any(|name| name == "list") {
        voice::text(&format_args!("{}", simulators::list_faults()));
        return Ok(Exit::Done);
    }
    let plan = simulators::plan(sim).map_err(Usage)?;
    mission::simulate(plan)
}

/// The configuration.
pub fn check(check: Check) -> Outcome {
    let path = check.file.or_else(default_path).context(
        "this platform has no folder for configuration: name the file, `ttyscope check FILE`",
    )?;
    let config = FileConfig::open(&path)?;
    theme(None, &config)?;
    graphics(None, &config)?;
    keymap(&config)?;
    if let Some(filter) = &config.log.filter {
        parse_filter(filter).with_context(|| format!("configuration {}", path.display()))?;
    }
    let missing = config
        .sources
        .iter()
        .map(|source| {
            missing_variables(source).with_context(|| format!("source \"{}\"", source.name))
        })
        .collect::<anyhow::Result<Vec<_>>>()
        .with_context(|| format!("configuration {}", path.display()))?;
    let changed = config.keys.iter().map(|(action, _)| &action.value);
    let keys = changed.collect::<BTreeSet<_>>().len();
    let sources = config.sources.len();
    let path = path.display();
    voice::text(&format_args!(
        "{path}: all good; sources {sources}, keys changed {keys}\n"
    ));
    for (source, missing) in config.sources.iter().zip(missing) {
        voice::text(&format_args!("  {:16} {source}\n", source.name));
        for variable in missing {
            let note = format_args!(
                "  {:16} needs the environment variable {variable}, which is not set here\n",
                ""
            );
            voice::text(&note);
        }
        for (axis, limits) in &source.limits {
            let (min, max) = (limits.min, limits.max);
            let note = format_args!("  {:16} limits of {axis}: {min} to {max}\n", "");
            voice::text(&note);
        }
    }
    voice::text(&format_args!("{}\n", control_words(&config.control)));
    for line in service_words(&config) {
        voice::text(&format_args!("{line}\n"));
    }
    voice::text(&format_args!("{}\n", black_box_words(&config.black_box)));
    Ok(Exit::Done)
}

/// The cameras of this machine.
#[cfg(feature = "camera")]
pub fn cameras(cameras: &Cameras) -> Outcome {
    run::cameras::list(cameras.json)
}

/// The cameras of this machine.
#[cfg(not(feature = "camera"))]
pub fn cameras(_: &Cameras) -> Outcome {
    Err(run::connect::no_cameras())
}

/// Where commands and stops are written down.
fn auditing(control: &ControlConfig) -> Auditing {
    Auditing {
        path: control.audit.clone().or_else(audit::default_path),
        operator: operator(control),
    }
}

/// Who is said to have asked.
fn operator(control: &ControlConfig) -> PlainText {
    match &control.operator {
        Some(name) => name.as_str().into(),
        None => console::operator(),
    }
}

/// What the configuration says of commanding instruments, in one line.
fn control_words(control: &ControlConfig) -> String {
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
fn service_words(config: &FileConfig) -> Vec<String> {
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

fn voice(json: bool) -> Voice {
    if json { Voice::Json } else { Voice::People }
}

fn load_config(named: Option<&Path>) -> anyhow::Result<FileConfig> {
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

fn feed(written: &[String], config: &FileConfig) -> anyhow::Result<Feed> {
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

fn plan(
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
fn black_box(config: &FileConfig, plan: &RecordingPlan) -> Option<BlackBoxPlan> {
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
fn black_box_words(written: &BlackBoxConfig) -> String {
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
fn snapshots(config: &FileConfig, recordings: Option<&Path>) -> SnapshotPlan {
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

fn theme(named: Option<&str>, config: &FileConfig) -> anyhow::Result<Theme> {
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
fn graphics(named: Option<&str>, config: &FileConfig) -> anyhow::Result<Option<Graphics>> {
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

fn keymap(config: &FileConfig) -> anyhow::Result<Keymap> {
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
fn start_log(inputs: &Inputs, config: &FileConfig) -> anyhow::Result<Journal> {
    Journal::start(&log_folder(inputs)?, &checked_filter(inputs, config)?)
}

/// Where the log of a recorder goes.
fn log_place(
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
