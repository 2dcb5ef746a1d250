//! How many colours the terminal shows, from what its environment says.

/// How many colours can be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ColorDepth {
    /// Any red, green and blue.
    #[default]
    True,
    /// The 256 of xterm: 16 named, a cube of 6x6x6, 24 greys.
    Indexed256,
    /// The 16 named ones, whose values are the terminal's own.
    Ansi16,
    /// No colour: bold, dim, underlined and reversed only.
    None,
}

impl ColorDepth {
    /// Reads `NO_COLOR` (see no-color.org), `COLORTERM` and `TERM` through `env`.
    pub fn detect(env: impl Fn(&str) -> Option<String>) -> Self {
        let var = |name: &str| env(name).unwrap_or_default();
        let term = var("TERM");
        if !var("NO_COLOR").is_empty() || term == "dumb" {
            return Self::None;
        }
        let known = if term.contains("256color") {
            Self::Indexed256
        } else {
            Self::Ansi16
        };
        // GNU screen hands COLORTERM on from outside and garbles the colours it promises. tmux
        // also calls itself "screen" at times, and translates them.
        if term.starts_with("screen") && var("TMUX").is_empty() {
            return known;
        }
        let promised = matches!(var("COLORTERM").as_str(), "truecolor" | "24bit");
        if promised || term.ends_with("-direct") || !var("WT_SESSION").is_empty() {
            return Self::True;
        }
        match term.as_str() {
            "alacritty" | "foot" | "xterm-ghostty" | "xterm-kitty" | "wezterm" => Self::True,
            _ => known,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_tells_the_colours() {
        use ColorDepth::{Ansi16, Indexed256, None as NoColor, True};
        let cases: [(&[(&str, &str)], ColorDepth); 14] = [
            (&[], Ansi16),
            (&[("TERM", "xterm")], Ansi16),
            (&[("TERM", "linux")], Ansi16),
            (&[("TERM", "dumb")], NoColor),
            (&[("TERM", "xterm-256color")], Indexed256),
            (&[("TERM", "xterm-kitty")], True),
            (&[("TERM", "xterm-direct")], True),
            (
                &[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")],
                True,
            ),
            (&[("TERM", "tmux-256color"), ("COLORTERM", "24bit")], True),
            (&[("TERM", "screen"), ("COLORTERM", "truecolor")], Ansi16),
            (
                &[("TERM", "screen-256color"), ("COLORTERM", "truecolor")],
                Indexed256,
            ),
            (
                &[
                    ("TERM", "screen-256color"),
                    ("COLORTERM", "truecolor"),
                    ("TMUX", "/tmp/tmux-0/default,1,0"),
                ],
                True,
            ),
            (
                &[
                    ("TERM", "xterm-256color"),
                    ("COLORTERM", "truecolor"),
                    ("NO_COLOR", "1"),
                ],
                NoColor,
            ),
            // Set to nothing counts as not set.
            (&[("TERM", "xterm"), ("NO_COLOR", "")], Ansi16),
        ];
        for (vars, want) in cases {
            let env = |name: &str| {
                vars.iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(ColorDepth::detect(env), want, "{vars:?}");
        }
    }
}
