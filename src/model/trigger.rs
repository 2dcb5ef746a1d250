//! What makes a black box be saved without anybody asking: the rules as they are written.

use std::fmt;
use std::str::FromStr;

use super::condition::Condition;

/// A rule: as soon as this is so, the last seconds are saved.
#[derive(Clone, Debug, PartialEq)]
pub struct Trigger {
    /// The source it is about; without one it is about every source, unless a condition names one.
    pub source: Option<String>,
    /// What has to happen.
    pub cause: Cause,
}

/// What has to happen.
#[derive(Clone, Debug, PartialEq)]
pub enum Cause {
    /// A stop is pressed.
    Stop,
    /// A fault that costs something: an error, and not a warning.
    Fault,
    /// A connection that stood is lost.
    LinkDown,
    /// This comes to be so.
    Condition(Condition),
}

impl Cause {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "stop" => Self::Stop,
            "fault" => Self::Fault,
            "link-down" => Self::LinkDown,
            _ => return None,
        })
    }
}

impl FromStr for Trigger {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let everywhere = |cause| Self {
            source: None,
            cause,
        };
        if let Some(cause) = Cause::named(text) {
            return Ok(everywhere(cause));
        }
        let of_source = text.split_once('.').filter(|(name, _)| !name.is_empty());
        if let Some((name, rest)) = of_source {
            let named = Cause::named(rest);
            // A word alone, such as `scope.settled`; with a comparison the name is told from the
            // word once the sources are known.
            let alone = || rest.parse().ok().filter(|_| !has_comparison(rest));
            if let Some(cause) = named.or_else(|| alone().map(Cause::Condition)) {
                return Ok(Self {
                    source: Some(name.to_owned()),
                    cause,
                });
            }
        }
        match text.parse() {
            Ok(condition) => Ok(everywhere(Cause::Condition(condition))),
            Err(_) => Err(format!(
                "\"{text}\" is no rule: write stop, fault, link-down, or a condition such as \
                 scope.temperature > 30 or workflow=ended; SOURCE. in front is for one source"
            )),
        }
    }
}

fn has_comparison(text: &str) -> bool {
    text.contains(['=', '<', '>'])
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(source) = &self.source {
            write!(f, "{source}.")?;
        }
        match &self.cause {
            Cause::Stop => f.write_str("stop"),
            Cause::Fault => f.write_str("fault"),
            Cause::LinkDown => f.write_str("link-down"),
            Cause::Condition(condition) => write!(f, "{condition}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_a_word_or_a_condition_of_one_source_or_of_all() {
        let condition = |text: &str| Cause::Condition(text.parse().unwrap());
        let cases = [
            ("stop", None, Cause::Stop),
            ("fault", None, Cause::Fault),
            ("link-down", None, Cause::LinkDown),
            ("left.fault", Some("left"), Cause::Fault),
            ("left.link-down", Some("left"), Cause::LinkDown),
            ("left.settled", Some("left"), condition("settled")),
            ("settled", None, condition("settled")),
            (
                "scope.temperature > 30",
                None,
                condition("scope.temperature>30"),
            ),
            ("x.motion=moving", None, condition("x.motion=moving")),
        ];
        for (text, source, cause) in cases {
            let trigger: Trigger = text.parse().unwrap();
            assert_eq!(trigger.source.as_deref(), source, "{text}");
            assert_eq!(trigger.cause, cause, "{text}");
            let again: Trigger = trigger.to_string().parse().unwrap();
            assert_eq!(again.to_string(), trigger.to_string());
        }
        for text in ["", "soon", ".fault", "left.soon", "x=", "=3"] {
            let error = text.parse::<Trigger>().unwrap_err();
            assert!(error.contains("is no rule: write stop"), "{error}");
        }
    }
}
