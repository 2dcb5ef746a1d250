//! Commanding instruments, as it is written.

use std::path::PathBuf;

use serde::Deserialize;

/// The table `[control]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ControlConfig {
    /// Take control when the program starts, as `--control` does; otherwise it only watches.
    pub at_start: bool,
    /// The file that every command and stop is written to.
    pub audit: Option<PathBuf>,
    /// What becomes of a moving instrument when the program ends.
    pub on_exit: OnExit,
    /// Who is said to have asked, instead of the name of the account: 1 to 64 characters.
    pub operator: Option<String>,
}

/// What becomes of an instrument that moves when the program ends or its terminal vanishes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnExit {
    /// It goes on with what it was asked for.
    #[default]
    Leave,
    /// Its motion is stopped.
    Halt,
}

impl OnExit {
    /// The word in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Leave => "leave",
            Self::Halt => "halt",
        }
    }
}

/// A name as the audit log can hold it.
pub(super) fn check_operator(name: &str) -> Result<(), String> {
    let is_one = !name.trim().is_empty()
        && name.chars().count() <= 64
        && crate::model::text::printable(name) == name;
    match is_one {
        true => Ok(()),
        false => Err(format!(
            "operator = {name:?}: take 1 to 64 characters that can be printed"
        )),
    }
}
