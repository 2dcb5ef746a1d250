//! What each verb means: from its arguments and the configuration to what is to be run.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use super::configured::{
    Usage, auditing, black_box, black_box_words, control_words, feed, graphics, keymap,
    load_config, log_place, operator, plan, service_words, settings, snapshots, spoken, start_log,
    theme,
};
use super::values::Moment;
use super::{
    Book, Cameras, Check, Export, Get, Inputs, OneSource, Record, Replay, Send, Sim, Snap, Stats,
    Stop, Wait, Watch, Watched, simulators,
};
use crate::config::{ControlConfig, FileConfig, OnExit, OnTerminalLoss, default_path};
use crate::export::{self, ExportPlan, Pattern};
use crate::intent::Keymap;
use crate::model::condition::Condition;
use crate::model::{PictureFormat, StopLevel};
use crate::pipeline::RecordingLimits;
use crate::run;
use crate::run::connect::missing_variables;
use crate::run::console;
use crate::run::journal::{Journal, LogPlace, parse_filter};
use crate::run::mission::{self, Exit, Look};
use crate::run::oneshot::{self, Wish};
use crate::run::service::ServicePlan;
use crate::run::session::Feed;
use crate::run::snapshot::Place;
use crate::run::tally::{self, Format, Wanted};
use crate::run::voice::{self, Patience, Voice, people};
use crate::sources::replay::Playing;

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
        _ => spoken(record.json),
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
        mission::play(feed, spoken(replay.json), journal)
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
    let began = || {
        let mut began = None;
        for file in &export.files {
            let part = export::beginning_of(file)?;
            began = began.into_iter().chain(part).min();
        }
        anyhow::Ok(began.unwrap_or_default())
    };
    let at = |moment: Option<Moment>| match moment {
        None => Ok(None),
        Some(Moment::At(unix_ns)) => Ok(Some(unix_ns)),
        Some(Moment::After(time)) => {
            let after_ns = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
            began().map(|began: u64| Some(began.saturating_add(after_ns)))
        }
    };
    let plan = ExportPlan {
        absent: Vec::new(),
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
        voice: spoken(written.json),
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
        voice: spoken(snap.of.json),
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
    let voice = spoken(stop.json);
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
