//! What each verb does, from its arguments to its exit code.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::{
    Check, DONE, FAILED, INCOMPLETE, INTERRUPTED, Inputs, Inspect, Record, Replay, Sim, Watch,
};
use crate::config::{
    FileConfig, OnTerminalLoss, SourceSpec, data_dir, default_path, name_sources, state_dir,
};
use crate::intent::Keymap;
use crate::model::RecorderState;
use crate::pipeline::{RecordingLimits, RecordingPlan};
use crate::recording;
use crate::run::headless::{self, Until, Voice, people};
use crate::run::session::{Feed, Session};
use crate::run::signals::{Signals, Told};
use crate::run::verdict::Verdict;
use crate::run::{console, journal::Journal};
use crate::simulators::imswitch::{Dialect, Fault, Simulator, SimulatorOptions};
use crate::sources::replay::Speed;
use crate::ui::Theme;

/// A failure that is the writing's and not the world's.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(String);

type Outcome = anyhow::Result<u8>;

/// The screens.
pub fn watch(watch: Watch) -> Outcome {
    let config = load_config(watch.inputs.config.as_deref())?;
    let feed = feed(&watch.inputs.sources, &config)?;
    let theme = theme(watch.theme.as_deref(), &config)?;
    let keymap = keymap(&config)?;
    let plan = plan(&config, watch.out.clone(), None, RecordingLimits::default())?;
    let record = watch.record || config.record.at_start;
    let on_loss = config.record.on_terminal_loss;
    let journal = start_log(&watch.inputs, &config)?;
    runtime()?.block_on(async move {
        let session = Session::start(feed, true).await?;
        if record {
            session.start_recording(plan.clone());
        }
        show(session, journal, theme, keymap, plan, on_loss).await
    })
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
        return Err(Usage(
            "nothing to record: name a source such as imswitch://HOST:8001, \
             or write --simulate for the simulated microscope"
                .to_owned(),
        )
        .into());
    }
    let limits = RecordingLimits {
        duration: record.duration,
        size_bytes: record.max_size,
        messages: record.max_messages,
    };
    let plan = plan(&config, record.out.clone(), record.name.clone(), limits)?;
    let voice = if record.json {
        Voice::Json
    } else {
        Voice::People
    };
    let mut journal = start_log(&record.inputs, &config)?;
    runtime()?.block_on(async move {
        let mut signals = Signals::listen()?;
        let session = Session::start(feed, true).await?;
        session.lanes.take_control_only();
        session.start_recording(plan);
        let mut links = headless::Links::default();
        headless::watch(
            &session,
            &mut signals,
            Some(&mut journal),
            voice,
            Until::RecordingEnds,
            &mut links,
        )
        .await;
        end(session, &mut signals, links, voice, true).await
    })
}

/// A recording, through the same screens or none.
pub fn replay(replay: Replay) -> Outcome {
    let config = FileConfig::default();
    let theme = theme(replay.theme.as_deref(), &config)?;
    let speed = if replay.speed == "max" {
        Speed::Max
    } else {
        Speed::Real
    };
    let feed = Feed::Replay {
        path: replay.file.clone(),
        speed,
    };
    let inputs = Inputs {
        sources: Vec::new(),
        config: None,
        log: None,
        log_dir: replay.log_dir.clone(),
    };
    let mut journal = start_log(&inputs, &config)?;
    runtime()?.block_on(async move {
        let session = Session::start(feed, false).await?;
        if !replay.headless {
            let plan = RecordingPlan {
                dir: PathBuf::new(),
                stem: String::new(),
                limits: RecordingLimits::default(),
            };
            let keymap = Keymap::default();
            return show(session, journal, theme, keymap, plan, OnTerminalLoss::Quit).await;
        }
        let voice = if replay.json {
            Voice::Json
        } else {
            Voice::People
        };
        let mut signals = Signals::listen()?;
        let mut links = headless::Links::default();
        headless::watch(
            &session,
            &mut signals,
            Some(&mut journal),
            Voice::Silent,
            Until::SourcesEnd,
            &mut links,
        )
        .await;
        end(session, &mut signals, links, voice, false).await
    })
}

/// What is in a file.
pub fn inspect(inspect: &Inspect) -> Outcome {
    let summary = recording::inspect(&inspect.file)?;
    if inspect.json {
        headless::json_line(&summary);
    } else {
        print!("{summary}");
    }
    Ok(if summary.complete { DONE } else { INCOMPLETE })
}

/// Simulators alone.
pub fn sim(sim: &Sim) -> Outcome {
    if sim.faults.iter().any(|name| name == "list") {
        for fault in Fault::ALL {
            println!("{:16} {}", fault.name(), fault.summary());
        }
        return Ok(DONE);
    }
    let usage = |error: &dyn std::fmt::Display| Usage(error.to_string());
    let dialect: Dialect = sim.dialect.parse().map_err(|e| usage(&e))?;
    let faults = sim
        .faults
        .iter()
        .map(|name| name.parse::<Fault>())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|e| usage(&e))?;
    let options = SimulatorOptions {
        port: sim.imswitch,
        dialect,
        faults,
        ..SimulatorOptions::default()
    };
    runtime()?.block_on(async move {
        let mut signals = Signals::listen()?;
        let simulator = Simulator::start(options).await.with_context(|| {
            format!(
                "port {} cannot be used; --imswitch 0 takes any free one",
                sim.imswitch
            )
        })?;
        println!("SIMULATED microscope: imswitch://{}", simulator.address());
        while matches!(signals.recv().await, Told::Resize) {}
        simulator.stop().await;
        Ok(DONE)
    })
}

/// The configuration.
pub fn check(check: Check) -> Outcome {
    let path = check.file.or_else(default_path).context(
        "this platform has no folder for configuration: name the file, `ttyscope check FILE`",
    )?;
    let config = FileConfig::open(&path)?;
    theme(None, &config)?;
    keymap(&config)?;
    println!(
        "{}: {} sources, {} keys changed: all good",
        path.display(),
        config.sources.len(),
        config.keys.len()
    );
    for source in &config.sources {
        println!("  {:16} {source}", source.name);
    }
    Ok(DONE)
}

/// The screens over a session, to its end.
async fn show(
    session: Session,
    mut journal: Journal,
    theme: Theme,
    keymap: Keymap,
    plan: RecordingPlan,
    on_loss: OnTerminalLoss,
) -> Outcome {
    let mut signals = Signals::listen()?;
    let shown = console::run(&session, &mut journal, &mut signals, theme, keymap, plan).await;
    let ending = match shown {
        Ok(ending) => ending,
        Err(error) => {
            session.end().await;
            return Err(error);
        }
    };
    let mut links = headless::Links::default();
    let mut voice = Voice::People;
    let mut recorded = false;
    if ending == console::Ending::TerminalGone {
        voice = Voice::Silent;
        let recording = session.recorder().state == RecorderState::Recording;
        if recording && on_loss == OnTerminalLoss::KeepRecording {
            recorded = true;
            tracing::warn!("the terminal is gone; the recording goes on without a screen");
            session.lanes.take_control_only();
            headless::watch(
                &session,
                &mut signals,
                None,
                voice,
                Until::RecordingEnds,
                &mut links,
            )
            .await;
        }
    }
    let code = end(session, &mut signals, links, voice, recorded).await?;
    // A person who quits the screens has seen what they said; only a recording is judged.
    Ok(match ending {
        console::Ending::Interrupted => INTERRUPTED,
        _ if code == INCOMPLETE && !recorded => DONE,
        _ => code,
    })
}

/// Ends a session, says how it was, and picks the exit code.
async fn end(
    session: Session,
    signals: &mut Signals,
    mut links: headless::Links,
    voice: Voice,
    recording_wanted: bool,
) -> Outcome {
    let second_interrupt =
        async { while !matches!(signals.recv().await, Told::Interrupt | Told::Terminate) {} };
    let remains = tokio::select! {
        remains = session.end() => remains,
        () = second_interrupt => {
            people(voice, format_args!("interrupted again: what waited is not written"));
            return Ok(INTERRUPTED);
        }
    };
    for sample in &remains.last_words {
        links.take(sample);
    }
    let verdict = Verdict::of(&remains, &links, recording_wanted);
    for sentence in &verdict.missing {
        tracing::warn!("missing: {sentence}");
    }
    match voice {
        Voice::Json => headless::json_line(&serde_json::json!({ "summary": verdict })),
        Voice::People | Voice::Silent => people(voice, format_args!("{verdict}")),
    }
    Ok(if verdict.complete {
        DONE
    } else if verdict.files.iter().any(|file| file.written > 0) || !recording_wanted {
        INCOMPLETE
    } else {
        FAILED
    })
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("worker")
        .build()
        .context("the runtime cannot be started")
}

fn load_config(named: Option<&Path>) -> anyhow::Result<FileConfig> {
    if let Some(path) = named {
        return Ok(FileConfig::open(path)?);
    }
    match default_path() {
        Some(path) if path.exists() => Ok(FileConfig::open(&path)?),
        _ => Ok(FileConfig::default()),
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
        .map_err(|error| Usage(error.to_string()))?;
    Ok(Feed::Sources(specs))
}

fn plan(
    config: &FileConfig,
    out: Option<PathBuf>,
    name: Option<String>,
    limits: RecordingLimits,
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
    })
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
            "configuration, line {}: there is no theme \"{}\": {}",
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
        anyhow::anyhow!("configuration, line {line}: {error}")
    })
}

fn start_log(inputs: &Inputs, config: &FileConfig) -> anyhow::Result<Journal> {
    let dir = inputs
        .log_dir
        .clone()
        .or_else(state_dir)
        .context("no folder for logs: say --log-dir DIR")?;
    let filter = inputs.log.as_deref().or(config.log.as_deref());
    Journal::start(&dir, filter.unwrap_or("info"))
}
