//! Parameters of a live view's stream: which there are, and what they take. The servers ignore
//! what they do not know, so it is refused here.

use serde_json::{Value, json};

use crate::control::Refusal;

/// What a parameter takes.
enum Takes {
    /// Whole numbers from the first to the last.
    Whole(i64, i64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// Yes or no.
    Flag,
}

/// Every parameter. Source: the protocol's table of stream parameters; upper ends that it does not
/// give are those of the numbers' own sense.
const PARAMETERS: [(&str, Takes); 8] = [
    (
        "compression_algorithm",
        Takes::Word(&["none", "lz4", "zstd"]),
    ),
    ("compression_level", Takes::Whole(0, 22)),
    ("subsampling_factor", Takes::Whole(1, 1024)),
    ("throttle_ms", Takes::Whole(0, 60_000)),
    ("crop_size", Takes::Whole(0, 100_000)),
    ("jpeg_quality", Takes::Whole(1, 100)),
    ("max_width", Takes::Whole(1, 100_000)),
    ("broadcast_frames", Takes::Flag),
];

/// A parameter and its new value.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::sources::imswitch) struct StreamValue {
    pub(in crate::sources::imswitch) parameter: &'static str,
    pub(in crate::sources::imswitch) value: Value,
}

impl StreamValue {
    /// The names of all parameters.
    pub(in crate::sources::imswitch) fn names() -> Vec<&'static str> {
        PARAMETERS.iter().map(|(name, _)| *name).collect()
    }

    /// Reads both as they were written.
    ///
    /// # Errors
    /// There is no such parameter, or it takes something else.
    pub(super) fn from_text(parameter: &str, text: &str) -> Result<Self, Refusal> {
        let known = PARAMETERS.iter().find(|(name, _)| *name == parameter);
        let Some((name, takes)) = known else {
            return Err(Refusal::NoSuch {
                what: "stream parameter",
                got: parameter.into(),
                known: Self::names().into_iter().map(str::to_owned).collect(),
            });
        };
        let text = text.trim().trim_matches('"');
        let (value, wanted) = match takes {
            Takes::Whole(least, most) => {
                let number = text.parse::<i64>().ok();
                let fits = number.filter(|number| (least..=most).contains(&number));
                (fits.map(Value::from), format!("{least} to {most}"))
            }
            Takes::Word(words) => {
                let word = words.iter().find(|word| **word == text);
                (word.map(|word| json!(word)), words.join(", "))
            }
            Takes::Flag => (
                text.parse::<bool>().ok().map(Value::from),
                "true or false".to_owned(),
            ),
        };
        match value {
            Some(value) => Ok(Self {
                parameter: name,
                value,
            }),
            None => {
                let text = format!("stream {name} takes {wanted}; \"{text}\" does not fit");
                Err(Refusal::Other(text.into()))
            }
        }
    }

    /// What is posted.
    pub(super) fn body(&self) -> Value {
        json!({ self.parameter: self.value })
    }

    /// What an answer holds under the parameter's name.
    pub(in crate::sources::imswitch) fn held<'a>(&self, answer: &'a Value) -> Option<&'a Value> {
        answer.get("params")?.get(self.parameter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_people_write_them() {
        let read = |parameter, text| StreamValue::from_text(parameter, text).map(|v| v.body());
        let cases = [
            ("throttle_ms", "100", json!({"throttle_ms": 100})),
            (
                "compression_algorithm",
                "\"zstd\"",
                json!({"compression_algorithm": "zstd"}),
            ),
            (
                "broadcast_frames",
                "false",
                json!({"broadcast_frames": false}),
            ),
        ];
        for (parameter, text, body) in cases {
            assert_eq!(read(parameter, text), Ok(body));
        }
        for (parameter, text, hint) in [
            ("jpeg_quality", "101", "1 to 100"),
            ("jpeg_quality", "fine", "1 to 100"),
            ("compression_algorithm", "zstandard", "none, lz4, zstd"),
            ("colour", "red", "throttle_ms, crop_size"),
        ] {
            let why = read(parameter, text).unwrap_err().to_string();
            assert!(why.contains(hint), "{why}");
        }
    }
}
