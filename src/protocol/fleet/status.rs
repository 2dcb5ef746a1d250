//! What a worker's own words mean.

use crate::model::{WorkerClass, WorkerWait};

/// The class of a worker's words: the first that matches.
///
/// Source: statistics-feed specification, section 3.2.
pub fn class_of(status: &str) -> WorkerClass {
    let classes = [
        (["Success", "✅"], WorkerClass::Ok),
        (["Error", "❌"], WorkerClass::Error),
        (["Cooldown", "⏳"], WorkerClass::Waiting),
        (["Login", "🔑"], WorkerClass::Operator),
    ];
    let found = classes
        .into_iter()
        .find(|(words, _)| words.iter().any(|word| status.contains(word)));
    found.map_or(WorkerClass::Neutral, |(_, class)| class)
}

/// What a worker waits for, by the kind of its last failure.
///
/// Source: statistics-feed specification, section 2.1.
pub fn wait_of(failure_kind: Option<&str>) -> WorkerWait {
    match failure_kind {
        None => WorkerWait::Next,
        Some("technical") => WorkerWait::Retry,
        Some(_) => WorkerWait::CoolDown,
    }
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
mod tests {
    use super::*;

    /// Source: the values listed in the specification.
    #[test]
    fn words_have_the_class_of_the_first_match() {
        use WorkerClass::{Error, Neutral, Ok, Operator, Waiting};
        let cases = [
            ("Initializing", Neutral),
            ("Ready", Neutral),
            ("Waiting for lock", Neutral),
            ("Init Timeout", Neutral),
            ("Error", Error),
            ("⚠️ Cycle Error - Recovering", Error),
            ("Cooldown - Browser Closed", Waiting),
            ("✅ Vote 7 Successful", Ok),
            ("⏳ Cooldown (31 min)", Waiting),
            ("⏳ Hourly Limit - Paused", Waiting),
            ("⏸️ Paused - Hourly Limit", Neutral),
            ("▶️ Resumed - Hourly Limit", Neutral),
            ("🔄 Retry in 5 min", Neutral),
            ("🔑 Waiting for Login", Operator),
            ("🔒 Login Required - EXCLUDED", Operator),
            ("⚠️ Init Failed - Paused", Neutral),
            ("⚠️ Navigation Failed", Neutral),
            ("❌ Login Error", Error),
            ("✅ after Error", Ok),
            ("", Neutral),
        ];
        for (status, class) in cases {
            assert_eq!(class_of(status), class, "{status}");
        }
    }

    #[test]
    fn the_kind_of_failure_says_what_is_waited_for() {
        for (kind, wait) in [
            (None, WorkerWait::Next),
            (Some("technical"), WorkerWait::Retry),
            (Some("ip_cooldown"), WorkerWait::CoolDown),
            (Some("proxy_ip_mismatch"), WorkerWait::CoolDown),
        ] {
            assert_eq!(wait_of(kind), wait, "{kind:?}");
        }
    }
}
