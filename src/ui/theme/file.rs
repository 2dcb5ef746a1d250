//! Theme files: TOML in, a theme or the line that is wrong out.
//!
//! ```toml
//! background = "#14171c"        # or "default": the terminal's own
//! [roles]
//! text = "#c8ccd4"              # a colour
//! error = { fg = "red", bold = true }
//! ```

use std::ops::Range;
use std::path::Path;

use ratatui::style::{Color, Modifier, Style};
use thiserror::Error;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::palette::NAMED;
use super::{Role, Theme};

/// What is wrong with a theme file, and where.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("theme \"{theme}\" ({file}, line {line}): {problem}")]
pub struct ThemeError {
    /// The theme's name.
    pub theme: String,
    /// Its file, as the user knows it.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub problem: ThemeProblem,
}

/// What can be wrong with a theme file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ThemeProblem {
    /// It is not TOML; the parser's own words.
    #[error("{0}")]
    Syntax(String),
    /// A colour that is none.
    #[error("\"{0}\" is not a colour; write \"#rrggbb\" or a name such as \"cyan\"")]
    NotAColor(String),
    /// A value that should be a colour and is no text.
    #[error("`{key}` is of type {got}; write \"#rrggbb\" or a name such as \"cyan\"")]
    NotText {
        /// The key.
        key: String,
        /// The kind of value found.
        got: &'static str,
    },
    /// A role's value is neither a colour nor a table of them.
    #[error(
        "`{role}` is of type {got}; write a colour such as \"cyan\", or a table such as {{ fg = \"cyan\", bold = true }}"
    )]
    NotAStyle {
        /// The role.
        role: String,
        /// The kind of value found.
        got: &'static str,
    },
    /// `bold` and the like that is not true or false.
    #[error("`{key}` is of type {got}; write true or false")]
    NotASwitch {
        /// The key.
        key: String,
        /// The kind of value found.
        got: &'static str,
    },
    /// A key that means nothing here.
    #[error("`{key}` means nothing here; write one of: {known}")]
    UnknownKey {
        /// The key.
        key: String,
        /// Those that do.
        known: String,
    },
    /// `[roles]` is missing or no table.
    #[error("there is no table of roles; write [roles] and below it a line for each of: {known}")]
    NoRoles {
        /// The roles.
        known: String,
    },
    /// Roles without a style.
    #[error("no style for: {missing}; add a line for each below [roles]")]
    MissingRoles {
        /// Their names.
        missing: String,
    },
}

/// The switches of a style table.
const SWITCHES: [(&str, Modifier); 4] = [
    ("bold", Modifier::BOLD),
    ("dim", Modifier::DIM),
    ("reversed", Modifier::REVERSED),
    ("underlined", Modifier::UNDERLINED),
];

pub(super) fn parse(text: &str, file: &str) -> Result<Theme, ThemeError> {
    let name = Path::new(file).file_stem().map_or_else(
        || file.to_owned(),
        |stem| stem.to_string_lossy().into_owned(),
    );
    read(text, &name).map_err(|(span, problem)| ThemeError {
        theme: name.clone(),
        file: file.to_owned(),
        line: line_of(text, span.start),
        problem,
    })
}

/// A problem and the bytes of the file it is about.
type Misread = (Range<usize>, ThemeProblem);

fn read(text: &str, name: &str) -> Result<Theme, Misread> {
    let root = DeTable::parse(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        (span, ThemeProblem::Syntax(error.message().to_owned()))
    })?;
    let mut background = Color::Reset;
    let mut roles = None;
    for (key, value) in root.get_ref() {
        match key.get_ref().as_ref() {
            "background" => background = color(value, "background")?,
            "roles" => {
                roles = value
                    .get_ref()
                    .as_table()
                    .map(|table| (value.span(), table))
            }
            _ => return Err(unknown(key, "background, roles".to_owned())),
        }
    }
    let Some((span, table)) = roles else {
        return Err((
            0..0,
            ThemeProblem::NoRoles {
                known: names(&Role::ALL),
            },
        ));
    };
    let mut styles = [None; Role::ALL.len()];
    for (key, value) in table {
        let Some(role) = Role::from_name(key.get_ref()) else {
            return Err(unknown(key, names(&Role::ALL)));
        };
        styles[role as usize] = Some(style(value, role)?);
    }
    let missing: Vec<Role> = Role::ALL
        .into_iter()
        .filter(|role| styles[*role as usize].is_none())
        .collect();
    if !missing.is_empty() {
        let missing = names(&missing);
        return Err((span, ThemeProblem::MissingRoles { missing }));
    }
    Ok(Theme {
        name: name.to_owned(),
        background,
        styles: styles.map(Option::unwrap_or_default),
    })
}

fn style(value: &Spanned<DeValue<'_>>, role: Role) -> Result<Style, Misread> {
    let table = match value.get_ref() {
        DeValue::Table(table) => table,
        DeValue::String(_) => return Ok(Style::new().fg(color(value, role.as_str())?)),
        other => {
            let problem = ThemeProblem::NotAStyle {
                role: role.as_str().to_owned(),
                got: other.type_str(),
            };
            return Err((value.span(), problem));
        }
    };
    let mut style = Style::new();
    for (key, value) in table {
        let word = key.get_ref().as_ref();
        if word == "fg" {
            style = style.fg(color(value, word)?);
        } else if word == "bg" {
            style = style.bg(color(value, word)?);
        } else if let Some((_, modifier)) = SWITCHES.iter().find(|(known, _)| *known == word) {
            let Some(on) = value.get_ref().as_bool() else {
                let problem = ThemeProblem::NotASwitch {
                    key: word.to_owned(),
                    got: value.get_ref().type_str(),
                };
                return Err((value.span(), problem));
            };
            if on {
                style = style.add_modifier(*modifier);
            }
        } else {
            let known = "fg, bg, bold, dim, reversed, underlined".to_owned();
            return Err(unknown(key, known));
        }
    }
    Ok(style)
}

fn color(value: &Spanned<DeValue<'_>>, key: &str) -> Result<Color, Misread> {
    let Some(text) = value.get_ref().as_str() else {
        let problem = ThemeProblem::NotText {
            key: key.to_owned(),
            got: value.get_ref().type_str(),
        };
        return Err((value.span(), problem));
    };
    named(text)
        .or_else(|| hex(text))
        .ok_or_else(|| (value.span(), ThemeProblem::NotAColor(text.to_owned())))
}

fn named(text: &str) -> Option<Color> {
    if text == "default" {
        return Some(Color::Reset);
    }
    NAMED
        .iter()
        .find(|(name, _, _)| *name == text)
        .map(|(_, color, _)| *color)
}

fn hex(text: &str) -> Option<Color> {
    let digits = text.strip_prefix('#')?;
    // `from_str_radix` would also take a sign.
    if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let [_, r, g, b] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
    Some(Color::Rgb(r, g, b))
}

fn unknown(key: &Spanned<std::borrow::Cow<'_, str>>, known: String) -> Misread {
    let key_text = key.get_ref().to_string();
    (
        key.span(),
        ThemeProblem::UnknownKey {
            key: key_text,
            known,
        },
    )
}

fn names(roles: &[Role]) -> String {
    let names: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
    names.join(", ")
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|b| *b == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_roles(change: &str) -> String {
        let mut text = String::from("[roles]\n");
        for role in Role::ALL {
            text += &format!("{} = \"cyan\"\n", role.as_str());
        }
        text + change
    }

    #[test]
    fn a_style_is_a_colour_or_a_table() {
        let mut text = String::from("background = \"#010203\"\n[roles]\n");
        for role in Role::ALL {
            text += &match role {
                Role::Error => {
                    "error = { fg = \"red\", bg = \"default\", bold = true, dim = false }\n"
                        .to_owned()
                }
                Role::Text => "text = \"#ffFF00\"\n".to_owned(),
                other => format!("{} = {{ underlined = true }}\n", other.as_str()),
            };
        }
        let theme = Theme::parse(&text, "/x/dusk.toml").unwrap();
        assert_eq!(theme.name(), "dusk");
        assert_eq!(theme.background(), Color::Rgb(1, 2, 3));
        assert_eq!(
            theme.style(Role::Text),
            Style::new().fg(Color::Rgb(255, 255, 0))
        );
        assert_eq!(
            theme.style(Role::Error),
            Style::new()
                .fg(Color::Red)
                .bg(Color::Reset)
                .add_modifier(Modifier::BOLD)
        );
        assert_eq!(
            theme.style(Role::Hint),
            Style::new().add_modifier(Modifier::UNDERLINED)
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line_and_what_to_write() {
        let cases = [
            (
                "\n[roles]\ntext = \"#12345\"".to_owned(),
                "line 3): \"#12345\" is not a colour; write \"#rrggbb\" or a name such as \"cyan\"",
            ),
            (
                "background = \"#+12345\"".to_owned(),
                "line 1): \"#+12345\" is not a colour; write \"#rrggbb\" or a name such as \"cyan\"",
            ),
            (
                "[roles]\ntext = 3".to_owned(),
                "line 2): `text` is of type integer; write a colour such as \"cyan\", or a table such as { fg = \"cyan\", bold = true }",
            ),
            (
                "background = { fg = \"red\" }".to_owned(),
                "line 1): `background` is of type table; write \"#rrggbb\" or a name such as \"cyan\"",
            ),
            (
                "[roles]\n\ntext = { bold = \"yes\" }".to_owned(),
                "line 3): `bold` is of type string; write true or false",
            ),
            (
                "[roles]\ntext = { colour = \"red\" }".to_owned(),
                "line 2): `colour` means nothing here; write one of: fg, bg, bold, dim, reversed, underlined",
            ),
            (
                "foreground = \"red\"".to_owned(),
                "line 1): `foreground` means nothing here; write one of: background, roles",
            ),
            (
                with_roles("").replace("dim = \"cyan\"\n", ""),
                "line 1): no style for: dim; add a line for each below [roles]",
            ),
            (
                with_roles("").replace("hint = ", "hints = "),
                "line 16): `hints` means nothing here; write one of: text, dim,",
            ),
            (
                String::new(),
                "line 1): there is no table of roles; write [roles]",
            ),
            (
                "[roles]\ntext = \"a\"\ntext = \"b\"".to_owned(),
                "line 3): duplicate key",
            ),
        ];
        for (text, want) in cases {
            let got = Theme::parse(&text, "themes/dusk.toml")
                .unwrap_err()
                .to_string();
            let want = format!("theme \"dusk\" (themes/dusk.toml, {want}");
            assert!(
                got.starts_with(&want),
                "\n got {got}\nwant {want}\n for {text:?}"
            );
        }
    }
}
