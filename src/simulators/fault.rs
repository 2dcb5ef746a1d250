//! What the simulators' faults have in common: a table per simulator, names with numbers on the
//! command line, and the set that is switched on. The tables are beside the simulators.

use std::time::Duration;

/// A fault as the command line knows it.
pub trait Named: Copy + PartialEq + 'static {
    /// Every fault with the value it has when none is given.
    fn all() -> &'static [Self];

    /// The name on the command line.
    fn name(self) -> &'static str;

    /// One sentence for the help text.
    fn summary(self) -> &'static str;

    /// This fault with `value`, which is above 0, in place of its number; `None` if it takes none.
    fn with_value(self, value: u32) -> Option<Self>;

    /// Reads `name` or `name=number`, e.g. `drop-link=5`.
    ///
    /// # Errors
    /// No fault has the name, or it takes no such number.
    fn parse(text: &str) -> Result<Self, UnknownFault> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let fault = Self::all().iter().find(|fault| fault.name() == name);
        let fault = *fault.ok_or_else(|| UnknownFault::Name {
            name: name.to_owned(),
            known: Self::names(),
        })?;
        let Some(value) = value else { return Ok(fault) };
        let number: Option<u32> = value.parse().ok().filter(|number| *number > 0);
        let wrong = || UnknownFault::Value {
            name: fault.name(),
            value: value.to_owned(),
            takes_number: fault.with_value(1).is_some(),
        };
        number
            .and_then(|number| fault.with_value(number))
            .ok_or_else(wrong)
    }

    /// Every name, to go on in a sentence.
    fn names() -> String {
        let names: Vec<_> = Self::all().iter().map(|fault| fault.name()).collect();
        names.join(", ")
    }
}

/// A fault that could not be read from text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownFault {
    /// No fault has this name.
    #[error("\"{name}\" is no fault; write one of: {known}")]
    Name {
        /// What was written.
        name: String,
        /// What could have been.
        known: String,
    },
    /// The fault takes no number, or not this one.
    #[error(
        "\"{value}\" does not go with the fault \"{name}\"; write \"{name}\" {}",
        hint(name, *takes_number)
    )]
    Value {
        /// The fault.
        name: &'static str,
        /// What was written behind it.
        value: String,
        /// Whether there is a number that would do.
        takes_number: bool,
    },
}

fn hint(name: &str, takes_number: bool) -> String {
    if takes_number {
        format!("or \"{name}=N\" with a whole number above 0")
    } else {
        "alone".to_owned()
    }
}

/// The faults that are switched on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults<F>(Vec<F>);

impl<F> Default for Faults<F> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<F: Named> Faults<F> {
    /// These and no others.
    pub fn new(faults: &[F]) -> Self {
        Self(faults.to_vec())
    }

    /// Whether `fault`, which has no number, is on.
    pub fn has(&self, fault: F) -> bool {
        self.0.contains(&fault)
    }

    /// What `pick` finds in the first fault it accepts.
    pub fn find<T>(&self, pick: impl Fn(F) -> Option<T>) -> Option<T> {
        self.0.iter().find_map(|&fault| pick(fault))
    }
}

/// Makes `enum Fault` of one simulator from a table, so that a fault is one entry in one place:
///
/// ```text
/// faults! {
///     /// What the server does wrong.
///     Variant { /** The number. */ field: Type = unit(default) } = "name", "a line of help";
/// }
/// ```
///
/// `unit` makes the field of a whole number above 0: the default's, or the one behind `name=`. A
/// fault without a number has no braces.
macro_rules! faults {
    ($(
        $(#[$doc:meta])*
        $fault:ident $({ $(#[$field_doc:meta])* $field:ident: $type:ty = $unit:ident($default:literal) })?
            = $name:literal, $summary:literal;
    )+) => {
        /// One thing the simulator does wrong for as long as it is switched on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Fault {
            $($(#[$doc])* $fault $({ $(#[$field_doc])* $field: $type })?,)+
        }

        impl Fault {
            /// Every fault with the value it has when none is given.
            pub const ALL: [Self; [$($name),+].len()] =
                [$(Self::$fault $({ $field: $unit($default) })?),+];
        }

        impl $crate::simulators::fault::Named for Fault {
            fn all() -> &'static [Self] {
                &Self::ALL
            }

            fn name(self) -> &'static str {
                match self {
                    $(Self::$fault $({ $field: _ })? => $name,)+
                }
            }

            fn summary(self) -> &'static str {
                match self {
                    $(Self::$fault $({ $field: _ })? => $summary,)+
                }
            }

            fn with_value(self, value: u32) -> Option<Self> {
                // Where no fault takes a number, nothing reads it.
                let _ = value;
                match self {
                    $($(Self::$fault { $field: _ } => {
                        Some(Self::$fault { $field: $unit(value) })
                    })?)+
                    #[allow(unreachable_patterns)]
                    _ => None,
                }
            }
        }

        impl std::fmt::Display for Fault {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str($crate::simulators::fault::Named::name(*self))
            }
        }

        impl std::str::FromStr for Fault {
            type Err = $crate::simulators::fault::UnknownFault;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::simulators::fault::Named::parse(text)
            }
        }
    };
}
pub(super) use faults;

/// A unit of a table: every n-th one.
pub(super) const fn every(n: u32) -> u32 {
    n
}

/// A unit of a table.
pub(super) const fn milliseconds(n: u32) -> Duration {
    Duration::from_millis(n as u64)
}

/// A unit of a table.
pub(super) const fn seconds(n: u32) -> Duration {
    Duration::from_secs(n as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    faults! {
        /// Takes a number.
        Late {
            /// The delay.
            by: Duration = seconds(3)
        } = "late", "come N seconds late (default 3)";
        /// Takes none.
        Silent = "silent", "say nothing";
    }

    #[test]
    fn a_number_replaces_the_default() {
        let late = |s| {
            Ok(Fault::Late {
                by: Duration::from_secs(s),
            })
        };
        let wrong = |name, value: &str, takes_number| {
            Err(UnknownFault::Value {
                name,
                value: value.to_owned(),
                takes_number,
            })
        };
        for (text, expected) in [
            ("late", late(3)),
            ("late=5", late(5)),
            ("silent", Ok(Fault::Silent)),
            ("late=0", wrong("late", "0", true)),
            ("late=-1", wrong("late", "-1", true)),
            ("late=x", wrong("late", "x", true)),
            ("silent=3", wrong("silent", "3", false)),
        ] {
            assert_eq!(text.parse::<Fault>(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_answered_with_what_would_be_right() {
        for (text, expected) in [
            ("lat", "\"lat\" is no fault; write one of: late, silent"),
            (
                "late=x",
                "write \"late\" or \"late=N\" with a whole number above 0",
            ),
            ("silent=3", "write \"silent\" alone"),
        ] {
            let error = text.parse::<Fault>().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn what_is_on_is_found() {
        let faults = Faults::new(&[Fault::Late { by: seconds(7) }]);
        let delay = |fault| match fault {
            Fault::Late { by } => Some(by),
            Fault::Silent => None,
        };
        assert_eq!(faults.find(delay), Some(Duration::from_secs(7)));
        assert!(!faults.has(Fault::Silent));
        assert!(Faults::new(&[Fault::Silent]).has(Fault::Silent));
        assert_eq!(Faults::default().find(delay), None);
    }
}
