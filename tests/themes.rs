//! Every theme in `themes/` is whole and readable.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};

use ratatui::style::{Color, Modifier};
use ttyscope::ui::theme::ColorDepth;
use ttyscope::ui::{Role, Theme};

fn files() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("themes");
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

fn themes() -> Vec<Theme> {
    files()
        .iter()
        .map(|path| {
            let text = std::fs::read_to_string(path).unwrap();
            Theme::parse(&text, &path.to_string_lossy()).unwrap_or_else(|e| panic!("{e}"))
        })
        .collect()
}

/// Relative luminance, `0.0..=1.0`. Source: WCAG 2.1, "relative luminance".
fn luminance(color: Color) -> f64 {
    let (r, g, b) = match color {
        Color::Rgb(r, g, b) => (r, g, b),
        Color::Indexed(index @ 16..=231) => {
            let level = |step| [0, 95, 135, 175, 215, 255][usize::from((index - 16) / step % 6)];
            (level(36), level(6), level(1))
        }
        Color::Indexed(index @ 232..) => {
            let grey = 8 + (index - 232) * 10;
            (grey, grey, grey)
        }
        named => panic!("{named} has no value of its own"),
    };
    let linear = |value: u8| {
        let v = f64::from(value) / 255.0;
        if v <= 0.04045 {
            v / 12.92
        } else {
            ((v + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
}

/// Contrast ratio, `1.0..=21.0`. Source: WCAG 2.1, "contrast ratio".
fn contrast(a: Color, b: Color) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn every_theme_in_the_folder_is_built_in_and_under_its_own_name() {
    let mut built_in: Vec<Theme> = Theme::names()
        .map(|name| Theme::built_in(name).unwrap_or_else(|| panic!("{name}")))
        .collect();
    built_in.sort_by(|a, b| a.name().cmp(b.name()));
    assert_eq!(themes(), built_in);
    assert_eq!(Theme::built_in("nightfall"), None);
    assert_eq!(Theme::default().name(), "dark");
}

#[test]
fn exact_colours_stand_out_from_their_background() {
    let exact: Vec<Theme> = themes()
        .into_iter()
        .filter(|theme| theme.background() != Color::Reset)
        .flat_map(|theme| [theme.for_depth(ColorDepth::Indexed256), theme])
        .collect();
    assert!(exact.len() >= 6);
    for theme in exact {
        for role in Role::ALL {
            let style = theme.style(role);
            let background = style.bg.unwrap_or(theme.background());
            let foreground = style
                .fg
                .unwrap_or_else(|| panic!("{role:?} of {}", theme.name()));
            let least = match role {
                Role::Dim | Role::Rule | Role::Graph => 3.0,
                _ => 4.5,
            };
            let ratio = contrast(foreground, background);
            assert!(
                ratio >= least,
                "{} of {}: {ratio:.2}, want {least}",
                role.as_str(),
                theme.name()
            );
        }
    }
}

#[test]
fn a_theme_of_the_terminals_own_colours_names_none_that_may_vanish() {
    let safe = [
        None,
        Some(Color::Reset),
        Some(Color::Red),
        Some(Color::Green),
        Some(Color::Yellow),
        Some(Color::Magenta),
        Some(Color::Cyan),
    ];
    let ansi = Theme::built_in("ansi").unwrap();
    assert_eq!(ansi.background(), Color::Reset);
    for role in Role::ALL {
        let style = ansi.style(role);
        assert!(safe.contains(&style.fg), "{role:?}: {:?}", style.fg);
        assert!(matches!(style.bg, None | Some(Color::Reset)), "{role:?}");
    }
}

#[test]
fn trouble_never_looks_like_health() {
    let everything = themes()
        .into_iter()
        .flat_map(|theme| {
            [
                ColorDepth::True,
                ColorDepth::Indexed256,
                ColorDepth::Ansi16,
                ColorDepth::None,
            ]
            .map(|depth| (depth, theme.for_depth(depth)))
        })
        .collect::<Vec<_>>();
    for (depth, theme) in everything {
        for trouble in [Role::Warning, Role::Error] {
            for calm in [Role::Good, Role::Dim, Role::Text] {
                assert_ne!(
                    theme.style(trouble),
                    theme.style(calm),
                    "{trouble:?} and {calm:?} of {} in {depth:?}",
                    theme.name()
                );
            }
        }
    }
}

#[test]
fn a_theme_keeps_to_the_colours_at_hand() {
    for theme in themes() {
        for depth in [ColorDepth::Indexed256, ColorDepth::Ansi16, ColorDepth::None] {
            let mapped = theme.for_depth(depth);
            assert_eq!(mapped.name(), theme.name());
            let styles = Role::ALL.map(|role| mapped.style(role));
            let colors = styles
                .iter()
                .flat_map(|style| [style.fg, style.bg])
                .flatten()
                .chain([mapped.background()]);
            for color in colors {
                let allowed = match depth {
                    ColorDepth::True => true,
                    ColorDepth::Indexed256 => !matches!(color, Color::Rgb(..)),
                    ColorDepth::Ansi16 => !matches!(color, Color::Rgb(..) | Color::Indexed(_)),
                    ColorDepth::None => color == Color::Reset,
                };
                assert!(allowed, "{color} of {} in {depth:?}", theme.name());
            }
        }
    }
}

#[test]
fn the_background_is_painted_only_where_the_theme_states_one() {
    assert_eq!(
        Theme::built_in("light").unwrap().base().bg,
        Some(Color::Rgb(0xfb, 0xfb, 0xf9))
    );
    let ansi = Theme::built_in("ansi").unwrap();
    assert_eq!(ansi.base(), ratatui::style::Style::new());
    assert!(
        ansi.style(Role::Selection)
            .add_modifier
            .contains(Modifier::REVERSED)
    );
}
