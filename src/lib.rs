//! ttyscope: one terminal for the instruments of a lab.
//!
//! `ARCHITECTURE.md` has the map. Imports only point down the floors listed there;
//! `tests/floors.rs` checks it.

pub mod app;
pub mod cli;
pub mod config;
pub mod control;
pub mod export;
pub mod imaging;
pub mod intent;
pub mod model;
pub mod panels;
pub mod picture_file;
pub mod pipeline;
pub mod protocol;
pub mod recorder;
pub mod recording;
pub mod run;
pub mod simulators;
pub mod sources;
pub mod ui;
