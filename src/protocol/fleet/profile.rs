//! What an application calls things: its names on the wire, by their neutral names here.

use std::collections::BTreeMap;

/// The names one application uses. Two are equal when they read the wire alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    name: String,
    events: BTreeMap<EventKind, String>,
    keys: BTreeMap<Key, String>,
}

/// Why a profile cannot be used as written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// No profile is built in under this name.
    #[error("there is no profile \"{0}\"; there is {LEGACY}, and keys and events may be renamed")]
    Unknown(String),
    /// Not one of the neutral names.
    #[error("there is no {what} \"{name}\"; there are {known}")]
    NoSuchName {
        /// "key" or "event".
        what: &'static str,
        /// What was written.
        name: String,
        /// What could have been written.
        known: String,
    },
    /// A name on the wire is empty or too long.
    #[error("the {what} \"{name}\" needs a name on the wire of 1 to 64 characters")]
    BadWireName {
        /// "key" or "event".
        what: &'static str,
        /// Its neutral name.
        name: String,
    },
    /// Two events have one name, so that they could not be told apart.
    #[error("two events are called \"{0}\" on the wire")]
    SameEvent(String),
}

/// The profile that is built in.
const LEGACY: &str = "fleet-legacy";
/// Longest name on the wire.
const LONGEST_NAME: usize = 64;

/// A closed set with a neutral name and the built-in name on the wire for each.
macro_rules! names {
    ($(#[$about:meta])* $set:ident { $($(#[$doc:meta])* $variant:ident = $neutral:literal, $wire:literal;)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $set {
            $($(#[$doc])* $variant,)*
        }

        impl $set {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The neutral name, as in the configuration.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $neutral,)* }
            }

            /// The name of the profile that is built in.
            fn legacy(self) -> &'static str {
                match self { $(Self::$variant => $wire,)* }
            }
        }
    };
}

names! {
    /// Events the server sends. Source: statistics-feed specification, section 1.
    EventKind {
        /// Somebody is there; comes once.
        Connected = "connected", "connected";
        /// The supervisor's loop.
        Status = "status", "status_update";
        /// The totals.
        Statistics = "statistics", "statistics_update";
        /// The workers.
        Workers = "workers", "instances_update";
        /// One worker was started from a saved state.
        WorkerStarted = "worker_started", "instance_update";
        /// A line of the server's log.
        Log = "log", "log_update";
    }
}

impl EventKind {
    /// What comes on every push turn, in this order.
    pub const EXPECTED: [Self; 3] = [Self::Status, Self::Statistics, Self::Workers];
}

names! {
    /// Keys of the objects in events and answers. Source: statistics-feed specification, table at
    /// its head and sections 1.1 and 4.
    Key {
        /// Attempts.
        Attempts = "attempts", "total_attempts";
        /// Of them, succeeded.
        Succeeded = "succeeded", "successful_votes";
        /// Of them, failed.
        Failed = "failed", "failed_votes";
        /// Held back by a limit.
        Limited = "limited", "hourly_limits";
        /// Per cent.
        SuccessRate = "success_rate", "success_rate";
        /// How many workers.
        Workers = "workers", "active_instances";
        /// Whether the loop runs.
        Supervising = "supervising", "monitoring_active";
        /// Turns of the loop.
        Turn = "turn", "loop_count";
        /// The list of workers.
        Rows = "rows", "instances";
        /// A worker's number.
        Number = "number", "instance_id";
        /// A worker's address.
        Address = "address", "ip";
        /// A worker's words.
        Status = "status", "status";
        /// Whether somebody paused it.
        Paused = "paused", "is_paused";
        /// Whether somebody has to look after it.
        NeedsOperator = "needs_operator", "waiting_for_login";
        /// Units done.
        Done = "done", "vote_count";
        /// Seconds until it is due.
        DueIn = "due_in", "seconds_remaining";
        /// When it last succeeded.
        LastOk = "last_ok", "last_successful_vote";
        /// When it last tried.
        LastTry = "last_try", "last_attempted_vote";
        /// Why it last failed.
        FailureReason = "failure_reason", "last_failure_reason";
        /// What kind of failure that was.
        FailureKind = "failure_kind", "last_failure_type";
        /// A moment on the server's clock.
        Time = "time", "timestamp";
        /// The name of the server's machine, where it tells it.
        Host = "host", "hostname";
        /// How bad a line is.
        Level = "level", "level";
        /// What a line says.
        Message = "message", "message";
        /// A whole line, in the answer of old ones.
        FullLine = "full_line", "full";
        /// The list of old lines.
        Lines = "lines", "logs";
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            name: LEGACY.to_owned(),
            events: EventKind::ALL
                .iter()
                .map(|event| (*event, event.legacy().to_owned()))
                .collect(),
            keys: Key::ALL
                .iter()
                .map(|key| (*key, key.legacy().to_owned()))
                .collect(),
        }
    }
}

impl Profile {
    /// The names of the profiles that are built in.
    pub const NAMES: [&'static str; 1] = [LEGACY];

    /// A built-in profile.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn named(name: &str) -> Result<Self, ProfileError> {
        match name {
            LEGACY => Ok(Self::default()),
            other => Err(ProfileError::Unknown(other.to_owned())),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Calls the event with the neutral name `neutral` by another name.
    ///
    /// # Errors
    /// There is no such event, or it cannot be called so.
    pub fn rename_event(&mut self, neutral: &str, wire: &str) -> Result<(), ProfileError> {
        let event = find("event", neutral, EventKind::ALL, EventKind::as_str)?;
        check("event", neutral, wire)?;
        let taken = self.events.iter().any(|(e, w)| *e != event && w == wire);
        if taken {
            return Err(ProfileError::SameEvent(wire.to_owned()));
        }
        self.events.insert(event, wire.to_owned());
        Ok(())
    }

    /// Calls the key with the neutral name `neutral` by another name.
    ///
    /// # Errors
    /// There is no such key, or it cannot be called so.
    pub fn rename_key(&mut self, neutral: &str, wire: &str) -> Result<(), ProfileError> {
        let key = find("key", neutral, Key::ALL, Key::as_str)?;
        check("key", neutral, wire)?;
        self.keys.insert(key, wire.to_owned());
        Ok(())
    }

    /// What the event is called on the wire.
    pub fn event(&self, event: EventKind) -> &str {
        self.events
            .get(&event)
            .map_or(event.legacy(), String::as_str)
    }

    /// What the key is called on the wire.
    pub fn key(&self, key: Key) -> &str {
        self.keys.get(&key).map_or(key.legacy(), String::as_str)
    }

    /// The event that is called so on the wire, if there is one.
    pub fn event_called(&self, wire: &str) -> Option<EventKind> {
        let found = self.events.iter().find(|(_, name)| *name == wire);
        found.map(|(event, _)| *event)
    }
}

fn find<T: Copy>(
    what: &'static str,
    name: &str,
    all: &[T],
    name_of: fn(T) -> &'static str,
) -> Result<T, ProfileError> {
    let found = all.iter().find(|one| name_of(**one) == name);
    found.copied().ok_or_else(|| ProfileError::NoSuchName {
        what,
        name: name.to_owned(),
        known: all
            .iter()
            .map(|one| name_of(*one))
            .collect::<Vec<_>>()
            .join(", "),
    })
}

fn check(what: &'static str, neutral: &str, wire: &str) -> Result<(), ProfileError> {
    match wire.chars().count() {
        1..=LONGEST_NAME => Ok(()),
        _ => Err(ProfileError::BadWireName {
            what,
            name: neutral.to_owned(),
        }),
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    #[test]
    fn names_may_be_changed_one_by_one() {
        let mut profile = Profile::named("fleet-legacy").unwrap();
        assert_eq!(profile.event(EventKind::Statistics), "statistics_update");
        profile.rename_event("statistics", "stats").unwrap();
        profile.rename_key("attempts", "tries").unwrap();
        assert_eq!(profile.event_called("stats"), Some(EventKind::Statistics));
        assert_eq!(profile.event_called("statistics_update"), None);
        assert_eq!(profile.key(Key::Attempts), "tries");
        assert_eq!(profile.key(Key::Done), "vote_count");
        assert_ne!(profile, Profile::default());
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_what_can() {
        let mut profile = Profile::default();
        let said = |result: Result<(), ProfileError>| result.unwrap_err().to_string();
        let cases = [
            (
                said(Profile::named("other").map(drop)),
                "there is fleet-legacy",
            ),
            (
                said(profile.rename_key("tries", "x")),
                "there are attempts, succeeded",
            ),
            (said(profile.rename_key("done", "")), "1 to 64 characters"),
            (
                said(profile.rename_event("status", "log_update")),
                "two events",
            ),
        ];
        for (text, part) in cases {
            assert!(text.contains(part), "{text}");
        }
    }
}
