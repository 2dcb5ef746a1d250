//! Floor 1: the configuration as it is written: one TOML file, and sources as URLs.
//!
//! Names of themes and actions are checked by who knows them; here they are words with a line
//! number. Secrets never stand in the file: it names the environment variable that holds them.

mod black_box;
mod control;
mod file;
mod limits;
mod measuring;
mod service;
mod source;
mod values;
mod written;

pub use black_box::BlackBoxConfig;
pub use control::{ControlConfig, OnExit};
pub use file::{ConfigError, FileConfig, OnTerminalLoss, RecordConfig, SnapshotConfig, Spot};
pub use measuring::Measuring;
pub use service::{LogConfig, LogTarget, MetricsConfig, Retention, parse_days};
pub use source::{
    Camera, Endpoint, FeedTransport, Market, Rest, SourceError, SourceKind, SourceSpec, Tls,
    Transport, name_sources,
};
pub use values::{parse_duration, parse_rotate_every, parse_rotate_size, parse_size};

use std::path::PathBuf;

/// Where the configuration is looked for when no `--config` is given: `ttyscope/config.toml` in
/// the platform's folder for configuration.
pub fn default_path() -> Option<PathBuf> {
    use etcetera::BaseStrategy;
    let base = etcetera::choose_base_strategy().ok()?;
    Some(base.config_dir().join("ttyscope").join("config.toml"))
}

/// Where logs are kept: the folder that a service manager made for it, else `ttyscope` in the
/// platform's folder for state, else for caches. Source: systemd.exec(5), `StateDirectory=`.
pub fn state_dir() -> Option<PathBuf> {
    use etcetera::BaseStrategy;
    let given = std::env::var_os("STATE_DIRECTORY");
    // Several are divided by colons; the first is ours.
    let first = given.and_then(|all| std::env::split_paths(&all).next());
    if let Some(dir) = first.filter(|dir| dir.is_absolute()) {
        return Some(dir);
    }
    let base = etcetera::choose_base_strategy().ok()?;
    Some(
        base.state_dir()
            .unwrap_or_else(|| base.cache_dir())
            .join("ttyscope"),
    )
}

/// Where recordings go unless something else is said: `ttyscope` in the platform's folder for
/// data.
pub fn data_dir() -> Option<PathBuf> {
    use etcetera::BaseStrategy;
    let base = etcetera::choose_base_strategy().ok()?;
    Some(base.data_dir().join("ttyscope"))
}
