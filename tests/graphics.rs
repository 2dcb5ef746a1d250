//! The real program in terminals that answer its questions well, badly and not at all.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use base64::Engine as _;
use support::pty::Terminal;

const QUESTION: &str = "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\";
const KITTY: &str = "\x1b_Gi=31;OK\x1b\\\x1bP>|kitty(0.36.4)\x1b\\\x1b[6;20;10t\x1b[?62;22c";

/// Starts it in a terminal of that name and waits until it has asked.
fn asked(term: &str, dir: &std::path::Path, (cols, rows): (u16, u16)) -> Terminal {
    let env = [("TERM", term), ("COLORTERM", "truecolor")];
    let terminal = Terminal::start_with(&[], dir, cols, rows, &env);
    terminal.wait_for_bytes(QUESTION.as_bytes());
    terminal.wait_for_bytes(b"\x1b[c");
    terminal
}

fn contains(raw: &[u8], bytes: &[u8]) -> bool {
    raw.windows(bytes.len()).any(|window| window == bytes)
}

fn is_picture_of_half_blocks(screen: &vt100::Screen) -> bool {
    screen.contents().matches('▀').count() > 50
}

fn quit(mut terminal: Terminal) -> Vec<u8> {
    // Its light is on, so that it asks once more.
    terminal.press("qq");
    assert_eq!(terminal.wait(), 0);
    terminal.assert_restored();
    terminal.raw()
}

/// The pixels of the first whole picture in kitty's protocol: columns, rows, bytes.
fn first_picture(raw: &[u8]) -> Option<(usize, usize, Vec<u8>)> {
    let text = String::from_utf8_lossy(raw);
    let from = text.find("\x1b_Ga=T,U=1,i=61,")?;
    let (mut size, mut payload) = (None, String::new());
    for command in text[from..].split("\x1b_G").skip(1) {
        let (command, _) = command.split_once("\x1b\\")?;
        let (control, piece) = command.split_once(';')?;
        let number = |key: &str| {
            let found = control.split(',').find_map(|part| part.strip_prefix(key));
            found.and_then(|number| number.parse::<usize>().ok())
        };
        size = size.or_else(|| number("s=").zip(number("v=")));
        payload.push_str(piece);
        if number("m=") == Some(0) {
            let pixels = base64::engine::general_purpose::STANDARD.decode(payload);
            let (width, height) = size?;
            return Some((width, height, pixels.ok()?));
        }
    }
    None
}

#[test]
fn a_terminal_that_answers_as_kitty_gets_pixels() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = asked("xterm-kitty", dir.path(), (100, 30));
    terminal.press(KITTY);
    terminal.press("2");
    terminal.wait_for_raw("a whole picture", |raw| first_picture(raw).is_some());
    terminal.wait_for_bytes("\u{10eeee}".as_bytes());
    let raw = terminal.raw();
    let (width, height, pixels) = first_picture(&raw).unwrap();
    assert_eq!(pixels.len(), width * height * 3);
    assert!(width > 200 && height > 100, "{width}x{height}");
    let (low, high) = (pixels.iter().min().unwrap(), pixels.iter().max().unwrap());
    assert!(
        low + 50 < *high,
        "there is something in it: {low} to {high}"
    );
    // Text covers it, and the operator may choose otherwise.
    terminal.press("?");
    terminal.wait_for_text("on this screen");
    terminal.press("\x1b");
    terminal.wait_for("the help to close", |screen| {
        !screen.contents().contains("on this screen")
    });
    terminal.press(":graphics half-blocks\r");
    terminal.wait_for("half blocks", is_picture_of_half_blocks);
    let raw = quit(terminal);
    assert!(contains(&raw, b"\x1b_Ga=d,"), "it is taken out of memory");
    // It is remembered, and a terminal of that name that says nothing gets half blocks again.
    let kept = std::fs::read_to_string(dir.path().join("state/ttyscope/terminals")).unwrap();
    assert!(kept.contains("\tkitty\t10\t20"), "{kept}");
    let mut terminal = asked("xterm-kitty", dir.path(), (100, 30));
    terminal.press("2");
    terminal.wait_for("half blocks after all", is_picture_of_half_blocks);
    quit(terminal);
}

#[test]
fn a_terminal_that_answers_nothing_gets_half_blocks() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = asked("xterm-256color", dir.path(), (100, 30));
    terminal.press("2");
    terminal.wait_for("half blocks", is_picture_of_half_blocks);
    assert!(!contains(&quit(terminal), b"\x1b_Ga=T"));
}

#[test]
fn rubbish_for_an_answer_types_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = asked("xterm-256color", dir.path(), (100, 30));
    terminal.wait_for_text("sources");
    let long = "q".repeat(9_000);
    for rubbish in [
        "\x1b_Gi=31;qqqq:quit\x1b\\",
        "\x1bPqqqq2222\x1b\\",
        &format!("\x1bP{long}\x1b\\"),
        &format!("\x1b]{long}\x07"),
        "\x1b[6;99999;999t",
        "\x1b[>1;2;3;4c",
        "\x1b[?;;;4294967296;999999999999c",
    ] {
        terminal.press(rubbish);
    }
    terminal.press("2");
    terminal.wait_for("half blocks", is_picture_of_half_blocks);
    assert!(!contains(&terminal.raw(), b"\x1b_Ga=T"));
    quit(terminal);
}

#[test]
fn a_terminal_of_twenty_columns_shows_pixels_too() {
    let dir = tempfile::tempdir().unwrap();
    let mut terminal = asked("xterm-kitty", dir.path(), (20, 12));
    terminal.press(KITTY);
    terminal.press("2");
    terminal.wait_for_raw("a whole picture", |raw| first_picture(raw).is_some());
    terminal.resize(5, 3);
    terminal.resize(20, 12);
    quit(terminal);
}

#[test]
fn an_old_terminal_is_asked_nothing_and_gets_signs_of_seven_bits() {
    let dir = tempfile::tempdir().unwrap();
    let env = [("TERM", "vt100"), ("COLORTERM", "")];
    let mut terminal = Terminal::start_with(&[], dir.path(), 80, 24, &env);
    terminal.wait_for_text("SIMULATED");
    terminal.press("2");
    terminal.wait_for_text("fps");
    terminal.press("7");
    terminal.wait_for_text("connected");
    let raw = quit(terminal);
    assert!(raw.is_ascii(), "{:?}", String::from_utf8_lossy(&raw));
    assert!(!contains(&raw, b"\x1b[c"));
}
