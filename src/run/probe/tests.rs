use proptest::prelude::*;

use super::*;
use crate::imaging::pixels::Protocol;
use crate::run::keys::{KeyDecoder, Typed};
use crate::ui::{Glyphs, Graphics};

fn environment(vars: &[(&str, &str)]) -> Environment {
    Environment::read(|name| {
        let found = vars.iter().find(|(key, _)| *key == name);
        found.map(|(_, value)| (*value).to_owned())
    })
}

fn at(ms: u64) -> Stamp {
    Stamp {
        mono_ns: ms * 1_000_000,
        unix_ns: 0,
    }
}

/// What is known after the terminal has sent these bytes, and a second later.
fn after(vars: &[(&str, &str)], bytes: &[u8]) -> Terminal {
    let mut probe = Probe::of(environment(vars), Memory::default(), at(0));
    if let Some(terminal) = probe.first() {
        assert!(probe.questions().is_empty());
        return terminal;
    }
    let mut known = None;
    for typed in KeyDecoder::default().push(bytes) {
        if let Typed::Answer(answer) = typed {
            known = known.or(probe.take(&answer));
        }
    }
    assert_eq!(probe.give_up(at(999)), None);
    known.or_else(|| probe.give_up(at(1_000))).unwrap()
}

const KITTY_OK: &[u8] = b"\x1b_Gi=31;OK\x1b\\";

#[test]
fn what_terminals_answer_decides() {
    use Protocol::{ITerm2, Kitty, Sixel};
    let halves = Graphics::Cells(Glyphs::HalfBlocks);
    let ascii = Graphics::Cells(Glyphs::Ascii);
    let xterm = ("TERM", "xterm-256color");
    let tmux = [
        ("TERM", "tmux-256color"),
        ("TMUX", "/tmp/tmux-0/default,1,0"),
    ];
    let join = |parts: &[&[u8]]| parts.concat();
    let sixel = b"\x1b[?62;4;22c".as_slice();
    let none = b"\x1b[?62;22c".as_slice();
    type Case = (Vec<(&'static str, &'static str)>, Vec<u8>, Graphics);
    let cases: Vec<Case> = vec![
        (
            vec![("TERM", "xterm-kitty"), ("KITTY_WINDOW_ID", "1")],
            join(&[KITTY_OK, b"\x1bP>|kitty(0.36.4)\x1b\\\x1b[6;20;10t", none]),
            Graphics::Pixels(Kitty),
        ),
        (
            vec![("TERM", "xterm-ghostty")],
            join(&[KITTY_OK, b"\x1bP>|ghostty 1.1.0\x1b\\", none]),
            Graphics::Pixels(Kitty),
        ),
        // The protocol without placeholders: their own is better.
        (
            vec![xterm, ("TERM_PROGRAM", "WezTerm")],
            join(&[KITTY_OK, b"\x1bP>|WezTerm 20240203\x1b\\", sixel]),
            Graphics::Pixels(ITerm2),
        ),
        (
            vec![xterm],
            join(&[KITTY_OK, b"\x1bP>|Konsole 23.08\x1b\\", sixel]),
            Graphics::Pixels(Sixel),
        ),
        (
            vec![
                xterm,
                ("LC_TERMINAL", "iTerm2"),
                ("LC_TERMINAL_VERSION", "3.5.0"),
            ],
            none.to_vec(),
            Graphics::Pixels(ITerm2),
        ),
        (
            vec![("TERM", "foot")],
            sixel.to_vec(),
            Graphics::Pixels(Sixel),
        ),
        (vec![xterm], none.to_vec(), halves),
        // 14 is no 4.
        (vec![xterm], b"\x1b[?62;14;22c".to_vec(), halves),
        // Refused.
        (
            vec![("TERM", "xterm-kitty")],
            join(&[b"\x1b_Gi=31;EINVAL:no\x1b\\", none]),
            halves,
        ),
        // Nothing after it, or nothing at all.
        (vec![("TERM", "xterm-kitty")], KITTY_OK.to_vec(), halves),
        (vec![("TERM", "xterm-kitty")], Vec::new(), halves),
        // tmux: through to the end, not through, sixels of its own.
        (
            [&tmux[..], &[("KITTY_WINDOW_ID", "1")]].concat(),
            join(&[b"\x1bP>|tmux 3.4\x1b\\", none, KITTY_OK]),
            halves,
        ),
        (
            [&tmux[..], &[("KITTY_WINDOW_ID", "1")]].concat(),
            join(&[KITTY_OK, b"\x1bP>|tmux 3.4\x1b\\", none]),
            Graphics::Pixels(Kitty),
        ),
        (
            [&tmux[..], &[("LC_TERMINAL", "iTerm2")]].concat(),
            join(&[b"\x1bP>|tmux 3.3a\x1b\\", b"\x1b[?1;2c"]),
            halves,
        ),
        (
            tmux.to_vec(),
            b"\x1b[?1;2;4c".to_vec(),
            Graphics::Pixels(Sixel),
        ),
        // Nothing is asked.
        (
            vec![("TERM", "screen"), ("STY", "1.pts-0")],
            sixel.to_vec(),
            halves,
        ),
        (vec![("TERM", "linux")], Vec::new(), halves),
        (vec![("TERM", "vt100")], Vec::new(), ascii),
        (vec![("TERM", "dumb")], Vec::new(), ascii),
        (vec![xterm, ("NO_COLOR", "1")], sixel.to_vec(), halves),
    ];
    for (vars, bytes, best) in cases {
        let terminal = after(&vars, &bytes);
        assert_eq!(terminal.best, best, "{vars:?}: {}", terminal.why);
        assert!(terminal.why.len() > 10);
    }
}

#[test]
fn the_size_of_a_cell_is_taken_only_where_it_is_one() {
    let cases: [(&[u8], (u8, u8)); 7] = [
        (b"\x1b[6;17;8t", (8, 17)),
        (b"\x1b[6;0;0t", (10, 20)),
        (b"\x1b[6;300;10t", (10, 20)),
        (b"\x1b[6;17t", (10, 20)),
        (b"\x1b[6;17;8;1t", (10, 20)),
        (b"\x1b[4;480;640t", (10, 20)),
        (b"\x1b[6;x;8t", (10, 20)),
    ];
    for (bytes, cell_px) in cases {
        let bytes = [bytes, b"\x1b[?62c"].concat();
        let terminal = after(&[("TERM", "xterm")], &bytes);
        assert_eq!(terminal.cell_px, cell_px, "{bytes:?}");
    }
}

#[test]
fn in_tmux_only_the_wrapped_question_leaves() {
    let probe = Probe::of(
        environment(&[("TERM", "tmux-256color")]),
        Memory::default(),
        at(0),
    );
    let questions = probe.questions();
    assert!(questions.starts_with(b"\x1bPtmux;\x1b\x1b_Gi=31"));
    assert!(questions.ends_with(b"\x1b[c"));
    let probe = Probe::of(environment(&[("TERM", "xterm")]), Memory::default(), at(0));
    assert!(probe.questions().starts_with(b"\x1b_Gi=31"));
}

#[test]
fn a_terminal_is_remembered_by_what_it_says_of_itself() {
    let kitty = environment(&[("TERM", "xterm-kitty"), ("KITTY_WINDOW_ID", "1")]);
    let foot = environment(&[("TERM", "foot")]);
    let terminal = Terminal {
        best: Graphics::Pixels(Protocol::Kitty),
        cell_px: (9, 18),
        through_tmux: false,
        why: "as it answered last time".to_owned(),
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("below/terminals");
    let mut memory = Memory::of(Some(path.clone()), "");
    memory.keep(&kitty, &terminal);
    for number in 0..40 {
        let other = environment(&[("TERM", &format!("xterm-{number}"))]);
        memory.keep(&other, &Terminal::default());
    }
    memory.keep(&kitty, &terminal);
    assert!(memory.has_news());
    memory.save();
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 32);
    let mut memory = Memory::of(Some(path), &text);
    assert_eq!(memory.recall(&kitty), Some(terminal.clone()));
    memory.keep(&kitty, &terminal);
    assert!(!memory.has_news());
    assert_eq!(memory.recall(&foot), None);
    for rubbish in [
        "foot  direct- colour\tsixel",
        "foot  direct- colour\tsixel\t0\t0",
        "\t\t",
    ] {
        assert_eq!(Memory::of(None, rubbish).recall(&foot), None, "{rubbish}");
    }
}

proptest! {
    #[test]
    fn rubbish_is_answered_with_half_blocks(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let terminal = after(&[("TERM", "xterm")], &bytes);
        prop_assert!(Graphics::ALL.contains(&terminal.best));
    }

    #[test]
    fn answers_full_of_rubbish_choose_nothing(
        parameters in prop::collection::vec(0x20_u8..0x7f, 0..80),
        last in 0x40_u8..0x7f,
        introducer in any::<u8>(),
    ) {
        let mut answers = Answers::default();
        let control = Answer::Control { parameters: parameters.clone(), last };
        answers.take(&control);
        answers.take(&Answer::Text { introducer, text: parameters.clone() });
        let is_attributes = last == b'c' && parameters.starts_with(b"?");
        prop_assert_eq!(answers.complete, is_attributes);
        let is_kitty = introducer == b'_' && parameters.starts_with(b"Gi=31;OK");
        prop_assert_eq!(answers.kitty, is_kitty);
    }
}
