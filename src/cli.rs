//! The command line: what may be written, and which part of the program does it.

mod commands;
mod configured;
mod shell;
mod simulators;
mod values;

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};

use crate::config::{parse_duration, parse_rotate_every, parse_rotate_size, parse_size};
use crate::export::Format;
use crate::model::text::printable;
use crate::model::{Pace, SeekTo};
use crate::run::journal;
use crate::run::mission::Exit;
use crate::run::oneshot::WrongWords;
use crate::run::rescue;
use crate::run::voice::{Patience, Voice, people};
use values::{Moment, parse_dimensions, parse_moment, parse_pace, parse_place};

/// Wrong usage; clap uses the same code.
const USAGE: u8 = 2;

/// One terminal for the instruments of a lab.
///
/// Without sources and without a configuration it starts its own simulated microscopes, venues and
/// fleet on loopback and connects to them, marked SIMULATED on every screen.
#[derive(Debug, Parser)]
#[command(name = "ttyscope", version, args_conflicts_with_subcommands = true, after_help = AFTER_HELP)]
pub struct Cli {
    #[command(flatten)]
    watch: Watch,
    #[command(subcommand)]
    command: Option<Verb>,
}

const AFTER_HELP: &str = "\
SOURCE is a name from the configuration or a URL, with NAME= in front if you like:
  imswitch://HOST:8001            ImSwitch microscope server
  imswitchs://HOST:8001           the same over TLS; ?tls_verify=false for its bundled certificate
  socketio://HOST:PORT/PATH       any Socket.IO server; ?namespace=/admin, ?engineio=3,
                                  ?transport=polling|upgrade, ?auth_env=VARIABLE;
                                  ?events=A,B, ?rows=A:$.data[*] and ?key=A:id for its tables
  ws://HOST:PORT/PATH             any WebSocket that speaks JSON (wss:// over TLS); ?subscribe=JSON,
                                  ?rows=$.data[*], ?key=symbol, ?table=NAME, ?query=FOR_THE_SERVER
  flamingo://HOST:53717           Flamingo light-sheet microscope; ?profile=older, ?live_port=PORT
  kraken:BTC/USD,ETH/USD          order books of a venue; also binance:, coinbase:,
                                  coinbase-exchange:, okx: and trades of finnhub:
  fleet://HOST:5000               a supervised fleet of workers: its pushes, checked against REST
  camera:/dev/video0              a camera of this machine, also by number or name; ?format=yuyv,
                                  ?size=640x480, ?rate=12.5, ?pixel_size_um=0.325, ?backend=nokhwa
  Both microscopes                ?limit=AXIS:MIN..MAX keeps an axis between two positions
  socketio:// and ws://           ?simulated=true marks what is not real

The last 30 s of everything are kept in memory, recorded or not. B, a stop or a rule saves them and the
next 10 s to NAME-TIME.blackbox.mcap beside the recordings; [black_box] in the configuration says more.

Exit codes: 0 as asked, 1 could not start or failed, 2 wrong usage,
            3 ran but something is missing or unknown, 4 refused: nothing was sent,
            130 interrupted twice.
verify, recover and export end with 3 if anything is missing or was lost, 1 if the file cannot be read.
snap ends with 3 if not all pictures came, with 1 if one could not be written.
stats and book end with 3 if nothing came, a book is not live or had gaps, or a fleet's figures
could not be believed (silent, half, disagree, zero, stalled, dead link, down); why is on stderr.";

const EXPORT_HELP: &str = "\
Formats:
  csv       a table for each topic, as text for spreadsheets and pandas
  jsonl     one line for each message, what was recorded as JSON untouched
  parquet   a table for each topic in typed columns, times to the nanosecond
  png       each picture with all its bits
  jpeg      each picture: the camera's own JPEG untouched, else encoded, which is said
  ome-tiff  the pictures of a camera as one series in time, with all their bits
  preview   the pictures of a camera as a small animated PNG
  report    one HTML page of everything, with pictures and plots, that needs no network

Every table has the columns time, time_ns, published_ns, source, topic and sequence, then its own.
Lists have a row for each item: values of an instrument, levels of an order book, cells of a table.
Files are written under another name and named last; what cannot be exported is said.

Exit codes: 0 all that was asked for is written, 1 a recording cannot be read, a file not be written
            or nothing is what was asked for, 2 wrong usage, 3 a recording is damaged or unfinished:
            what is readable was exported, 130 interrupted.";

const JUDGED_HELP: &str = "\
Exit codes: 0 nothing is missing, 1 a file cannot be read at all, 2 wrong usage, 3 something is
            missing, damaged or not finished, also while a recorder still writes it.
What takes longer than a second has a bar with rate and remaining time, if standard error is a
terminal.";

const RECOVER_HELP: &str = "\
Exit codes: 0 all that was in the file is in the new one, 1 nothing was made: it cannot be read, a
            recorder still writes it, or the new one cannot be written, 2 wrong usage, 3 the new
            file lacks something and says so itself.
What takes longer than a second has a bar with rate and remaining time, if standard error is a
terminal.";

const RECORD_HELP: &str = "\
Signals: TERM and INT write what waits and end; HUP goes on in another file and reads the
configuration again; USR2 writes the whole ledger into the log and ledger.txt; USR1 is the stop.

Under systemd it says when it is ready, how it is, and that it is alive:
contrib/ttyscope-record.service. An empty file NAME.keep beside a recording NAME.mcap keeps it
from --keep-days and --keep-total; `ttyscope check` says what those of the configuration remove.";

#[derive(Debug, Args)]
struct Inputs {
    /// What to read: names from the configuration or URLs; all of the configuration if none
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,
    /// Configuration file, instead of ttyscope/config.toml in the platform's folder
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// What goes into the log file: error, warn, info, debug, or a tracing filter
    #[arg(long, value_name = "FILTER", env = "TTYSCOPE_LOG")]
    log: Option<String>,
    /// Folder for log files, instead of ttyscope in the platform's folder for state
    #[arg(long, value_name = "DIR", env = "TTYSCOPE_LOG_DIR")]
    log_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Watch {
    #[command(flatten)]
    inputs: Inputs,
    /// Take control at once: commands are sent; without it the screens are read-only
    #[arg(long)]
    control: bool,
    /// Start recording at once
    #[arg(long)]
    record: bool,
    /// Folder for recordings
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    rotate: Rotate,
    /// Theme: dark, light, colour-blind, ansi
    #[arg(long, value_name = "NAME")]
    theme: Option<String>,
    /// Pictures: auto, half-blocks, quadrants, sextants, braille, ascii, numbers, kitty, iterm2,
    /// sixel
    #[arg(long, value_name = "NAME", env = "TTYSCOPE_GRAPHICS")]
    graphics: Option<String>,
}

/// When a recording goes on in another file.
#[derive(Debug, Args)]
struct Rotate {
    /// Go on in another file after this time, such as 10m; each begins with what holds then
    #[arg(long, value_name = "TIME", value_parser = parse_rotate_every)]
    rotate_every: Option<Duration>,
    /// Go on in another file before it is larger than this, such as 1GiB
    #[arg(long, value_name = "SIZE", value_parser = parse_rotate_size)]
    rotate_size: Option<u64>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Record without a screen
    #[command(after_help = RECORD_HELP)]
    Record(Record),
    /// Play recordings of one session into the same screens; no connection is made
    Replay(Replay),
    /// Say what is in a recording and what is missing from it
    Inspect(Inspect),
    /// Read every byte of recordings and say what is missing, when and why
    Verify(Verify),
    /// Make a readable file of what is left of a killed, cut or damaged one
    Recover(Recover),
    /// Write recordings as files that other programs read; nothing is ever written over
    #[command(after_help = EXPORT_HELP)]
    Export(Export),
    /// Send a command, as the palette takes it, and wait for what really became of it
    Send(Send),
    /// Say a value: link, activity, an axis, a light, a reading, or all
    Get(Get),
    /// Wait until something is so: settled, idle, live, x>=1.5mm, workflow=ended
    Wait(Wait),
    /// Save the next picture of a camera, or one of a recording, to a file, and say which
    Snap(Snap),
    /// Watch a source for a while and say all its figures: books, fleets, tables, readings
    Stats(Stats),
    /// Watch a source for a while and say the levels of its order books
    Book(Book),
    /// Stop all motion: through every ttyscope that runs here, and directly at the sources named
    Stop(Stop),
    /// Run simulators alone, on loopback, until interrupted; all of them if none is named
    Sim(Sim),
    /// Check the configuration
    Check(Check),
    /// Write or install the completions of a shell
    Completions(Completions),
    /// Write or install the manual
    Man(Manual),
    /// List the cameras of this machine: formats, sizes, rates, controls; 3 if there is none
    Cameras(Cameras),
}

#[derive(Debug, Args)]
struct Record {
    #[command(flatten)]
    inputs: Inputs,
    /// Folder for the recording
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// First part of the file's name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Stop after this time, such as 90s, 10m or 1h30m
    #[arg(long = "for", value_name = "TIME", value_parser = parse_duration)]
    duration: Option<Duration>,
    /// Stop before the recording is larger than this, such as 500MB or 1GiB
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_size: Option<u64>,
    /// Stop after this many messages
    #[arg(long, value_name = "N")]
    max_messages: Option<u64>,
    #[command(flatten)]
    rotate: Rotate,
    /// Record the simulators
    #[arg(long, conflicts_with = "sources")]
    simulate: bool,
    /// Remove recordings that were finished more than this many days ago
    #[arg(long, value_name = "N")]
    keep_days: Option<u32>,
    /// Remove the oldest finished recordings until all are not larger than this, such as 500GB
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    keep_total: Option<u64>,
    /// Offer the figures to Prometheus at this address of this machine, such as 127.0.0.1:9464
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<String>,
    /// Where the log goes; under systemd the journal, else a file
    #[arg(long, value_name = "WHERE", value_parser = ["file", "journal", "stderr"])]
    log_to: Option<String>,
    /// Status and summary as JSON lines on standard output
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Replay {
    /// The recording; or all files of one session, in any order
    #[arg(value_name = "FILE", required = true, num_args = 1..)]
    files: Vec<PathBuf>,
    /// 1 for the pace it was recorded at, 0.1 to 100, max for as fast as possible
    #[arg(long, value_name = "SPEED", default_value = "1", value_parser = parse_pace)]
    speed: Pace,
    /// Begin there: 00:01:30, 50%, 14:03:22Z, fault, command
    #[arg(long, value_name = "TIME", value_parser = parse_place, allow_hyphen_values = true)]
    from: Option<SeekTo>,
    /// Begin again at the end
    #[arg(long = "loop", conflicts_with = "headless")]
    loops: bool,
    /// Hold at the beginning
    #[arg(long, conflicts_with = "headless")]
    paused: bool,
    /// No screen: play to the end and print the summary
    #[arg(long)]
    headless: bool,
    /// The summary as JSON
    #[arg(long, requires = "headless")]
    json: bool,
    /// Theme: dark, light, colour-blind, ansi
    #[arg(long, value_name = "NAME")]
    theme: Option<String>,
    /// Pictures: auto, half-blocks, quadrants, sextants, braille, ascii, numbers, kitty, iterm2,
    /// sixel
    #[arg(long, value_name = "NAME", env = "TTYSCOPE_GRAPHICS")]
    graphics: Option<String>,
    /// Folder for log files
    #[arg(long, value_name = "DIR", env = "TTYSCOPE_LOG_DIR")]
    log_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = JUDGED_HELP)]
struct Inspect {
    /// The recording, finished or not
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = JUDGED_HELP)]
struct Verify {
    /// The recordings, finished or not
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The verdicts as lines of JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = RECOVER_HELP)]
struct Recover {
    /// The recording; it is not changed
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The new file, instead of FILE.recovered.mcap; never one that is there
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// What was kept and lost as one line of JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Export {
    /// The recordings, finished or not: the parts of one session in their order
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// What to write
    #[arg(long = "to", value_name = "FORMAT", value_parser = formats())]
    format: Format,
    /// Folder for the files; made if it is missing
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Only of this source; may be repeated
    #[arg(long = "source", value_name = "NAME")]
    sources: Vec<String>,
    /// Only topics that fit, such as "*/readings"; * is anything, ? one character; may be repeated
    #[arg(long = "topic", value_name = "PATTERN")]
    topics: Vec<String>,
    /// Only from then on: 2026-11-27T18:00:00Z, or 90s after the beginning
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    from: Option<Moment>,
    /// Only before then
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    until: Option<Moment>,
    /// Only pictures of this camera; may be repeated
    #[arg(long = "camera", value_name = "NAME")]
    cameras: Vec<String>,
    /// png and jpeg: of each camera only the first of every N pictures
    #[arg(long, value_name = "N")]
    every: Option<NonZeroU64>,
    /// What was written, left out and missing as one line of JSON
    #[arg(long)]
    json: bool,
}

/// The formats by their words.
fn formats() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(Format::names()).try_map(|name| {
        Format::from_name(&name).ok_or_else(|| {
            format!("this ttyscope was built without it: build it with --features {name}")
        })
    })
}

/// Where a verb for scripts connects, and how it says the outcome.
#[derive(Debug, Args)]
struct OneSource {
    /// A name from the configuration or a URL
    #[arg(value_name = "SOURCE")]
    source: String,
    /// Configuration file, instead of ttyscope/config.toml in the platform's folder
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The outcome as one line of JSON
    #[arg(long)]
    json: bool,
    /// Folder for log files
    #[arg(long, value_name = "DIR", env = "TTYSCOPE_LOG_DIR")]
    log_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Send {
    #[command(flatten)]
    to: OneSource,
    /// The command, such as: move x 1.5mm; options stand before SOURCE
    #[arg(value_name = "COMMAND", required = true, num_args = 1.., trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<String>,
    /// Light, homing, workflows, settings and raw calls are meant; without it they are refused
    #[arg(long)]
    fire: bool,
    /// How long to wait for the outcome
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = parse_duration)]
    timeout: Duration,
}

#[derive(Debug, Args)]
struct Get {
    #[command(flatten)]
    of: OneSource,
    /// link, activity, workflow, settled, AXIS, AXIS.motion, LIGHT, LIGHT.on, a reading, or all
    #[arg(value_name = "WHAT")]
    what: String,
    /// How long to wait for it
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    timeout: Duration,
}

#[derive(Debug, Args)]
struct Wait {
    #[command(flatten)]
    of: OneSource,
    /// settled, idle, live, or a word as of `get`, one of = != < <= > >=, and a value
    #[arg(value_name = "CONDITION")]
    condition: String,
    /// How long to wait, such as 90s, 10m or 1h30m
    #[arg(value_name = "TIMEOUT", value_parser = parse_duration)]
    timeout: Duration,
}

#[derive(Debug, Args)]
struct Snap {
    #[command(flatten)]
    of: OneSource,
    /// Of this camera; of the first that sends a picture without it
    #[arg(long, value_name = "NAME")]
    camera: Option<String>,
    /// A file that is not there yet, or a folder; without it the folder for snapshots
    #[arg(long, value_name = "FILE|DIR")]
    out: Option<PathBuf>,
    /// How to write: OME-TIFF, PNG, or the camera's own JPEG; by the name of FILE without it
    #[arg(long, value_name = "FORMAT", value_parser = ["tiff", "png", "jpeg"])]
    format: Option<String>,
    /// How many pictures, one after the other
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    count: u32,
    /// Start the live view if it does not run, and stop it again; else nothing is asked for
    #[arg(long)]
    live: bool,
    /// Of a recording: the first picture this long after its beginning, such as 90s
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    at: Option<Duration>,
    /// How long to wait for each picture
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    timeout: Duration,
}

/// What is watched for a while, and how its figures are written.
#[derive(Debug, Args)]
struct Watched {
    /// A name from the configuration, a URL, or a recording (.mcap)
    #[arg(value_name = "SOURCE")]
    source: String,
    /// How long to watch at most, such as 10s or 5m
    #[arg(long = "for", value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    duration: Duration,
    /// How to write: aligned for people, JSON lines, or CSV with a line of names
    #[arg(long, value_name = "FORMAT", default_value = "table", value_parser = ["table", "json", "csv"])]
    format: String,
    /// Configuration file, instead of ttyscope/config.toml in the platform's folder
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder for log files
    #[arg(long, value_name = "DIR", env = "TTYSCOPE_LOG_DIR")]
    log_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Stats {
    #[command(flatten)]
    of: Watched,
}

#[derive(Debug, Args)]
struct Book {
    #[command(flatten)]
    of: Watched,
    /// Levels of each side, at most 100
    #[arg(long, value_name = "N", default_value = "20", value_parser = clap::value_parser!(u16).range(1..=100))]
    depth: u16,
    /// Write this often, such as 1s, and not only at the end
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    every: Option<Duration>,
}

#[derive(Debug, Args)]
struct Stop {
    /// Instruments to stop over connections of its own: names from the configuration or URLs
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,
    /// Lasers and LEDs off and workflows ended, too
    #[arg(long)]
    safe: bool,
    /// Configuration file, instead of ttyscope/config.toml in the platform's folder
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The outcome as one line of JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Sim {
    /// Start the ImSwitch microscope on this port; 0 for any free one
    #[arg(long, value_name = "PORT")]
    imswitch: Option<u16>,
    /// Start the Flamingo microscope on this port and the one above; 0 for any free ones
    #[arg(long, value_name = "PORT")]
    flamingo: Option<u16>,
    /// Start the order-book venues on this port; 0 for any free one
    #[arg(long, value_name = "PORT")]
    market: Option<u16>,
    /// Start the supervised fleet on this port; 0 for any free one
    #[arg(long, value_name = "PORT")]
    fleet: Option<u16>,
    /// Which release of the ImSwitch server to speak like
    #[arg(long, value_name = "NAME", default_value = "modern")]
    dialect: String,
    /// Columns and rows of the first camera of each microscope
    #[arg(long, value_name = "WxH", default_value = "512x512", value_parser = parse_dimensions)]
    sensor: (u32, u32),
    /// A fault to make, may be repeated; --fault list names them
    #[arg(long = "fault", value_name = "NAME")]
    faults: Vec<String>,
}

#[derive(Debug, Args)]
struct Check {
    /// The file; the platform's place if none is given
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: clap_complete::Shell,
    /// Put them where the shell looks for them, or into DIR, instead of on standard output
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true)]
    install: Option<Option<PathBuf>>,
}

#[derive(Debug, Args)]
struct Manual {
    /// Put it and a page for each verb where man looks for them, or into DIR
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true)]
    install: Option<Option<PathBuf>>,
}

#[derive(Debug, Args)]
struct Cameras {
    /// As one line of JSON
    #[arg(long)]
    json: bool,
}

/// Parses the command line, does what it says, reports a failure once.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    // A panic has been reported by then; what is left is the exit code.
    std::panic::catch_unwind(|| run(cli)).unwrap_or(ExitCode::from(Exit::Failed.code()))
}

fn run(cli: Cli) -> ExitCode {
    let result = match cli.command {
        None => commands::watch(cli.watch),
        Some(Verb::Record(record)) => commands::record(record),
        Some(Verb::Replay(replay)) => commands::replay(replay),
        Some(Verb::Inspect(inspect)) => rescue::inspect(&inspect.file, inspect.json),
        Some(Verb::Verify(verify)) => rescue::verify(&verify.files, verify.json),
        Some(Verb::Recover(recover)) => {
            rescue::recover(&recover.file, recover.out.as_deref(), recover.json)
        }
        Some(Verb::Export(export)) => commands::export(export),
        Some(Verb::Send(send)) => commands::send(send),
        Some(Verb::Get(get)) => commands::get(get),
        Some(Verb::Wait(wait)) => commands::wait(wait),
        Some(Verb::Snap(snap)) => commands::snap(snap),
        Some(Verb::Stats(stats)) => commands::stats(stats),
        Some(Verb::Book(book)) => commands::book(book),
        Some(Verb::Stop(stop)) => commands::stop(&stop),
        Some(Verb::Sim(sim)) => commands::sim(&sim),
        Some(Verb::Check(check)) => commands::check(check),
        Some(Verb::Completions(completions)) => shell::completions(&completions),
        Some(Verb::Man(manual)) => shell::manual(&manual),
        Some(Verb::Cameras(cameras)) => commands::cameras(&cameras),
    };
    match result {
        Ok(exit) => ExitCode::from(exit.code()),
        Err(error) => {
            let text = format!("{error:#}");
            people(
                Voice::People,
                Patience::Word,
                format_args!("{}ttyscope: {}", journal::error_rank(), printable(&text)),
            );
            ExitCode::from(
                if error.is::<configured::Usage>() || error.is::<WrongWords>() {
                    USAGE
                } else {
                    Exit::Failed.code()
                },
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn sources_and_verbs_are_told_apart() {
        let cli = Cli::try_parse_from(["ttyscope", "imswitch://lab", "--record"]).unwrap();
        assert!(cli.command.is_none() && cli.watch.record);
        assert_eq!(cli.watch.inputs.sources, ["imswitch://lab"]);
        let cli = Cli::try_parse_from(["ttyscope", "record", "x", "--for", "10m"]).unwrap();
        let Some(Verb::Record(record)) = cli.command else {
            panic!("a verb");
        };
        assert_eq!(record.duration, Some(Duration::from_secs(600)));
    }
}
