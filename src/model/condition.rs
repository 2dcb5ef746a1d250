//! What is waited for, and what a black box watches for: a word, a comparison, a value.

mod subject;

use std::fmt;
use std::str::FromStr;

use super::Value;

pub use subject::{Answer, Knowledge, find};

/// A condition about one source.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    word: String,
    comparison: Comparison,
    wanted: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Longer ones first, so that `<=` is not read as `<`.
const COMPARISONS: [(&str, Comparison); 7] = [
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("!=", Comparison::Unequal),
    ("==", Comparison::Equal),
    ("=", Comparison::Equal),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        // A word alone: that it is so.
        let alone = |word: &str, wanted: &str| {
            Ok(Self {
                word: word.to_owned(),
                comparison: Comparison::Equal,
                wanted: wanted.to_owned(),
            })
        };
        match text {
            "settled" => return alone("settled", "on"),
            "idle" => return alone("activity", "idle"),
            "live" | "connected" | "down" => return alone("link", text),
            _ => {}
        }
        let found = text.char_indices().find_map(|(at, _)| {
            let rest = &text[at..];
            COMPARISONS
                .iter()
                .find(|(sign, _)| rest.starts_with(sign))
                .map(|(sign, comparison)| (at, sign.len(), *comparison))
        });
        let parts = found.map(|(at, length, comparison)| {
            let (word, wanted) = (text[..at].trim(), text[at + length..].trim());
            (word, comparison, wanted)
        });
        match parts {
            Some((word, comparison, wanted)) if !word.is_empty() && !wanted.is_empty() => {
                Ok(Self {
                    word: word.to_owned(),
                    comparison,
                    wanted: wanted.to_owned(),
                })
            }
            _ => Err(format!(
                "\"{text}\" is not a condition: write settled, idle, live, or a word, one of \
                 = != < <= > >= and a value, such as x>=1.5mm or workflow=ended"
            )),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = COMPARISONS
            .iter()
            .rev()
            .find(|(_, comparison)| *comparison == self.comparison)
            .map_or("=", |(sign, _)| sign);
        write!(f, "{}{sign}{}", self.word, self.wanted)
    }
}

impl Condition {
    /// The same about the source of this name, if that stands in front of its word with a point.
    pub fn within(&self, source: &str) -> Option<Self> {
        let word = self.word.strip_prefix(source)?.strip_prefix('.')?;
        (!word.is_empty()).then(|| Self {
            word: word.to_owned(),
            ..self.clone()
        })
    }

    /// Whether it is so now, and the value that says so; `None` while nobody has said it.
    ///
    /// # Errors
    /// The value that was written cannot be compared with what there is.
    pub fn holds(&self, source: &dyn Knowledge) -> Result<Option<(bool, Answer)>, String> {
        let Some(answer) = find(source, &self.word) else {
            return Ok(None);
        };
        let holds = match answer.number() {
            Some(number) => {
                let wanted = subject::number_in(&self.wanted, &answer)?;
                match self.comparison {
                    Comparison::Equal => self.same(number, wanted),
                    Comparison::Unequal => !self.same(number, wanted),
                    Comparison::Less => number < wanted,
                    Comparison::LessOrEqual => number <= wanted,
                    Comparison::Greater => number > wanted,
                    Comparison::GreaterOrEqual => number >= wanted,
                }
            }
            None => {
                let wanted = match (&answer.value, self.wanted.as_str()) {
                    (Value::Bool(_), "true" | "yes" | "1") => "on",
                    (Value::Bool(_), "false" | "no" | "0") => "off",
                    (_, written) => written,
                };
                let same = answer.text().eq_ignore_ascii_case(wanted);
                match self.comparison {
                    Comparison::Equal => same,
                    Comparison::Unequal => !same,
                    _ => {
                        return Err(format!(
                            "{} is \"{}\", which is no number: compare it with = or !=",
                            self.word,
                            answer.text()
                        ));
                    }
                }
            }
        };
        Ok(Some((holds, answer)))
    }

    /// Equal as far as the written number has decimals, and one at least: a stage never stands at
    /// exactly 1.5, and 1.6 is not 2.
    fn same(&self, number: f64, wanted: f64) -> bool {
        let digits: &str = self
            .wanted
            .split_once('.')
            .map_or("", |(_, decimals)| decimals);
        let written = digits.chars().take_while(char::is_ascii_digit).count();
        let decimals = written.max(1);
        let half = 0.5 * 10_f64.powi(-i32::try_from(decimals).unwrap_or(i32::MAX));
        (number - wanted).abs() <= half
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{
        Activity, Axis, Instrument, Latched, Limits, Motion, Payload, Reading, Sample, SourceId,
        Stamp, Unit,
    };

    fn known() -> Latched {
        let axis = Axis {
            name: "x".into(),
            unit: Unit::Millimetre,
            position: Some(1.504),
            target: None,
            limits: Limits::new(1.0, 15.0),
            motion: Motion::Settled,
        };
        let instrument = Instrument {
            activity: Activity::Idle,
            axes: vec![axis],
            ..Instrument::default()
        };
        let mut known = Latched::default();
        for payload in [
            Payload::Instrument(Arc::new(instrument)),
            Payload::Readings(vec![Reading::new("camera/exposure", 20.0, "ms")]),
        ] {
            known.remember(&Sample {
                source: SourceId(0),
                received: Stamp::default(),
                payload,
            });
        }
        known
    }

    #[test]
    fn conditions_are_compared_with_what_was_said() {
        let cases = [
            ("settled", Ok(Some(true))),
            ("idle", Ok(Some(true))),
            ("x=1.50", Ok(Some(true))),
            ("x=1.49", Ok(Some(false))),
            ("x = 1.5mm", Ok(Some(true))),
            ("x >= 1500um", Ok(Some(true))),
            ("x<1.504", Ok(Some(false))),
            ("X != 2", Ok(Some(true))),
            ("x.motion=moving", Ok(Some(false))),
            ("x.max==15", Ok(Some(true))),
            ("camera/exposure>=0.02s", Ok(Some(true))),
            ("nothing=1", Ok(None)),
            ("live", Ok(None)),
            ("x=much", Err("\"much\" is not a number")),
            ("x=1deg", Err("\"1deg\": it is in mm; write 1mm")),
            ("activity>idle", Err("activity is \"idle\"")),
        ];
        let known = known();
        let source = known.source(SourceId(0)).unwrap();
        for (text, expected) in cases {
            let condition: Condition = text.parse().unwrap();
            let got = condition.holds(source).map(|found| found.map(|f| f.0));
            match (expected, got) {
                (Ok(expected), got) => assert_eq!(got, Ok(expected), "{text}"),
                (Err(head), Err(error)) => assert!(error.starts_with(head), "{text}: {error}"),
                (Err(_), Ok(got)) => panic!("{text} gave {got:?}"),
            }
        }
    }

    #[test]
    fn a_source_may_stand_in_front_of_the_word() {
        let condition: Condition = "scope.x.max > 3".parse().unwrap();
        let alone = condition.within("scope").unwrap();
        assert_eq!(alone, "x.max>3".parse().unwrap());
        for other in ["scop", "x", "scope.x.max"] {
            assert_eq!(condition.within(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_no_condition_says_what_is_one() {
        for text in ["", "x", "=1", "x=", "soon"] {
            let error = text.parse::<Condition>().unwrap_err();
            assert!(
                error.contains("is not a condition: write settled"),
                "{error}"
            );
        }
    }
}
