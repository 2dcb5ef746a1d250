//! The statistics feed of a supervised fleet of workers: events and answers in, one verdict out.
//! No I/O, no clock.
//!
//! A [`Monitor`] is told what was pushed, what was answered and what time it is. It keeps how often
//! each event comes, compares what is pushed with what is answered, and says with numbers when the
//! one cannot be believed. Whoever owns the sockets only reads: nothing here is ever sent.

mod compare;
mod countdown;
mod decode;
mod evidence;
mod log_line;
mod marks;
mod monitor;
mod pace;
mod profile;
mod rest;
mod server_time;
mod status;
mod timing;
mod verdict;
mod watch;

pub use decode::Wrong;
pub use log_line::{log_lines, split_log_line};
pub use monitor::{Monitor, ProbeAnswer, Taken};
pub use profile::{EventKind, Key, Profile, ProfileError};
pub use rest::RestPath;
pub use status::{class_of, wait_of};
pub use timing::{PROBE_S, Timing};
