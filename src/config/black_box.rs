//! What is kept of the last seconds, as it is written.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::values::parse_size;
use crate::model::{Cause, Trigger};

/// The table `[black_box]`.
#[derive(Clone, Debug, PartialEq)]
pub struct BlackBoxConfig {
    /// How much time is kept; zero keeps nothing.
    pub span: Duration,
    /// How much memory that may take.
    pub size_bytes: u64,
    /// What saves it without anybody asking.
    pub on: Vec<Trigger>,
}

impl Default for BlackBoxConfig {
    fn default() -> Self {
        Self {
            span: Duration::from_secs(30),
            size_bytes: 256 << 20,
            on: vec![Trigger {
                source: None,
                cause: Cause::Stop,
            }],
        }
    }
}

impl BlackBoxConfig {
    /// How much is saved of what follows. With it a file tells what came of the thing that it was
    /// saved for: a stage that was stopped has long answered by then.
    pub const AFTER: Duration = Duration::from_secs(10);
}

/// An hour is a recording and not a black box.
const MAX_SECONDS: u32 = 3_600;
const LEAST_BYTES: u64 = 1 << 20;
const MOST_BYTES: u64 = 64 << 30;
/// More are not rules any more; each is looked at for every value that comes.
const MAX_RULES: usize = 32;

/// The table, word for word.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WrittenBlackBox {
    seconds: Option<Spanned<u32>>,
    size: Option<Spanned<String>>,
    on: Option<Spanned<Vec<Spanned<String>>>>,
}

impl WrittenBlackBox {
    /// What the table means, or what is wrong and where in the text.
    ///
    /// - `sources`: the names of the sources of the file
    pub(super) fn resolve(
        self,
        sources: &BTreeSet<&str>,
    ) -> Result<BlackBoxConfig, (usize, String)> {
        let mut config = BlackBoxConfig::default();
        if let Some(seconds) = self.seconds {
            let (at, seconds) = (seconds.span().start, seconds.into_inner());
            if seconds > MAX_SECONDS {
                let problem =
                    format!("seconds = {seconds}: take 1 to {MAX_SECONDS}, or 0 to keep nothing");
                return Err((at, problem));
            }
            config.span = Duration::from_secs(seconds.into());
        }
        if let Some(size) = self.size {
            let at = size.span().start;
            let bytes = parse_size(size.get_ref()).map_err(|problem| (at, problem))?;
            if !(LEAST_BYTES..=MOST_BYTES).contains(&bytes) {
                let problem = format!("size = {:?}: take 1MiB to 64GiB", size.get_ref());
                return Err((at, problem));
            }
            config.size_bytes = bytes;
        }
        if let Some(on) = self.on {
            let at = on.span().start;
            let rules = on.into_inner();
            if rules.len() > MAX_RULES {
                return Err((at, format!("on: at most {MAX_RULES} rules are taken")));
            }
            let rule = |written: Spanned<String>| {
                let trigger: Result<Trigger, String> = written.get_ref().parse();
                let known = trigger.and_then(|trigger| match &trigger.source {
                    // Sources may also be named on the command line, which is not known here.
                    Some(name) if !sources.is_empty() && !sources.contains(name.as_str()) => {
                        let names: Vec<&str> = sources.iter().copied().collect();
                        let names = names.join(", ");
                        Err(format!("\"{trigger}\": there is no source {name}: {names}"))
                    }
                    _ => Ok(trigger),
                });
                known.map_err(|problem| (written.span().start, problem))
            };
            config.on = rules.into_iter().map(rule).collect::<Result<_, _>>()?;
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::FileConfig;

    fn read(text: &str) -> Result<BlackBoxConfig, String> {
        let config = FileConfig::parse(text, Path::new("c.toml"));
        config
            .map(|config| config.black_box)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn it_keeps_half_a_minute_unless_something_else_is_written() {
        assert_eq!(read("").unwrap(), BlackBoxConfig::default());
        let written = read(
            "[sources.left]\nurl = \"imswitch://a:1\"\n[black_box]\nseconds = 5\nsize = \"2MiB\"\n\
             on = [\"stop\", \"left.link-down\", \"left.temperature > 30\"]",
        )
        .unwrap();
        assert_eq!(written.span, Duration::from_secs(5));
        assert_eq!(written.size_bytes, 2 << 20);
        let rules: Vec<String> = written.on.iter().map(ToString::to_string).collect();
        assert_eq!(rules, ["stop", "left.link-down", "left.temperature>30"]);
        let none = read("[black_box]\nseconds = 0\non = []").unwrap();
        assert_eq!((none.span, none.on), (Duration::ZERO, vec![]));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, line, part) in [
            ("[black_box]\nseconds = 3601", 2, "take 1 to 3600"),
            ("[black_box]\nsize = \"5\"", 2, "take 1MiB to 64GiB"),
            ("[black_box]\nsize = \"much\"", 2, "is not a size"),
            (
                "[black_box]\non = [\n\"stop\",\n\"soon\"]",
                4,
                "is no rule: write stop",
            ),
            (
                "[sources.a]\nurl = \"imswitch://a:1\"\n[black_box]\non = [\"b.fault\"]",
                4,
                "there is no source b: a",
            ),
            ("[black_box]\nminutes = 1", 2, "unknown field"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(part), "{error}");
            assert!(error.contains(&format!("line {line}:")), "{error}");
        }
    }
}
