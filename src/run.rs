//! Floor 4: the only place that sees both sides: sources, app, recorder, terminal.

pub mod audit;
#[cfg(feature = "camera")]
pub mod cameras;
pub mod canvas;
pub mod commander;
pub mod connect;
pub mod console;
mod drawing;
mod event_loop;
pub mod export;
mod files;
pub mod headless;
mod history;
mod input;
pub mod journal;
mod keys;
mod leftovers;
mod link;
mod measuring;
pub mod mission;
pub mod oneshot;
pub mod pictures;
mod probe;
mod progress;
mod reflex;
pub mod rescue;
pub mod service;
pub mod session;
pub mod signals;
mod simulators;
pub mod snapshot;
pub mod stop;
pub mod tally;
mod terminal;
mod turns;
pub mod verdict;
pub mod voice;
